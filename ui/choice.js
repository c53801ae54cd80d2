// A few buttons side by side, one of them pressed.
export function render({model}) {
  const root = document.createElement("div")
  const group = Object.assign(document.createElement("span"), {className: "group"})
  group.setAttribute("role", "group")
  root.append(group)
  const draw = () => {
    root.className = `part choices ${model.theme}`
    group.setAttribute("aria-label", model.label)
    group.replaceChildren(...Object.entries(model.options).map(([name, text]) => {
      const button = Object.assign(document.createElement("button"), {type: "button", textContent: text})
      button.setAttribute("aria-pressed", String(name == model.value))
      button.addEventListener("click", () => { model.value = name })
      return button
    }))
  }
  model.on(["theme", "label", "options"], draw)
  // The button that was pressed keeps the focus.
  model.on("value", () => Object.keys(model.options).forEach((name, k) =>
    group.children[k].setAttribute("aria-pressed", String(name == model.value))))
  draw()
  return root
}
