// Cut-outs of stars side by side; a click on one picks its star.
export function render({model}) {
  const root = document.createElement("div")
  const head = Object.assign(document.createElement("div"), {className: "gallery-head"})
  const grid = Object.assign(document.createElement("div"), {className: "gallery-grid"})
  grid.setAttribute("role", "group")
  root.append(head, grid)
  const mark = () => model.cells.forEach((cell, k) =>
    grid.children[k].setAttribute("aria-pressed", String(cell.star !== null && cell.star === model.picked)))
  const draw = () => {
    root.className = `part gallery ${model.theme}`
    head.innerHTML = `<span>${model.title}</span><span>${model.legend}</span>`
    grid.setAttribute("aria-label", model.title)
    grid.replaceChildren(...model.cells.map((cell) => {
      const button = Object.assign(document.createElement("button"), {type: "button", innerHTML: cell.html, title: cell.words})
      button.setAttribute("aria-label", cell.label)
      button.disabled = cell.star === null
      button.addEventListener("click", () => model.send_msg({star: cell.star}))
      return button
    }))
    mark()
  }
  model.on(["theme", "cells", "title"], draw)
  // The button that was pressed keeps the focus.
  model.on("picked", mark)
  draw()
  return root
}
