// Beside each of two pictures: what it shows, of which frame, and a map's colours with their values.
const MOST_TICKS = 9
const make = (tag, properties) => Object.assign(document.createElement(tag), properties)

function steps(low, high) {
  const rough = (high - low) / MOST_TICKS
  const ten = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((k) => k * ten).find((one) => one >= rough)
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const values = []
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) values.push(k * step)
  return values.map((value) => [value, value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1").replace("-", "−")])
}

export function render({model}) {
  const root = make("div", {})
  const choice = make("span", {className: "choice"})
  const select = make("select", {})
  select.setAttribute("aria-label", `What picture ${model.index + 1} shows`)
  select.addEventListener("change", () => { model.kind = select.value })
  choice.append(select)
  choice.insertAdjacentHTML("beforeend", '<svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="M7 10l5 5 5-5"/></svg>')
  const caption = make("div", {className: "small"})
  const bar = make("div", {className: "upright"})
  const canvas = make("canvas", {width: 1, height: 256})
  const ticks = make("div", {className: "ticks"})
  canvas.setAttribute("aria-hidden", "true")
  bar.append(canvas, ticks)
  const facts = make("div", {className: "small"})
  root.append(choice, caption, bar, facts)

  function paint() {
    const {palette, low, high} = model
    bar.style.display = palette && high > low ? "" : "none"
    if (bar.style.display) return
    const context = canvas.getContext("2d")
    for (let k = 0; k < 256; k++) {
      context.fillStyle = `#${palette.slice(6 * k, 6 * k + 6)}`
      context.fillRect(0, 255 - k, 1, 1)
    }
    const marks = steps(low, high)
    ticks.replaceChildren(...marks.map(([value, text], k) => {
      const tick = make("span", {textContent: k == marks.length - 1 ? `${text} ${model.unit}` : text})
      tick.style.bottom = `${(100 * (value - low)) / (high - low)}%`
      return tick
    }))
  }
  const fill = () => select.replaceChildren(...Object.entries(model.options).map(([key, text]) => new Option(text, key)))
  function draw() {
    root.className = `part aside ${model.theme}`
    select.value = model.kind
    caption.textContent = model.caption
    facts.replaceChildren(...model.facts.map((text) => make("div", {textContent: text})))
  }
  model.on("options", () => { fill(); draw() })
  model.on(["theme", "kind", "caption", "facts"], draw)
  model.on(["palette", "low", "high", "unit"], paint)
  fill()
  draw()
  paint()
  return root
}
