// The limits of a measure: two lines that are dragged, a click near a point for its frame, a double click near a limit
// to take it away. Python hears of it through the source `said`; `set` holds where Python has put the lines.
const edges = ["low", "high"]
const state = set.state ??= {}
const say = (edge, value, live) => {
  clearTimeout(state.waiting)
  state.waiting = null
  said.data = {edge: [edge], value: [value], live: [live], count: [(said.data.count[0] ?? 0) + 1]}
}

if (event == "move") {
  // Python moves the lines before the figure is on screen too, when it has no size that could be asked for.
  const moved = lines.indexOf(cb_obj)
  const box = {[moved ? "bottom" : "top"]: cb_obj.location}
  if (set.data[edges[moved]][0] == cb_obj.location) return boxes[moved].setv(box)
  const other = lines[1 - moved].location
  const at = moved ? Math.max(cb_obj.location, other) : Math.min(cb_obj.location, other)
  if (at != cb_obj.location) { cb_obj.location = at; return }
  boxes[moved].setv(box)
  if (!state.held) {
    // The figure hears nothing of the end of such a movement.
    const let_go = () => { say(...state.held, false); state.held = null }
    window.addEventListener("pointerup", let_go, {once: true, capture: true})
  }
  state.held = [edges[moved], at]
  if (state.waiting == null) state.waiting = setTimeout(() => say(...state.held, true), 100)
  return
}

const {x_range, y_range, inner_width, inner_height} = figure
const [across, down] = [(x_range.end - x_range.start) / inner_width, (y_range.end - y_range.start) / inner_height]
if (event == "doubletap") {
  const away = lines.map((line, k) => set.data.given[0][k] ? Math.abs(line.location - cb_obj.y) / down : Infinity)
  const nearest = away[0] <= away[1] ? 0 : 1
  if (away[nearest] < 14) say(edges[nearest], NaN, false)
} else {
  const frame = Math.round(cb_obj.x)
  const value = set.data.values[0][frame]
  if (value === undefined || Math.abs(cb_obj.x - frame) / across > 12) return
  if (Number.isFinite(value) && Math.abs(value - cb_obj.y) / down > 12) return
  say("frame", frame, false)
}
