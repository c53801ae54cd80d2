
// The pointer on a picture: the value under it, what is said of a star, the star picked, the region dragged.

const PICK_RADIUS = 12
const HOVER_RADIUS = 7
const POINT_RADIUS = 4
const LEAST_BOX = 4

function pointing(picture) {
  const {args, state, tell, drawn} = picture
  const {pick, stars, figures} = args
  const tip = tooltip()
  let pointer = [0, 0]
  window.addEventListener("pointermove", (event) => { pointer = [event.clientX, event.clientY] }, {passive: true, capture: true})
  // Bokeh frames a figure that was clicked on with dots; who comes to it by the keyboard is to see them.
  window.addEventListener("pointerdown", (event) => {
    const box = event.composedPath().find((one) => one.classList?.contains("bk-events"))
    if (box == null) return
    box.style.outline = "none"
    box.addEventListener("blur", () => { box.style.outline = "" }, {once: true})
  }, {passive: true, capture: true})

  const drawn_star = (k) => state.classes[k] != NONE
  // What is too faint tells of itself where it is pointed at, drawn or not.
  const faint_star = (k) => state.kinds[k] == BELOW

  // What the tooltip tells of, and a click picks.
  function pointed_at({x, y}) {
    const k = picture.nearest(x, y, HOVER_RADIUS, drawn_star)
    return k < 0 ? picture.nearest(x, y, POINT_RADIUS, faint_star) : k
  }

  // A picture on the reference's pixels: the frame's stars are not where it shows them.
  const at_home = (event) => Boolean(drawn[figures.findIndex((figure) => figure == event.origin)]?.home?.[0])

  function tapped(event) {
    const sequence = [pick.data.sequence[0] + 1]
    if (at_home(event)) {
      const reach = PICK_RADIUS / state.scale
      pick.data = {row: [-1], id: [-1], x: [event.x], y: [event.y], reach: [reach], sequence}
      return
    }
    const told = pointed_at(event)
    const k = told < 0 ? picture.nearest(event.x, event.y, PICK_RADIUS, drawn_star) : told
    pick.data = {row: [k], id: [k < 0 ? -1 : stars.data.id[k]], x: [event.x], y: [event.y], reach: [0], sequence}
  }

  function value(i, x, y) {
    const cut = drawn[i]
    if (cut == null || cut.width[0] == 0) return null
    const [rows, columns] = cut.values[0].shape
    const column = Math.floor((x - cut.x[0]) / cut.step[0])
    const row = Math.floor((y - cut.y[0]) / cut.step[0])
    if (column < 0 || row < 0 || column >= columns || row >= rows || x > state.nx - 0.5 || y > state.ny - 0.5) return null
    const k = row * columns + column
    const code = cut.values[0][k]
    const exact = cut.exact[0]
    const number = exact.length ? exact[k] : code == NAN_CODE ? NaN : decode(cut, code)
    return {value: number, unit: cut.unit[0], step: cut.step[0], label: cut.label[0]}
  }

  function read(event) {
    if (event != null) state.pointed = [figures.findIndex((figure) => figure == event.origin), event.x, event.y]
    if (state.pointed == null) return
    const [, x, y] = state.pointed
    const values = picture.shown().map((i) => value(i, x, y)).filter((one) => one != null)
    tell("readout", values.length ? {x, y, values} : null)
  }

  function hover(event) {
    read(event)
    const cut = drawn[state.pointed[0]]
    if (cut == null || !cut.sky[0] || cut.home[0]) return tip.hide()
    const k = pointed_at(event)
    if (k < 0) return tip.hide()
    const data = stars.data
    const kind = state.kinds[k]
    const place = `x ${data.x[k].toFixed(1)}, y ${data.y[k].toFixed(1)}`
    if (kind == BELOW) return tip.show(pointer, "Rejected.", too_faint(k), place)
    const title = kind == REJECTED ? "Rejected" : kind == STAR ? "Star" : `Star ${data.id[k]}, ${KINDS[kind]}`
    // Which stars of a frame the reference has is known once there are tracks.
    const about = {[REJECTED]: () => why(k), [LOST]: () => args.fates[data.reason[k]],
      [STAR]: () => state.auto_hidden ? args.reasons[0] : ""}
    const over = data.strength[k]
    tip.show(pointer, `${title}.`, about[kind]?.() ?? "",
      Number.isFinite(over) ? `${place}, ${over >= 100 ? over.toFixed(0) : over.toPrecision(3)} σ` : place)
  }

  function too_faint(k) {
    const [strength, least] = [stars.data.strength[k], state.cut.threshold ?? state.cut.resolved]
    if (least == null) return args.reasons[BELOW_THRESHOLD]
    const digits = least - strength < 0.1 ? 3 : 1
    return `${strength.toFixed(digits)} σ, below ${Number(least.toFixed(digits))}`
  }

  function why(k) {
    const data = stars.data
    const text = (value) => value.toFixed(2).replace("-", "−")
    const outside = (name, value, range) => {
      if (range == null) return null
      const [low, high] = range.map((one) => String(one).replace("-", "−"))
      if (value < range[0]) return `${name} ${text(value)}, below ${low}`
      return value > range[1] ? `${name} ${text(value)}, above ${high}` : null
    }
    // A knob under the hand decides here; else the server has, and says by what.
    const range = (name) => state.cut[name] ?? (REASON_CUT[data.reason[k]] == name ? state.cut.bounds?.[name] : null)
    return outside("Sharpness", data.sharpness[k], range("sharpness"))
      // The roundness that the star's card shows, then DAOFIND's other one.
      ?? outside("Roundness", data.roundness2[k], range("roundness"))
      ?? outside("Roundness1", data.roundness1[k], range("roundness"))
      ?? args.reasons[data.reason[k]] ?? ""
  }

  function left() {
    state.pointed = null
    tip.hide()
    tell("readout", null)
  }

  return {tapped, read, hover, left, at_home, hide_tip: tip.hide}
}

// One drag with the box tool, then the hand moves the picture again.
function dragging(picture) {
  const {args, state, tell} = picture
  const tell_region = () => tell("region", {dragging: state.dragging === true, drawn: args.region.data.left.length > 0})

  function drag_region(on) {
    for (const tool of args.boxes) tool.active = on
    for (const tool of args.pans) tool.active = !on
    state.dragging = on
    tell_region()
  }

  function region(on) {
    if (!on && args.region.data.left.length) dragged(null)
    drag_region(on)
  }

  const dragged = (box, home = false) => {
    args.dragged.data = {box: [box], home: [home], sequence: [(args.dragged.data.sequence[0] ?? 0) + 1]}
  }

  function geometry(event) {
    if (event.geometry.type != "rect" || event.final === false) return
    const {x0, x1, y0, y1} = event.geometry
    drag_region(false)
    // What is dragged beside the frame holds nothing.
    const within = (one, count) => Math.min(Math.max(one, -0.5), count - 0.5)
    const [xs, ys] = [[x0, x1].map((x) => within(x, state.nx)), [y0, y1].map((y) => within(y, state.ny))]
    const box = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]
    if ((box[1] - box[0]) * state.scale > LEAST_BOX && (box[3] - box[2]) * state.scale > LEAST_BOX) dragged(box, picture.at_home(event))
  }

  return {region, geometry, tell_region}
}

function tooltip() {
  const box = document.createElement("div")
  box.className = "starshift-tip"
  box.setAttribute("role", "tooltip")
  Object.assign(box.style, {
    position: "fixed", zIndex: 2000, pointerEvents: "none", display: "none", padding: "6px 12px", borderRadius: "6px",
    font: "12px/18px Roboto, sans-serif", background: "#E8EAED", color: "#1B1F24", maxWidth: "280px",
  })
  document.body.append(box)
  return {
    hide: () => { box.style.display = "none" },
    show: ([x, y], title, detail, second) => {
      const [bold, line] = [document.createElement("b"), document.createElement("div")]
      bold.textContent = title
      line.textContent = second
      box.replaceChildren(bold, ` ${detail}`, line)
      box.style.display = "block"
      box.style.left = `${Math.min(x + 14, window.innerWidth - box.offsetWidth - 8)}px`
      box.style.top = `${Math.min(y + 14, window.innerHeight - box.offsetHeight - 8)}px`
    },
  }
}
