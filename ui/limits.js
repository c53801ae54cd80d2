// Between picture and player: the histogram of the pixels, and the two values that are drawn black and white.
const make = (tag, properties) => Object.assign(document.createElement(tag), properties)

export function render({model}) {
  const root = make("div", {})
  root.setAttribute("role", "group")
  root.setAttribute("aria-label", "Limits of the stretch")
  const words = [make("span", {className: "value"}), make("span", {className: "value"})]
  const box = make("div", {className: "limits"})
  const canvas = make("canvas", {height: 36})
  canvas.setAttribute("aria-hidden", "true")
  const handles = ["Drawn black, in sigma of the sky", "Drawn white, in sigma of the sky"].map((label, k) => {
    const handle = make("input", {type: "range", min: model.low, max: model.high, step: 0.5, title: label, value: model.limits[k]})
    handle.setAttribute("aria-label", label)
    return handle
  })
  box.append(canvas, ...handles)
  root.append(words[0], box, words[1])

  function tell() {
    window.dispatchEvent(new CustomEvent("starshift", {detail: {channel: model.channel, name: "limits", value: pair()}}))
    draw()
  }
  const pair = () => handles.map((handle) => handle.valueAsNumber)
  handles.forEach((handle, k) => handle.addEventListener("input", () => {
    const other = handles[1 - k].valueAsNumber
    if (k == 0 && handle.valueAsNumber > other - 1) handle.value = other - 1
    if (k == 1 && handle.valueAsNumber < other + 1) handle.value = other + 1
    tell()
  }))
  handles.forEach((handle, k) => handle.addEventListener("dblclick", () => { handle.value = model.limits[k]; tell() }))

  function draw() {
    root.className = `part histogram ${model.theme}`
    const [low, high] = pair()
    const share = (value) => (value - model.low) / (model.high - model.low)
    words[0].innerHTML = `${String(low).replace("-", "−")} <i>σ</i>`
    words[1].innerHTML = `${String(high).replace("-", "−")} <i>σ</i>`
    box.style.setProperty("--from", `${100 * share(low)}%`)
    box.style.setProperty("--to", `${100 * share(high)}%`)
    const counts = model.counts
    canvas.width = Math.max(counts.length, 1)
    const context = canvas.getContext("2d")
    const style = getComputedStyle(root)
    const most = Math.log1p(Math.max(...counts, 1))
    counts.forEach((count, k) => {
      const at = (k + 0.5) / counts.length
      context.fillStyle = style.getPropertyValue(at >= share(low) && at <= share(high) ? "--kept" : "--cut")
      const height = 36 * Math.log1p(count) / most
      context.fillRect(k, 36 - height, 1, height)
    })
  }
  model.on(["theme", "counts"], draw)
  requestAnimationFrame(draw)
  draw()
  return root
}
