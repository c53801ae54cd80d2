// Over each of several pictures: what it shows, and its colour bar.
export function render({model}) {
  const root = document.createElement("div")
  const box = document.createElement("span")
  box.className = "choice"
  const select = document.createElement("select")
  select.setAttribute("aria-label", `What picture ${model.index + 1} shows`)
  const fill = () => select.replaceChildren(...Object.entries(model.options).map(([key, text]) => new Option(text, key)))
  select.addEventListener("change", () => { model.kind = select.value })
  box.append(select)
  box.insertAdjacentHTML("beforeend", '<svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="M7 10l5 5 5-5"/></svg>')
  const spacer = Object.assign(document.createElement("span"), {className: "spacer"})
  const scale = Object.assign(document.createElement("span"), {className: "scale"})
  const title = document.createElement(model.small ? "button" : "span")
  if (model.small) {
    Object.assign(title, {type: "button", className: "plain"})
    title.addEventListener("click", () => { model.clicks += 1 })
  }
  root.append(box, title, spacer, scale)

  function bar() {
    const [low, high] = [document.createElement("span"), document.createElement("span")]
    if (!model.palette) return scale.replaceChildren()
    const canvas = Object.assign(document.createElement("canvas"), {width: 256, height: 1})
    const context = canvas.getContext("2d")
    for (let k = 0; k < 256; k++) {
      context.fillStyle = `#${model.palette.slice(6 * k, 6 * k + 6)}`
      context.fillRect(k, 0, 1, 1)
    }
    low.textContent = model.low
    high.textContent = model.high
    scale.replaceChildren(low, canvas, high)
  }
  const draw = () => {
    root.className = `part head ${model.small ? "small" : model.choice ? "" : "alone"} ${model.theme}`
    box.style.display = model.choice ? "" : "none"
    select.value = model.kind
    title.style.display = model.choice ? "none" : ""
    title.textContent = model.options[model.kind]
    if (model.small) title.setAttribute("aria-pressed", String(model.chosen))
  }
  model.on("options", () => { fill(); draw() })
  model.on(["theme", "kind", "choice", "chosen"], draw)
  model.on(["palette", "low", "high"], bar)
  fill()
  draw()
  bar()
  return root
}
