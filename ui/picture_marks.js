
// The stars on a picture: who is drawn how, decided here while a knob turns; rings, tails, and the track of the one picked.

const RING_PIXELS = 10
const RING_LIMIT = 44
// Rings in sight draw on at most this share of the picture as they are; beyond it they are smaller, thinner, paler, in
// this order and down to these least pixels and alpha, so that the sky is seen between them.
const INK = 0.07
const LEAST_RING = 6
const LEAST_LINE = 0.9
const LEAST_ALPHA = 0.6
// A dashed ring is mostly gaps, and may be less pale.
const DASHED = 0.7
const KINDS = ["complete", "partial", "lost", "rejected", "star", "below"]
const LOST = 2
const REJECTED = 3
const STAR = 4
const BELOW = 5
const NONE = 255
// Complete, partial, and stars without a track.
const RINGED = new Set([0, 1, STAR])
const RING_LINE = 1.4
const BELOW_THRESHOLD = 1
const SMALL_DOT = 2.5
const OUTER_RING = 13
const TRACK_DOT = 3
// So near to an edge of the picture a number beside a star would be cut, pixels of the screen.
const NUMBER_ROOM = 36
const REASON_CUT = {1: "threshold", 2: "sharpness", 3: "roundness"}

function marking(picture) {
  const {args, state, tell} = picture
  const {stars, filters} = args

  // How many rings and triangles are in sight, and on how many pixels of the screen.
  function crowd() {
    const {x_range, y_range} = args
    const [left, right] = [Math.max(x_range.start, -0.5), Math.min(x_range.end, state.nx - 0.5)]
    const [top, bottom] = [Math.max(y_range.end, -0.5), Math.min(y_range.start, state.ny - 0.5)]
    let count = 0
    const add = (x, y) => { if (x > left && x < right && y > top && y < bottom) count += 1 }
    const {x, y} = stars.data
    state.classes.forEach((kind, k) => { if (RINGED.has(kind)) add(x[k], y[k]) })
    for (const {data} of args.marked) for (let k = 0; k < data.x.length; k++) add(data.x[k], data.y[k])
    return [count, (right - left) * (bottom - top) * state.scale ** 2]
  }

  // Rings keep their size on screen until a star outgrows them.
  function size_rings() {
    const several = picture.shown().length > 1
    const dot = several ? SMALL_DOT : args.dot
    if (dot != state.dot) for (const glyph of args.dots) glyph.size = {value: dot}
    state.dot = dot
    const [count, area] = crowd()
    const usual = several ? 8 : RING_PIXELS
    const sized = (least) => Math.round(Math.min(Math.max(least, RING_PIXELS * state.scale), RING_LIMIT))
    // What the rings may draw on, over what they would.
    const room = (size) => count && area > 0 ? Math.min(1, INK * area / (count * Math.PI * size * RING_LINE)) : 1
    const ring = sized(Math.max(Math.min(usual, LEAST_RING), usual * Math.sqrt(room(sized(usual)))))
    const left = room(ring)
    const line = Math.max(LEAST_LINE / RING_LINE, Math.sqrt(left))
    // In few steps, or all would be drawn anew at each turn of the wheel.
    const look = [ring, Math.round(20 * line) / 20, Math.round(20 * Math.max(LEAST_ALPHA, Math.min(1, left / line))) / 20]
    if (same(state.look, look)) return
    const [, width, alpha] = state.look = look
    state.ring = ring
    state.lines ??= args.rings.map(([, glyph]) => glyph.line_width.value)
    state.edges ??= args.triangles.map(([, glyph]) => glyph.line_width.value)
    args.triangles.forEach(([extra, glyph], i) => {
      glyph.setv({size: {value: ring + extra}, line_width: {value: state.edges[i] * width}})
    })
    args.rings.forEach(([extra, glyph], i) => {
      if (extra) return glyph.setv({size: {value: ring + extra}})
      const share = glyph.line_dash.value?.length ? DASHED : 1
      const pale = {line_width: {value: state.lines[i] * width}, line_alpha: {value: Math.min(1, alpha / share)}}
      glyph.setv({size: {value: ring}, ...pale})
    })
  }

  // The picked star's number stands where its track does not cross it, on the other side of the rings at an edge.
  function place_number() {
    const {x, y, right, down, align} = args.picked.data
    if (!x.length || !state.scale) return
    const {x_range, y_range, number} = args
    const [before, after] = [x[0] - x_range.start, x_range.end - x[0]].map((one) => one * state.scale)
    const centred = align[0] == "center"
    const above = centred && (y[0] - y_range.end) * state.scale < NUMBER_ROOM
    const beside = after < (centred ? NUMBER_ROOM / 2 : NUMBER_ROOM)
    const side = beside ? "right" : centred && before < NUMBER_ROOM / 2 ? "left" : align[0]
    const look = [beside ? -right[0] : right[0], above ? -down[0] : down[0], side]
    if (same(state.numbered, look)) return
    const [x_offset, y_offset, text_align] = (state.numbered = look).map((value) => ({value}))
    number.setv({x_offset, y_offset, text_align})
  }

  // The picked star stays to be seen: its track ends where the outer ring begins.
  function draw_track() {
    place_number()
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

  const usually_hidden = () => state.auto_hidden ? ["below", "star"] : ["below"]
  const tell_legend = () => tell("legend", {tracked: state.auto_hidden === true, hidden: [...state.hidden]})

  // Stars outside the reference crowd the picture once there are tracks: hidden until asked for.
  function hide_untracked(tracked) {
    if (state.auto_hidden === tracked) return
    state.auto_hidden = tracked
    // What an address asks for holds for the first tracks too, which come after it.
    if (!state.stated) state.hidden[tracked ? "add" : "delete"]("star")
    if (tracked) state.stated = false
    tell_legend()
    picture.tell_look()
  }

  function classify() {
    const data = stars.data
    const count = data.x.length
    const classes = new Uint8Array(count).fill(NONE)
    const kinds = new Uint8Array(count).fill(NONE)
    const {threshold, sharpness, roundness} = state.cut
    const lists = KINDS.map(() => [])
    const counts = KINDS.map(() => 0)
    const within = (value, range) => range == null || !(value < range[0] || value > range[1])
    hide_untracked(data.code.some((code) => code < REJECTED))
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
    size_rings()
    draw_track()
  }

  // Where a state's markers are hidden its tails are too.
  function hide_tails() {
    for (const [kind, glyph] of Object.entries(args.tails)) {
      const alpha = state.hidden.has(kind) ? 0 : args.tail_alpha
      if (glyph.line_alpha.value != alpha) glyph.line_alpha = {value: alpha}
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

  return {size_rings, draw_track, usually_hidden, tell_legend, classify, hide_tails, nearest}
}

// Where the way from one point to another crosses a circle about the origin: share of the way, and whether inwards.
function circle_cuts(x0, y0, x1, y1, radius) {
  const [dx, dy] = [x1 - x0, y1 - y0]
  const a = dx * dx + dy * dy
  const b = x0 * dx + y0 * dy
  const root = Math.sqrt(b * b - a * (x0 * x0 + y0 * y0 - radius * radius))
  if (!(root > 0)) return []
  return [[(-b - root) / a, true], [(-b + root) / a, false]].filter(([share]) => share >= 0 && share <= 1)
}
