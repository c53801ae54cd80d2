// Over a picture that has no pixels: why, and the next step.
const PATIENCE_MS = 400
const make = (tag, properties) => Object.assign(document.createElement(tag), properties)

export function render({model}) {
  const root = make("div", {})
  root.setAttribute("role", "status")
  const title = make("h3", {})
  const words = make("p", {})
  const raw = make("button", {type: "button", className: "outlined", textContent: "Show the raw frame"})
  raw.addEventListener("click", () => { model.kind = "raw" })
  root.append(title, words, raw)
  let due = 0

  function draw() {
    clearTimeout(due)
    root.className = `part note ${model.theme}`
    const failed = model.state == "failed"
    const name = model.options[model.kind] ?? ""
    title.textContent = failed ? `No picture “${name}”` : `“${name}” is being made`
    words.textContent = model.detail || (failed
      ? "A stage that it stands on failed. Its row among the stages says why, and what to do."
      : "It shows here as soon as it is there.")
    raw.style.display = failed && model.kind != "raw" ? "" : "none"
    // What takes less than this is never seen waiting: nothing shall blink.
    const seen = Boolean(model.state)
    if (!seen || failed) root.style.display = seen ? "" : "none"
    else due = setTimeout(() => { root.style.display = "" }, PATIENCE_MS)
  }
  root.style.display = "none"
  model.on(["theme", "state", "kind", "options", "detail"], draw)
  draw()
  return root
}
