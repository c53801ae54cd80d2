// The line from A to B over a map. Its ends are dragged here; the server is told where they are, one question at a time.

const GRIP = 12
const ANSWER_LIMIT_MS = 4000

// For events that come before this module is compiled Bokeh compiles it once each: what its copies share lies outside.
const instances = (window.starshift_map_lines ??= new WeakMap())

export default (args, object, data) => {
  if (!instances.has(args.asked)) instances.set(args.asked, make(args))
  instances.get(args.asked).handle(object)
}

function make({ends, asked, answer, x_range}) {
  let pointer = {x: 0, y: 0}
  let hovered = null
  let held = null
  let ground = null
  let [sequence, waiting, since, again] = [0, 0, 0, false]

  const scale = () => hovered.figure.inner_width / (x_range.end - x_range.start)

  // What Bokeh said last of the pointer tells where in the image any other point of the screen is.
  const place = (event) => ({
    x: hovered.x + (event.clientX - hovered.pointer.x) / scale(),
    y: hovered.y + (event.clientY - hovered.pointer.y) / scale(),
  })

  function nearest(at) {
    const {x, y} = ends.data
    const away = [0, 1].map((k) => k < x.length ? Math.hypot(x[k] - at.x, y[k] - at.y) * scale() : Infinity)
    const k = away[0] < away[1] ? 0 : 1
    return away[k] <= GRIP ? k : null
  }

  const is_drawn = (figure) => figure.renderers.some((one) => one.data_source === ends && one.visible)
  const over_map = (event) => hovered != null && is_drawn(hovered.figure) && event.composedPath()[0] === ground

  function grip(event) {
    if (!over_map(event) || event.button != 0) return
    const k = nearest(place(event))
    if (k == null) return
    const at = place(event)
    held = {k, dx: ends.data.x[k] - at.x, dy: ends.data.y[k] - at.y}
    // The picture else moves with the pointer.
    event.stopImmediatePropagation()
    event.preventDefault()
  }

  function drag(event) {
    if (held == null) { pointer = {x: event.clientX, y: event.clientY}; return }
    event.stopImmediatePropagation()
    const at = place(event)
    const [x, y] = [[...ends.data.x], [...ends.data.y]]
    x[held.k] = at.x + held.dx
    y[held.k] = at.y + held.dy
    put(x, y)
    ask()
  }

  function let_go(event) {
    if (held == null) return
    held = null
    event.stopImmediatePropagation()
  }

  // Each end's letter stands on the far side of the other.
  function put(x, y) {
    const left = x[0] <= x[1]
    ends.data = {x, y, name: ["A", "B"], align: left ? ["right", "left"] : ["left", "right"], away: left ? [-10, 10] : [10, -10]}
  }

  function ask() {
    if (waiting && performance.now() - since < ANSWER_LIMIT_MS) { again = true; return }
    again = false
    since = performance.now()
    waiting = ++sequence
    asked.data = {sequence: [sequence], x: [[...ends.data.x]], y: [[...ends.data.y]]}
  }

  function answered() {
    if (answer.data.sequence[0] < waiting) return
    waiting = 0
    if (again) ask()
  }

  function moved(event) {
    hovered = {figure: event.origin, x: event.x, y: event.y, pointer}
  }

  window.addEventListener("pointerdown", grip, true)
  window.addEventListener("pointermove", drag, true)
  window.addEventListener("pointerup", let_go, true)
  window.addEventListener("pointercancel", let_go, true)
  // Bokeh sets the cursor of its own layer on the way up; this comes after it.
  window.addEventListener("pointermove", (event) => {
    if (held != null || hovered == null || hovered.pointer !== pointer) return
    ground = event.composedPath()[0]
    if (over_map(event) && nearest(hovered) != null) ground.style.cursor = "grab"
  })

  return {handle: (object) => object === answer ? answered() : moved(object)}
}
