
// How a picture is coloured: codes through a table to colours.

const CODES = 65534
const NAN_CODE = 65535
const SOFTENING = 0.42
const STRETCHES = {
  asinh: (t) => Math.asinh(t / SOFTENING) / Math.asinh(1 / SOFTENING),
  log: (t) => Math.log1p(1000 * t) / Math.log1p(1000),
  linear: (t) => t,
  zscale: (t) => t,
  percentiles: (t) => t,
}

// Stretches that choose the limits too: both ends are theirs until a hand moves one.
const CHOOSING = ["zscale", "percentiles"]

const nothing = () => ({image: [], x: [], y: [], dw: [], dh: []})
const decode = (cut, code) => cut.low[0] + (cut.high[0] - cut.low[0]) * (code / CODES) ** cut.power[0]

function colouring(picture) {
  const {args, state, tell, drawn} = picture
  const {figures, cuts, fine, base, x_range, palettes, under} = args
  const ndarray = Bokeh.require("core/util/ndarray").ndarray
  const tables = [...figures, "under"].map(() => ({key: null, table: new Uint32Array(65536)}))
  const painted = figures.map(() => null)

  function limits(cut) {
    if (!cut.sky[0]) return [cut.bottom[0], cut.top[0]]
    if (state.limits == null && state.stretch == "zscale") return cut.zscale[0]
    if (state.limits == null && (state.stretch == "percentiles" || cut.smooth[0])) return [cut.bottom[0], cut.top[0]]
    return (state.limits ?? args.limits).map((sigma) => cut.level[0] + sigma * cut.noise[0])
  }

  function table(i, cut) {
    const colours = cut.sky[0] ? state.colours : cut.colours[0]
    const stretch = cut.sky[0] ? state.stretch : "linear"
    const [bottom, top] = limits(cut)
    const held = tables[i]
    held.look = [colours, stretch, state.invert, bottom, top].join()
    const key = [held.look, cut.low[0], cut.high[0], cut.power[0]].join()
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
    const look = cut.key[0] + tables[i].look
    if (covers) painted[i] = {look, data}
    // Under a cut of a part lies the last picture of the whole, so that moving shows no bare ground.
    const below = !covers && painted[i]?.look == look ? painted[i].data : null
    if (below == null && base[i].data.x.length) base[i].data = nothing()
    else if (below != null && base[i].data != below) base[i].data = below
  }

  const swiped = () => state.swipe != null && under.data.values?.length > 0

  // Left of the swipe's line stand the pixels of another kind of picture, of the same place.
  function paint_left(cut, colours) {
    const other = under.data
    if (!["x", "y", "width", "height", "step"].every((name) => other[name][0] == cut[name][0])) return
    const [rows, columns] = cut.values[0].shape
    const edge = x_range.start + state.swipe * (x_range.end - x_range.start)
    const count = Math.min(Math.max(Math.round((edge - cut.x[0]) / cut.step[0]), 0), columns)
    const lookup = table(figures.length, other)
    const values = other.values[0]
    for (let row = 0; row < rows; row++)
      for (let k = row * columns; k < row * columns + count; k++) colours[k] = lookup[values[k]]
  }

  function clear(i) {
    drawn[i] = null
    fine[i].data = nothing()
    if (base[i].data.x.length) base[i].data = nothing()
    args.hatches[i].visible = false
    picture.read()
  }

  function arrived(i) {
    const cut = cuts[i].data
    if (cut.values.length == 0) return clear(i)
    drawn[i] = cut
    const [nx, ny] = [cut.nx[0], cut.ny[0]]
    const other = nx != state.nx || ny != state.ny
    state.nx = nx
    state.ny = ny
    const hatch = args.hatches[i]
    if (hatch.visible != cut.nan[0]) hatch.visible = cut.nan[0]
    if (hatch.right != nx - 0.5 || hatch.bottom != ny - 0.5) hatch.setv({left: -0.5, right: nx - 0.5, top: -0.5, bottom: ny - 0.5})
    paint(i)
    if (other) picture.fit()
    tell("painted", {picture: i, of: picture.shown().length})
    tell_limits()
    picture.read()
  }

  // The handles under the histogram stand where the limits are, in sigma, whoever chose them.
  function tell_limits() {
    const cut = picture.shown().map((i) => drawn[i]).find((one) => one?.sky[0])
    if (cut != null) tell("drawn limits", limits(cut).map((value) => (value - cut.level[0]) / cut.noise[0]))
  }

  function repaint() {
    picture.shown().forEach(paint)
    tell_limits()
  }

  function restretch(name) {
    if (CHOOSING.includes(name) || CHOOSING.includes(state.stretch)) state.limits = null
    state.stretch = name
    repaint()
  }

  return {paint, swiped, arrived, tell_limits, repaint, restretch}
}

function palette(text) {
  const shades = new Uint32Array(256)
  for (let k = 0; k < 256; k++) {
    const rgb = parseInt(text.slice(6 * k, 6 * k + 6), 16)
    shades[k] = (255 << 24) | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)
  }
  return shades
}
