// In a narrow window, at the right of the picture: opens the tabs of the right column, which then lies over the picture.
const ICONS = {
  Tracks: "M3 17l6-6 4 4 8-8", Map: "M12 3l9 5-9 5-9-5zM3 14l9 5 9-5", Stars: "M12 3l2.7 5.8 6.3.8-4.6 4.4 1.2 6.3L12 17.2 6.4 20.3l1.2-6.3L3 9.6l6.3-.8z",
  Frames: "M3 5h8v14H3zM15 5v14M20 5v14", Pixels: "M3 20h18M5 20v-5M9 20V9M13 20V4M17 20v-8M20 20v-3", Shifts: "M4 4h11v11H4zM9 9h11v11H9z", Stack: "M12 3l9 4-9 4-9-4zM3 12l9 4 9-4M3 17l9 4 9-4", Fluxes: "M4 20V4M4 20h16M7 17c3 0 3-10 5-10s2 10 5 10", Truth: "M4 12l5 5L20 6",
}
export function render({model}) {
  const root = document.createElement("nav")
  root.setAttribute("aria-label", "Right column")
  const held = () => root.getRootNode().activeElement?.closest?.("button")?.dataset.name
  const draw = () => {
    const focused = held()
    root.className = `part tab-rail ${model.theme}`
    root.replaceChildren(...model.names.map((name) => {
      const button = document.createElement("button")
      button.type = "button"
      button.dataset.name = name
      button.setAttribute("aria-expanded", String(name === model.open))
      button.innerHTML = `<svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`
      button.append(Object.assign(document.createElement("span"), {textContent: name}))
      button.addEventListener("click", () => model.send_msg({name}))
      return button
    }))
    if (focused) focus(focused)
  }
  const focus = (name) => root.querySelector(`[data-name="${name}"]`)?.focus()
  // Escape closes the column that lies over the picture, as it does a dialog; what is written in has its own use for it.
  const escaped = (event) => {
    const own = event.composedPath().some((one) => one.matches?.("input[type=text], input[type=number], textarea, select, dialog, [role=dialog], [role=menu], [role=listbox]"))
    if (event.key != "Escape" || event.defaultPrevented || own || !model.open || !root.offsetWidth) return
    event.preventDefault()
    focus(model.open)
    model.send_msg({name: model.open})
  }
  window.addEventListener("keydown", escaped)
  model.on("remove", () => window.removeEventListener("keydown", escaped))
  model.on(["theme", "names", "open"], draw)
  for (const [name, below] of Object.entries(model.below)) {
    const query = window.matchMedia(`(max-width: ${below}px)`)
    const tell = () => model.send_msg({[name]: query.matches})
    query.addEventListener("change", tell)
    model.on("remove", () => query.removeEventListener("change", tell))
    // A message sent while this is still being drawn would be lost.
    if (query.matches) setTimeout(tell, 200)
  }
  draw()
  return root
}
