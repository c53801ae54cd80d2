// The page's keys, and the list of them. What stands in a field, on a slider, in a menu or a dialog keeps its own keys.
const ROWS = [
  [["\u2190", "\u2192"], "previous and next frame"],
  [["Home", "End"], "first and last frame"],
  [["Space"], "blink against the reference, and stop"],
  [["P"], "play, and pause"],
  [["+", "\u2212"], "larger and smaller"],
  [["0"], "the whole frame"],
  [["\u2191", "\u2193", "Enter"], "in a table: rows, and what a click on one does"],
  [["Ctrl Z", "Ctrl Y"], "take the last turn of a knob back, and again"],
  [["?"], "this list"],
]
const PLAYER = {ArrowLeft: "previous", ArrowRight: "next", Home: "first", End: "last", " ": "blink", p: "play", P: "play"}
const ZOOM = {"+": 1, "=": 1, "-": -1, "\u2212": -1, _: -1}
const OWN_TAGS = new Set(["INPUT", "TEXTAREA", "SELECT", "OPTION", "DIALOG"])
const OWN_ROLES = new Set([
  "slider", "tab", "menu", "menuitem", "listbox", "option", "spinbutton", "combobox", "textbox", "radio", "radiogroup", "dialog",
])
const TYPED_INTO = new Set(["text", "search", "number"])
const PRESSED_BY_SPACE = new Set(["BUTTON", "A", "SUMMARY"])

const elements = (event) => event.composedPath().filter((one) => one instanceof Element)
const keeps_keys = (event) => elements(event).some((one) =>
  OWN_TAGS.has(one.tagName) || OWN_ROLES.has(one.getAttribute("role")) || one.isContentEditable)
// Undo is the field's own while something is being written in it; a knob's field tells when that is over.
const keeps_undo = (event) => {
  const [focused, ...around] = elements(event)
  if (around.some((one) => one.tagName === "DIALOG") || focused.isContentEditable || focused.tagName === "TEXTAREA") return true
  return focused.tagName === "INPUT" && TYPED_INTO.has(focused.type) && focused.typed !== false
}
const is_pressed = (event) => elements(event).some((one) =>
  PRESSED_BY_SPACE.has(one.tagName) || ["button", "checkbox", "switch"].includes(one.getAttribute("role")))

function listing(close) {
  const dialog = document.createElement("dialog")
  dialog.setAttribute("aria-labelledby", "keys-title")
  dialog.innerHTML = `<header><h2 id="keys-title">Keys</h2></header><table><tbody></tbody></table>`
  const shut = Object.assign(document.createElement("button"), {type: "button", className: "close", title: "Close"})
  shut.setAttribute("aria-label", "Close the list of keys")
  shut.innerHTML = '<svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18"/></svg>'
  shut.addEventListener("click", close)
  dialog.querySelector("header").append(shut)
  const body = dialog.querySelector("tbody")
  for (const [keys, meaning] of ROWS) {
    const row = body.insertRow()
    const names = document.createElement("th")
    names.scope = "row"
    for (const key of keys) names.append(Object.assign(document.createElement("kbd"), {textContent: key}))
    row.append(names)
    row.insertCell().textContent = meaning
  }
  // A click beside the list closes it.
  dialog.addEventListener("click", (event) => { if (event.target === dialog) close() })
  return dialog
}

export function render({model}) {
  const root = document.createElement("div")
  const dialog = listing(() => dialog.close())
  root.append(dialog)
  const tell = (name, value) =>
    window.dispatchEvent(new CustomEvent("starshift", {detail: {channel: model.channel, name, value}}))

  // Who clicks goes on by keys: the space bar then blinks, and does not press the same button again.
  // A menu gives the focus back to the button that opened it, so all that was clicked counts, until Tab moves on.
  let clicked = new WeakSet()
  const touch = (event) => elements(event).forEach((one) => clicked.add(one))
  // A tab keeps the arrows for itself while it has the focus; who clicked on it goes on to step through the frames.
  const leave = (event) => {
    const tab = event.detail && elements(event).find((one) => one.getAttribute("role") === "tab")
    if (tab) tab.blur()
  }
  const walk = (event) => { if (event.key === "Tab") clicked = new WeakSet() }
  window.addEventListener("pointerdown", touch, {capture: true, passive: true})
  window.addEventListener("click", leave)
  window.addEventListener("keydown", walk, {capture: true, passive: true})

  function presses(event) {
    const [focused] = elements(event)
    if (!is_pressed(event) || !clicked.has(focused)) return is_pressed(event)
    focused.blur()
    return false
  }

  function turned_back(event) {
    const key = event.key.toLowerCase()
    const undo = (event.ctrlKey || event.metaKey) && key === "z"
    if (event.altKey || !(undo || (event.ctrlKey && key === "y")) || keeps_undo(event)) return false
    model.send_msg({turn: undo && !event.shiftKey ? "undo" : "redo"})
    return true
  }

  function acted(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || keeps_keys(event)) return false
    if (event.key === " " && presses(event)) return false
    if (event.key in PLAYER) return tell("press", PLAYER[event.key]), true
    if (event.key in ZOOM) return tell("zoom", ZOOM[event.key]), true
    if (event.key === "0") return tell("fit"), true
    if (event.key === "?") return dialog.showModal(), true
    return false
  }

  const listen = (event) => {
    if (!event.defaultPrevented && (turned_back(event) || acted(event))) event.preventDefault()
  }
  window.addEventListener("keydown", listen)
  model.on("remove", () => {
    window.removeEventListener("keydown", listen)
    window.removeEventListener("click", leave)
    window.removeEventListener("keydown", walk, {capture: true})
    window.removeEventListener("pointerdown", touch, {capture: true})
  })
  model.on("opened", () => dialog.showModal())
  const draw = () => { root.className = model.theme }
  model.on("theme", draw)
  draw()
  return root
}
