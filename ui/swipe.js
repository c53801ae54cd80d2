// Over one picture: a line that is dragged across it, with another kind of picture left of it. picture.js paints.
const make = (tag, properties) => Object.assign(document.createElement(tag), properties)
const [STEP, LARGE_STEP] = [0.02, 0.1]

export function render({model}) {
  const root = make("div", {})
  const line = make("div", {className: "swipe-line", tabIndex: 0})
  line.setAttribute("role", "slider")
  line.setAttribute("aria-label", "Where one picture ends and the other begins")
  line.setAttribute("aria-valuemin", 0)
  line.setAttribute("aria-valuemax", 100)
  line.innerHTML = '<i><svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="M9 8l-4 4 4 4M15 8l4 4-4 4"/></svg></i>'
  const box = make("span", {className: "choice swipe-name"})
  const select = make("select", {title: "What is left of the line"})
  select.setAttribute("aria-label", "What is left of the line")
  select.addEventListener("change", () => { model.kind = select.value })
  box.append(select)
  box.insertAdjacentHTML("beforeend", '<svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="M7 10l5 5 5-5"/></svg>')
  root.append(box, line)
  let share = 0.5

  function put(value) {
    share = Math.min(Math.max(value, 0), 1)
    line.style.left = `${100 * share}%`
    line.setAttribute("aria-valuenow", Math.round(100 * share))
    window.dispatchEvent(new CustomEvent("starshift", {detail: {channel: model.channel, name: "swipe", value: model.kind ? share : null}}))
  }
  line.addEventListener("pointerdown", (event) => {
    line.setPointerCapture(event.pointerId)
    line.focus()
    event.preventDefault()
  })
  line.addEventListener("pointermove", (event) => {
    if (!line.hasPointerCapture(event.pointerId)) return
    const {left, width} = root.getBoundingClientRect()
    put((event.clientX - left) / width)
  })
  line.addEventListener("keydown", (event) => {
    const way = {ArrowLeft: -1, ArrowRight: 1}[event.key]
    const end = {Home: 0, End: 1}[event.key]
    if (way == null && end == null) return
    put(end ?? share + way * (event.shiftKey ? LARGE_STEP : STEP))
    // The same keys step through the frames elsewhere.
    event.preventDefault()
    event.stopPropagation()
  })

  function draw() {
    root.className = `part swipe ${model.theme}`
    root.style.display = model.kind ? "" : "none"
    select.replaceChildren(...Object.entries(model.options).map(([key, text]) => new Option(text, key, false, key == model.kind)))
    put(share)
  }
  model.on(["theme", "kind", "options"], draw)
  draw()
  return root
}
