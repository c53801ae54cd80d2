// The browser's half of the picture. One instance serves all linked figures of a Picture: it asks the server for cuts,
// colours them, filters markers, and answers pointer, toolbar and legend. All state lives in `make`.

const CODES = 65534
const NAN_CODE = 65535
const SOFTENING = 0.42
const ANSWER_LIMIT_MS = 4000
const PICK_RADIUS = 12
const HOVER_RADIUS = 7
const RING_PIXELS = 10
const RING_LIMIT = 44
const KINDS = ["complete", "partial", "lost", "rejected", "star", "below"]
const REJECTED = 3
const STAR = 4
const BELOW = 5
const NONE = 255
const BELOW_THRESHOLD = 1
const POINT_RADIUS = 4
const SMALL_DOT = 2.5
const OUTER_RING = 13
const LEAST_BOX = 4
const TRACK_DOT = 3
const REASON_CUT = {1: "threshold", 2: "sharpness", 3: "roundness"}

const STRETCHES = {
  asinh: (t) => Math.asinh(t / SOFTENING) / Math.asinh(1 / SOFTENING),
  log: (t) => Math.log1p(1000 * t) / Math.log1p(1000),
  linear: (t) => t,
  zscale: (t) => t,
  percentiles: (t) => t,
}

// Stretches that choose the limits too: both ends are theirs until a hand moves one.
const CHOOSING = ["zscale", "percentiles"]

// For events that come before this module is compiled Bokeh compiles it once each: what its copies share lies outside.
const instances = (window.starshift_pictures ??= new WeakMap())

export default (args, object, data) => {
  if (!instances.has(args.request)) {
    paint_quickly()
    instances.set(args.request, make(args))
  }
  instances.get(args.request).handle(object)
}

function make(args) {
  const {request, answer, pick, stars, filters, figures, cuts, fine, base, x_range, y_range, palettes, channel} = args
  const ndarray = Bokeh.require("core/util/ndarray").ndarray
  const tables = [...figures, "under"].map(() => ({key: null, table: new Uint32Array(65536)}))
  const drawn = figures.map(() => null)
  const painted = figures.map(() => null)
  const state = {
    nx: 0, ny: 0, scale: 0, sequence: 0, waiting: 0, again: false,
    stretch: args.stretch, colours: args.colours, invert: false, limits: null,
    cut: args.cut, hidden: new Set(["below"]), auto_hidden: null, classes: new Uint8Array(0), kinds: new Uint8Array(0),
  }
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
  window.addEventListener("starshift", (event) => {
    if (event.detail.channel == channel) commands[event.detail.name]?.(event.detail.value)
  })

  const tell = (name, value) =>
    window.dispatchEvent(new CustomEvent("starshift", {detail: {channel, name, value}}))
  const shown = () => figures.map((figure, i) => i).filter((i) => figures[i].visible && wide(figures[i]) > 1)

  // --- place: ranges, fit, zoom ---------------------------------------------------------------------------------

  function size() {
    const first = figures[shown()[0]]
    return first == null ? null : [first.inner_width, first.inner_height]
  }

  function place(cx, cy, scale) {
    const area = size()
    if (area == null || !(scale > 0)) return
    state.scale = scale
    const [across, down] = [area[0] / scale / 2, area[1] / scale / 2]
    state.placed = [cx - across, cx + across, cy + down, cy - down]
    state.placing = true
    x_range.setv({start: state.placed[0], end: state.placed[1]})
    y_range.setv({start: state.placed[2], end: state.placed[3]})
    state.placing = false
    moved()
  }

  const centre = () => [(x_range.start + x_range.end) / 2, (y_range.start + y_range.end) / 2]

  function fit() {
    const area = size()
    if (area == null || state.nx == 0) return
    state.fitted = true
    place((state.nx - 1) / 2, (state.ny - 1) / 2, Math.min(area[0] / state.nx, area[1] / state.ny))
  }

  function zoom(direction) {
    const steps = [0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64]
    const next = direction > 0 ? steps.find((s) => s > state.scale * 1.001) : steps.findLast((s) => s < state.scale / 1.001)
    state.fitted = false
    if (next != null) place(...centre(), next)
  }

  function resized() {
    if (state.fitted || state.scale == 0) fit()
    else place(...centre(), state.scale)
  }

  function ranged() {
    if (state.placing || size() == null) return
    // When a figure is drawn first Bokeh tells of its ranges too, though nobody moved them.
    if (same(state.placed, [x_range.start, x_range.end, y_range.start, y_range.end])) return
    const scale = size()[0] / (x_range.end - x_range.start)
    const spans = y_range.start - y_range.end
    state.fitted = false
    tip.hide()
    if (Math.abs(size()[1] / spans / scale - 1) > 1e-3) place(...centre(), scale)
    else { state.scale = scale; moved() }
  }

  // Rings keep their size on screen until a star outgrows them.
  function size_rings() {
    const least = shown().length > 1 ? 8 : 10
    const dot = shown().length > 1 ? SMALL_DOT : args.dot
    if (dot != state.dot) for (const glyph of args.dots) glyph.size = {value: dot}
    state.dot = dot
    const ring = Math.round(Math.min(Math.max(least, RING_PIXELS * state.scale), RING_LIMIT))
    if (ring == state.ring) return
    state.ring = ring
    for (const [extra, glyph] of args.rings) glyph.size = {value: ring + extra}
  }

  // The picked star stays to be seen: its track ends where the outer ring begins.
  function draw_track() {
    const [xs, ys] = [args.track.data.x, args.track.data.y]
    const [cx, cy] = [args.picked.data.x[0] ?? 0, args.picked.data.y[0] ?? 0]
    const radius = args.picked.data.x.length ? ((state.ring ?? RING_PIXELS) + OUTER_RING) / 2 / (state.scale || 1) : 0
    if (same(state.tracked, [args.track.data, radius, cx, cy])) return
    state.tracked = [args.track.data, radius, cx, cy]
    const drawn_track = {x: [], y: [], dot: []}
    const add = (x, y, dot) => { drawn_track.x.push(x); drawn_track.y.push(y); drawn_track.dot.push(dot) }
    for (let k = 0; k < xs.length; k++) {
      if (k > 0) {
        const crossings = circle_cuts(xs[k - 1] - cx, ys[k - 1] - cy, xs[k] - cx, ys[k] - cy, radius)
        crossings.forEach(([share, inward]) => {
          const at = [xs[k - 1] + share * (xs[k] - xs[k - 1]), ys[k - 1] + share * (ys[k] - ys[k - 1])]
          if (!inward) add(NaN, NaN, 0)
          add(...at, 0)
          if (inward) add(NaN, NaN, 0)
        })
      }
      const inside = Math.hypot(xs[k] - cx, ys[k] - cy) < radius
      add(inside ? NaN : xs[k], inside ? NaN : ys[k], inside ? 0 : TRACK_DOT)
    }
    args.track_drawn.data = drawn_track
  }

  function moved() {
    // The line stays where it is on screen.
    if (swiped()) paint(0)
    size_rings()
    draw_track()
    tell("scale", state.scale)
    want()
  }

  // --- asking: one request under way, the latest wins, a lost answer frees the gate -------------------------------

  function want() {
    if (state.frame_asked) return
    state.frame_asked = true
    // Both ranges change within one event: ask once, after it.
    queueMicrotask(() => { state.frame_asked = false; ask() })
  }

  function ask() {
    const area = size()
    if (area == null || state.nx == 0) return
    if (state.waiting && performance.now() - state.asked < ANSWER_LIMIT_MS) { state.again = true; return }
    state.again = false
    state.asked = performance.now()
    state.waiting = ++state.sequence
    const ratio = window.devicePixelRatio > 1.5 ? 1.5 : 1
    request.data = {
      sequence: [state.sequence], x0: [x_range.start], x1: [x_range.end], y0: [y_range.end], y1: [y_range.start],
      width: [area[0] * ratio], height: [area[1] * ratio],
    }
  }

  function answered() {
    if (answer.data.sequence[0] < state.waiting) return
    state.waiting = 0
    if (state.again) ask()
  }

  // --- drawing: codes through a table to colours ------------------------------------------------------------------

  function limits(cut) {
    if (!cut.sky[0]) return [cut.bottom[0], cut.top[0]]
    if (state.limits == null && state.stretch == "zscale") return cut.zscale[0]
    if (state.limits == null && state.stretch == "percentiles") return [cut.bottom[0], cut.top[0]]
    return (state.limits ?? args.limits).map((sigma) => cut.level[0] + sigma * cut.noise[0])
  }

  const decode = (cut, code) => cut.low[0] + (cut.high[0] - cut.low[0]) * (code / CODES) ** cut.power[0]

  function table(i, cut) {
    const colours = cut.sky[0] ? state.colours : cut.colours[0]
    const stretch = cut.sky[0] ? state.stretch : "linear"
    const [bottom, top] = limits(cut)
    const key = [colours, stretch, state.invert, bottom, top, cut.low[0], cut.high[0], cut.power[0]].join()
    const held = tables[i]
    if (held.key == key) return held.table
    held.key = key
    const shades = palette(palettes[colours])
    const curve = STRETCHES[stretch]
    const span = top - bottom || 1
    for (let code = 0; code <= CODES; code++) {
      const t = Math.min(Math.max((decode(cut, code) - bottom) / span, 0), 1)
      const share = curve(t)
      held.table[code] = shades[Math.round(255 * (state.invert ? 1 - share : share))]
    }
    held.table[NAN_CODE] = 0
    return held.table
  }

  function paint(i) {
    const cut = drawn[i]
    if (cut == null) return
    const values = cut.values[0]
    const lookup = table(i, cut)
    const colours = new Uint32Array(values.length)
    for (let k = 0; k < values.length; k++) colours[k] = lookup[values[k]]
    if (i == 0 && swiped()) paint_left(cut, colours)
    const image = ndarray(colours.buffer, {dtype: "uint32", shape: values.shape})
    const data = {image: [image], x: [cut.x[0]], y: [cut.y[0]], dw: [cut.width[0]], dh: [cut.height[0]]}
    fine[i].data = data
    const covers = cut.width[0] >= state.nx && cut.height[0] >= state.ny
    if (covers) painted[i] = {key: cut.key[0] + tables[i].key, data}
    // Under a cut of a part lies the last picture of the whole, so that moving shows no bare ground.
    const under = !covers && painted[i]?.key == cut.key[0] + tables[i].key ? painted[i].data : null
    if (under == null && base[i].data.x.length) base[i].data = {image: [], x: [], y: [], dw: [], dh: []}
    else if (under != null && base[i].data != under) base[i].data = under
  }

  const swiped = () => state.swipe != null && args.under.data.values?.length > 0

  // Left of the swipe's line stand the pixels of another kind of picture, of the same place.
  function paint_left(cut, colours) {
    const other = args.under.data
    if (!["x", "y", "width", "height", "step"].every((name) => other[name][0] == cut[name][0])) return
    const [rows, columns] = cut.values[0].shape
    const edge = x_range.start + state.swipe * (x_range.end - x_range.start)
    const count = Math.min(Math.max(Math.round((edge - cut.x[0]) / cut.step[0]), 0), columns)
    const lookup = table(figures.length, other)
    const values = other.values[0]
    for (let row = 0; row < rows; row++)
      for (let k = row * columns; k < row * columns + count; k++) colours[k] = lookup[values[k]]
  }

  function arrived(i) {
    const cut = cuts[i].data
    if (cut.values.length == 0) { drawn[i] = null; fine[i].data = {image: [], x: [], y: [], dw: [], dh: []}; return }
    drawn[i] = cut
    const [nx, ny] = [cut.nx[0], cut.ny[0]]
    const other = nx != state.nx || ny != state.ny
    state.nx = nx
    state.ny = ny
    const hatch = args.hatches[i]
    if (hatch.visible != cut.nan[0]) hatch.visible = cut.nan[0]
    if (hatch.right != nx - 0.5 || hatch.bottom != ny - 0.5) hatch.setv({left: -0.5, right: nx - 0.5, top: -0.5, bottom: ny - 0.5})
    paint(i)
    if (other) fit()
    tell("painted", i)
    tell_limits()
    read()
  }

  // The handles under the histogram stand where the limits are, in sigma, whoever chose them.
  function tell_limits() {
    const cut = shown().map((i) => drawn[i]).find((one) => one?.sky[0])
    if (cut != null) tell("drawn limits", limits(cut).map((value) => (value - cut.level[0]) / cut.noise[0]))
  }

  function repaint() {
    shown().forEach(paint)
    tell_limits()
  }

  function restretch(name) {
    if (CHOOSING.includes(name) || CHOOSING.includes(state.stretch)) state.limits = null
    state.stretch = name
    repaint()
  }

  // --- markers: who is drawn how, decided here while a knob turns -------------------------------------------------

  function classify() {
    const data = stars.data
    const count = data.x.length
    const classes = new Uint8Array(count).fill(NONE)
    const kinds = new Uint8Array(count).fill(NONE)
    const {threshold, sharpness, roundness} = state.cut
    const lists = KINDS.map(() => [])
    const counts = KINDS.map(() => 0)
    const within = (value, range) => range == null || !(value < range[0] || value > range[1])
    const tracked = data.code.some((code) => code < REJECTED)
    if (state.auto_hidden !== tracked) {
      // Stars outside the reference crowd the picture once there are tracks: hidden until asked for.
      state.auto_hidden = tracked
      state.hidden[tracked ? "add" : "delete"]("star")
      tell("legend", {tracked, hidden: [...state.hidden]})
    }
    for (let k = 0; k < count; k++) {
      let kind = data.code[k]
      if (kind == NONE) continue
      const reason = data.reason[k]
      const faint = threshold == null ? kind == REJECTED && reason == BELOW_THRESHOLD : data.strength[k] < threshold
      let fresh = false
      if (faint) kind = BELOW
      else if (!within(data.sharpness[k], sharpness) || !within(data.roundness1[k], roundness)
               || !within(data.roundness2[k], roundness)) kind = REJECTED
      else if (kind == REJECTED && state.cut[REASON_CUT[reason]] != null) { kind = STAR; fresh = true }
      kinds[k] = kind
      counts[kind] += 1
      if (state.hidden.has(KINDS[kind]) && !fresh) continue
      classes[k] = kind
      lists[kind].push(k)
    }
    state.classes = classes
    state.kinds = kinds
    KINDS.forEach((name, kind) => {
      if (!same(filters[kind].indices, lists[kind])) filters[kind].indices = lists[kind]
    })
    tell("counts", counts)
  }

  // Where a state's markers are hidden its tails are too.
  function hide_tails() {
    for (const [kind, glyphs] of Object.entries(args.tails)) {
      const alpha = state.hidden.has(kind) ? 0 : args.tail_alpha
      for (const glyph of glyphs) if (glyph.line_alpha.value != alpha) glyph.line_alpha = {value: alpha}
    }
  }

  function nearest(x, y, radius, seen) {
    const {x: xs, y: ys} = stars.data
    let [best, least] = [-1, (radius / state.scale) ** 2]
    for (let k = 0; k < xs.length; k++) {
      if (!seen(k)) continue
      const distance = (xs[k] - x) ** 2 + (ys[k] - y) ** 2
      if (distance <= least) [best, least] = [k, distance]
    }
    return best
  }

  // --- region: one drag with the box tool, then the hand moves the picture again -----------------------------------

  function drag_region(on) {
    for (const tool of args.boxes) tool.active = on
    for (const tool of args.pans) tool.active = !on
    state.dragging = on
    tell("region", {dragging: on, drawn: args.region.data.left.length > 0})
  }

  function region(on) {
    if (!on && args.region.data.left.length) tell_region(null)
    drag_region(on)
  }

  const tell_region = (box) => {
    args.dragged.data = {box: [box], sequence: [(args.dragged.data.sequence[0] ?? 0) + 1]}
  }

  function geometry(event) {
    if (event.geometry.type != "rect" || event.final === false) return
    const {x0, x1, y0, y1} = event.geometry
    drag_region(false)
    const box = [Math.min(x0, x1), Math.max(x0, x1), Math.min(y0, y1), Math.max(y0, y1)]
    if ((box[1] - box[0]) * state.scale > LEAST_BOX && (box[3] - box[2]) * state.scale > LEAST_BOX) tell_region(box)
  }

  const drawn_star = (k) => state.classes[k] != NONE
  // What is too faint tells of itself where it is pointed at, drawn or not.
  const faint_star = (k) => state.kinds[k] == BELOW

  function tapped(event) {
    const k = nearest(event.x, event.y, PICK_RADIUS, drawn_star)
    pick.data = {row: [k], id: [k < 0 ? -1 : stars.data.id[k]], x: [event.x], y: [event.y], sequence: [pick.data.sequence[0] + 1]}
  }

  // --- pointer ----------------------------------------------------------------------------------------------------

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
    const values = shown().map((i) => value(i, x, y)).filter((one) => one != null)
    tell("readout", values.length ? {x, y, values} : null)
  }

  function hover(event) {
    read(event)
    const cut = drawn[state.pointed[0]]
    if (cut == null || !cut.sky[0]) return tip.hide()
    let k = nearest(event.x, event.y, HOVER_RADIUS, drawn_star)
    if (k < 0) k = nearest(event.x, event.y, POINT_RADIUS, faint_star)
    if (k < 0) return tip.hide()
    const data = stars.data
    const kind = state.kinds[k]
    const place = `x ${data.x[k].toFixed(1)}, y ${data.y[k].toFixed(1)}`
    if (kind == BELOW) return tip.show(pointer, "Rejected.", too_faint(k), place)
    const title = kind == REJECTED ? "Rejected" : kind == STAR ? "Star" : `Star ${data.id[k]}, ${KINDS[kind]}`
    tip.show(pointer, `${title}.`, kind == REJECTED ? why(k) : "",
      Number.isFinite(data.strength[k]) ? `${place}, ${data.strength[k].toPrecision(3)} σ` : place)
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
      if (value < range[0]) return `${name} ${text(value)}, below ${text(range[0])}`
      return value > range[1] ? `${name} ${text(value)}, above ${text(range[1])}` : null
    }
    return outside("Sharpness", data.sharpness[k], state.cut.sharpness)
      ?? outside("Roundness", data.roundness1[k], state.cut.roundness)
      ?? outside("Roundness", data.roundness2[k], state.cut.roundness)
      ?? args.reasons[data.reason[k]] ?? ""
  }

  function left() {
    state.pointed = null
    tip.hide()
    tell("readout", null)
  }

  const commands = {
    zoom, fit,
    "drag region": region,
    stretch: restretch,
    swipe: (share) => { state.swipe = share; paint(0) },
    colours: (name) => { state.colours = name; repaint() },
    invert: (on) => { state.invert = on; repaint() },
    limits: (pair) => { state.limits = pair; repaint() },
    hidden: (names) => { state.hidden = new Set(names); hide_tails(); classify() },
    cut: (change) => { state.cut = {...state.cut, ...change}; classify() },
    ready: () => {
      tell("scale", state.scale)
      tell("legend", {tracked: state.auto_hidden === true, hidden: [...state.hidden]})
      tell("picked", args.picked.data.id[0] ?? "")
      tell_limits()
      classify()
    },
  }

  function handle(object) {
    if (object == answer) return answered()
    if (object == args.region) return tell("region", {dragging: state.dragging === true, drawn: args.region.data.left.length > 0})
    if (object == stars) return classify()
    if (object == args.picked) tell("picked", args.picked.data.id[0] ?? "")
    if (object == args.track || object == args.picked) return draw_track()
    if (object == args.knobs) { state.cut = {...state.cut, ...object.data.cut[0]}; return classify() }
    if (object == x_range || object == y_range) return ranged()
    if (object == args.under) return paint(0)
    const i = cuts.indexOf(object)
    if (i >= 0) return arrived(i)
    if (figures.includes(object)) return resized()
    if (object.event_name == "mousemove") return hover(object)
    if (object.event_name == "mouseleave") return left()
    if (object.event_name == "selectiongeometry") return geometry(object)
    if (object.event_name == "tap") return tapped(object)
    if (object.event_name == "doubletap") return fit()
  }

  cuts.forEach((cut, i) => { if (cut.data.values.length) arrived(i) })
  classify()
  return {handle}
}

// A figure that was never laid out has no width, and asking for it raises.
const wide = (figure) => figure.properties.inner_width.is_unset ? 0 : figure.inner_width

// Where the way from one point to another crosses a circle about the origin: share of the way, and whether inwards.
function circle_cuts(x0, y0, x1, y1, radius) {
  const [dx, dy] = [x1 - x0, y1 - y0]
  const a = dx * dx + dy * dy
  const b = x0 * dx + y0 * dy
  const root = Math.sqrt(b * b - a * (x0 * x0 + y0 * y0 - radius * radius))
  if (!(root > 0)) return []
  return [[(-b - root) / a, true], [(-b + root) / a, false]].filter(([share]) => share >= 0 && share <= 1)
}

function palette(text) {
  const shades = new Uint32Array(256)
  for (let k = 0; k < 256; k++) {
    const rgb = parseInt(text.slice(6 * k, 6 * k + 6), 16)
    shades[k] = (255 << 24) | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)
  }
  return shades
}

function same(one, other) {
  if (one == null || one.length != other.length) return false
  for (let k = 0; k < other.length; k++) if (one[k] != other[k]) return false
  return true
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
