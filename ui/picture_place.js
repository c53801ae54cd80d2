
// Where a picture stands: ranges, fit, zoom; and which cut of the frame it asks the server for.

const ANSWER_LIMIT_MS = 4000
const ZOOMS = [0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64]

// A figure that was never laid out has no width, and asking for it raises.
const wide = (figure) => figure.properties.inner_width.is_unset ? 0 : figure.inner_width

function placing(picture) {
  const {args, state, tell} = picture
  const {figures, x_range, y_range} = args
  const shown = () => figures.map((figure, i) => i).filter((i) => figures[i].visible && wide(figures[i]) > 1)

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
    const next = direction > 0 ? ZOOMS.find((s) => s > state.scale * 1.001) : ZOOMS.findLast((s) => s < state.scale / 1.001)
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
    picture.hide_tip()
    if (Math.abs(size()[1] / spans / scale - 1) > 1e-3) place(...centre(), scale)
    else { state.scale = scale; moved() }
  }

  function moved() {
    // The line stays where it is on screen.
    if (picture.swiped()) picture.paint(0)
    picture.size_rings()
    picture.draw_track()
    tell_place()
    picture.want()
  }

  // How large pixels are, and how far the frame's lower left corner lies within the figure, on screen: what stands there
  // would cover a small frame, and stands in the figure's own corner.
  function tell_place() {
    tell("scale", state.scale)
    const [left, bottom] = [-0.5 - x_range.start, y_range.start - (state.ny - 0.5)].map((one) => one * state.scale)
    const small = 2 * state.nx * state.scale < (size()?.[0] ?? 0)
    tell("corner", small ? [0, 0] : [Math.max(left, 0), Math.max(bottom, 0)])
  }

  return {shown, size, fit, zoom, resized, ranged, tell_place}
}

// One request under way, the latest wins, a lost answer frees the gate.
function asking(picture) {
  const {args, state} = picture
  const {request, answer, x_range, y_range} = args

  function want() {
    if (state.frame_asked) return
    state.frame_asked = true
    // Both ranges change within one event: ask once, after it.
    queueMicrotask(() => { state.frame_asked = false; ask() })
  }

  function ask() {
    const area = picture.size()
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

  return {want, answered}
}
