// A button of the top bar that is an icon, with its words on hover, as the toolbar's are.
const ICONS = {
  undo: "M8 5L4 9l4 4M4 9h9a6 6 0 0 1 0 12h-3", redo: "M16 5l4 4-4 4M20 9h-9a6 6 0 0 0 0 12h3",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2",
  dark: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  help: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.5 9.6a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.1.9-1.1 1.8M12 16.8v.1",
}

export function render({model}) {
  const root = document.createElement("div")
  const button = Object.assign(document.createElement("button"), {type: "button"})
  button.addEventListener("click", () => { model.clicks += 1 })
  root.append(button)
  const draw = () => {
    root.className = `part bare ${model.theme}`
    button.title = model.label
    button.setAttribute("aria-label", model.label)
    button.disabled = model.barred
    button.innerHTML = `<svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="${ICONS[model.icon]}"/></svg>`
  }
  model.on(["theme", "icon", "label", "barred"], draw)
  draw()
  return root
}
