// Under the small maps: how the map was made, and a method to compare it with.
export function render({model}) {
  const root = document.createElement("div")
  const made = document.createElement("span")
  const spacer = Object.assign(document.createElement("span"), {className: "spacer"})
  const label = document.createElement("label")
  const box = Object.assign(document.createElement("span"), {className: "choice"})
  const select = document.createElement("select")
  made.className = "made"
  label.textContent = "compare with"
  label.className = "quiet"
  select.id = "compare"
  label.htmlFor = select.id
  select.setAttribute("aria-label", "Compare the map with another method's")
  select.addEventListener("change", () => { model.method = select.value })
  box.append(select)
  box.insertAdjacentHTML("beforeend", '<svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="M7 10l5 5 5-5"/></svg>')
  root.append(made, spacer, label, box)

  const draw = () => {
    root.className = `part compare ${model.theme}`
    select.replaceChildren(...["", ...model.methods].map((name) => new Option(name || "none", name, false, name == model.method)))
    select.value = model.method
    made.textContent = model.made
    made.title = model.hint || model.made
  }
  model.on(["theme", "methods", "method", "made", "hint"], draw)
  draw()
  return root
}
