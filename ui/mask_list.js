// In the mask's stage: tools that draw a shape on the picture, and the shapes that there are.
const ICONS = {
  rectangle: '<path d="M2.5 4h13v10h-13z"/>', ellipse: '<ellipse cx="9" cy="9" rx="7" ry="5"/>',
  polygon: '<path d="M3 6l7-3.5L15.5 8l-3 7H5z"/>',
}
const HINTS = {
  "": "Choose a shape, then draw it on the picture. Drag a shape to move it, the dot on an ellipse to turn it.",
  rectangle: "Drag from one corner to the other. Escape puts the tool down.",
  ellipse: "Drag from one corner of its box to the other. Escape puts the tool down.",
  polygon: "Click on each corner; Enter or the first corner closes it. Escape puts the tool down.",
}
const CROSS = '<svg class="line" viewBox="0 0 18 18" aria-hidden="true"><path d="M5 5l8 8M13 5l-8 8"/></svg>'
const icon = (kind) => `<svg class="line" viewBox="0 0 18 18" aria-hidden="true">${ICONS[kind]}</svg>`

export function render({model}) {
  const tell = (name, value) =>
    window.dispatchEvent(new CustomEvent("starshift", {detail: {channel: model.channel, name, value}}))
  const make = (tag, name, text = "") => Object.assign(document.createElement(tag), {className: name, textContent: text})
  const root = make("div", "")
  const tools = make("span", "group")
  const hint = make("p", "mask-hint")
  const list = make("div", "mask-shapes")
  let state = {tool: "", chosen: -1}
  tools.setAttribute("role", "group")
  tools.setAttribute("aria-label", "Draw on the picture")
  const buttons = Object.keys(ICONS).map((kind) => {
    const button = make("button", "")
    button.type = "button"
    button.innerHTML = `${icon(kind)}<span>${kind[0].toUpperCase()}${kind.slice(1)}</span>`
    button.addEventListener("click", () => tell("mask tool", state.tool == kind ? "" : kind))
    tools.append(button)
    return [kind, button]
  })
  root.append(tools, hint, list)

  function row(shape, k) {
    const one = make("div", "mask-shape")
    const name = make("button", "name")
    name.type = "button"
    name.title = shape.words
    name.innerHTML = icon(shape.kind)
    name.append(make("span", "", shape.words.replace(" at ", "\nat ")))
    name.setAttribute("aria-pressed", String(k == state.chosen))
    name.addEventListener("click", () => tell("mask choose", k == state.chosen ? -1 : k))
    const away = make("button", "")
    away.type = "button"
    away.innerHTML = CROSS
    away.title = "Take this shape away"
    away.setAttribute("aria-label", `Take away ${shape.words}`)
    away.addEventListener("click", () => tell("mask remove", k))
    one.append(name, ...(shape.theta === null ? [] : angle(shape, k)), away)
    return one
  }

  function angle(shape, k) {
    const field = Object.assign(make("input", "angle"), {type: "number", step: 1, value: shape.theta})
    field.title = "Angle of its first axis, from x toward y"
    field.setAttribute("aria-label", `Angle of ${shape.words}, degrees`)
    field.addEventListener("change", () => {
      if (Number.isFinite(field.valueAsNumber)) tell("mask turn", {shape: k, theta: field.valueAsNumber})
      else field.value = shape.theta
    })
    return [field, make("span", "degrees", "\u00b0")]
  }

  function draw() {
    root.className = `part mask-list ${model.theme}`
    for (const [kind, button] of buttons) {
      button.setAttribute("aria-pressed", String(kind == state.tool))
      button.disabled = model.why !== ""
    }
    hint.textContent = model.why || HINTS[state.tool]
    // A field whose number was just changed keeps the focus.
    const at = [...list.children].findIndex((one) => one.querySelector("input:focus"))
    list.replaceChildren(...model.shapes.map(row))
    list.children[at]?.querySelector("input")?.focus()
  }

  const heard = (event) => {
    if (event.detail.channel != model.channel || event.detail.name != "mask state") return
    state = event.detail.value
    draw()
  }
  window.addEventListener("starshift", heard)
  model.on("remove", () => window.removeEventListener("starshift", heard))
  model.on(["theme", "shapes", "why"], draw)
  draw()
  tell("mask ready", true)
  return root
}
