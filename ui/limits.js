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
    const handle = make("input", {type: "range", min: model.low, max: model.high, step: 0.1, title: label, value: model.limits[k]})
    handle.setAttribute("aria-label", label)
    return handle
  })
  box.append(canvas, ...handles)
  root.append(words[0], box, words[1])

  const tell = (value) =>
    window.dispatchEvent(new CustomEvent("starshift", {detail: {channel: model.channel, name: "limits", value}}))
  // Where the picture is cut, in sigma; beyond the ends of the strip a handle waits at its end.
  let drawn = model.limits
  handles.forEach((handle, k) => handle.addEventListener("input", () => {
    const other = drawn[1 - k]
    if (k == 0 && handle.valueAsNumber > other - 1) handle.value = other - 1
    if (k == 1 && handle.valueAsNumber < other + 1) handle.value = other + 1
    tell(k == 0 ? [handle.valueAsNumber, other] : [other, handle.valueAsNumber])
  }))
  // Nobody's hand: the stretch chooses again.
  handles.forEach((handle) => handle.addEventListener("dblclick", () => tell(null)))
  window.addEventListener("starshift", (event) => {
    if (event.detail.channel != model.channel || event.detail.name != "drawn limits") return
    if (drawn[0] == event.detail.value[0] && drawn[1] == event.detail.value[1]) return
    drawn = event.detail.value
    handles.forEach((handle, k) => { handle.value = drawn[k] })
    draw()
  })
  const words_of = (value) => Number(value.toFixed(Math.abs(value) < 100 ? 1 : 0)).toString().replace("-", "−")

  function draw() {
    root.className = `part histogram ${model.tall ? "tall" : ""} ${model.theme}`
    const [low, high] = drawn
    const share = (value) => Math.min(Math.max((value - model.low) / (model.high - model.low), 0), 1)
    words.forEach((word, k) => {
      word.innerHTML = `${words_of(drawn[k])} <i>σ</i>`
      word.style.setProperty("--at", share(drawn[k]))
    })
    handles.forEach((handle, k) => handle.setAttribute("aria-valuetext", `${words_of(drawn[k])} sigma`))
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
