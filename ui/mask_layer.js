// Shapes of the mask on the pictures: drawn, moved, turned and taken away here; the server is told what they are then.

const GRIP = 10
const LEAST = 3
const ROUND = 64
// With Shift an ellipse turns by so many degrees.
const STEP = 15

// For events that come before this module is compiled Bokeh compiles it once each: what its copies share lies outside.
const instances = (window.starshift_masks ??= new WeakMap())

export default (args, object, data) => {
  if (!instances.has(args.said)) instances.set(args.said, make(args))
  instances.get(args.said).handle(object)
}

function make({held, said, drawn, outline, corners, x_range, channel}) {
  let shapes = []
  let [tool, chosen, draft, moving, turning, on] = ["", -1, null, null, null, false]
  let pointer = {x: 0, y: 0}
  let [hovered, ground] = [null, null]

  const tell = () =>
    window.dispatchEvent(new CustomEvent("starshift", {detail: {channel, name: "mask state", value: {tool, chosen}}}))
  const scale = () => hovered.figure.inner_width / (x_range.end - x_range.start)
  // What Bokeh said last of the pointer tells where in the image any other point of the screen is.
  const place = (event) => ({
    x: hovered.x + (event.clientX - hovered.pointer.x) / scale(),
    y: hovered.y + (event.clientY - hovered.pointer.y) / scale(),
  })
  const near = (p, at) => Math.hypot(p[0] - at.x, p[1] - at.y) * scale() <= GRIP
  const over = (event) => on && hovered != null && event.composedPath()[0] === ground
  const rounded = (value) => Math.round(10 * value) / 10

  // --- shapes as outlines -----------------------------------------------------------------------------------------

  function path(shape) {
    if (shape.shape == "polygon") return [shape.points.map((p) => p[0]), shape.points.map((p) => p[1])]
    if (shape.shape == "rectangle") {
      const [left, right, top, bottom] = [shape.x0 - 0.5, shape.x1 - 0.5, shape.y0 - 0.5, shape.y1 - 0.5]
      return [[left, right, right, left], [top, top, bottom, bottom]]
    }
    const turn = (shape.theta ?? 0) * Math.PI / 180
    const angles = Array.from({length: ROUND}, (_, k) => 2 * Math.PI * k / ROUND)
    return [
      angles.map((t) => shape.x + shape.a * Math.cos(t) * Math.cos(turn) - shape.b * Math.sin(t) * Math.sin(turn)),
      angles.map((t) => shape.y + shape.a * Math.cos(t) * Math.sin(turn) + shape.b * Math.sin(t) * Math.cos(turn)),
    ]
  }

  function holds(shape, at) {
    const [xs, ys] = path(shape)
    let within = false
    for (let k = 0, j = xs.length - 1; k < xs.length; j = k++) {
      if ((ys[k] > at.y) != (ys[j] > at.y) && at.x < xs[k] + (at.y - ys[k]) * (xs[j] - xs[k]) / (ys[j] - ys[k])) within = !within
    }
    return within
  }

  const hit = (at) => shapes.findLastIndex((shape) => holds(shape, at))

  function moved(shape, dx, dy) {
    if (shape.shape == "polygon") return {...shape, points: shape.points.map(([x, y]) => [rounded(x + dx), rounded(y + dy)])}
    if (shape.shape == "ellipse") return {...shape, x: rounded(shape.x + dx), y: rounded(shape.y + dy)}
    const [across, down] = [Math.round(dx), Math.round(dy)]
    return {...shape, x0: shape.x0 + across, x1: shape.x1 + across, y0: shape.y0 + down, y1: shape.y1 + down}
  }

  // The end of its first half axis, by which a chosen ellipse is turned.
  function handle_of(shape) {
    const turn = (shape.theta ?? 0) * Math.PI / 180
    return [shape.x + shape.a * Math.cos(turn), shape.y + shape.a * Math.sin(turn)]
  }

  const turns = (at) => !tool && shapes[chosen]?.shape == "ellipse" && near(handle_of(shapes[chosen]), at)

  function turned(shape, at, stepped) {
    const angle = Math.atan2(at.y - shape.y, at.x - shape.x) * 180 / Math.PI
    return {...shape, theta: stepped ? STEP * Math.round(angle / STEP) : Math.round(angle)}
  }

  function between(one, other) {
    const [low_x, high_x] = [Math.min(one.x, other.x), Math.max(one.x, other.x)]
    const [low_y, high_y] = [Math.min(one.y, other.y), Math.max(one.y, other.y)]
    if (tool == "rectangle")
      return {shape: tool, x0: Math.round(low_x), x1: Math.round(high_x) + 1, y0: Math.round(low_y), y1: Math.round(high_y) + 1}
    const [a, b] = [(high_x - low_x) / 2, (high_y - low_y) / 2]
    return {shape: tool, x: rounded(low_x + a), y: rounded(low_y + b), a: rounded(Math.max(a, 0.1)), b: rounded(Math.max(b, 0.1)), theta: 0}
  }

  function draw() {
    const seen = draft?.shape ? [...shapes, draft.shape] : shapes
    const paths = seen.map(path)
    drawn.data = {xs: paths.map((one) => one[0]), ys: paths.map((one) => one[1]), wide: seen.map((_, k) => k == chosen ? 2.6 : 1.4)}
    const points = draft?.points ?? []
    const line = draft?.points ? [...points, draft.at ?? points.at(-1)] : []
    outline.data = {x: line.map((p) => p[0]), y: line.map((p) => p[1])}
    const dots = !tool && shapes[chosen]?.shape == "ellipse" ? [handle_of(shapes[chosen])] : points
    corners.data = {x: dots.map((p) => p[0]), y: dots.map((p) => p[1])}
  }

  function commit(next) {
    shapes = next
    draw()
    said.data = {shapes: [JSON.stringify(shapes)], count: [(said.data.count[0] ?? 0) + 1]}
  }

  function put_down() {
    ;[tool, draft] = ["", null]
    draw()
    tell()
  }

  function close_polygon() {
    const points = draft.points.map((p) => p.map(rounded))
    const whole = points.length >= LEAST
    if (whole) chosen = shapes.length
    put_down()
    if (whole) commit([...shapes, {shape: "polygon", points}])
  }

  // --- pointer and keys -------------------------------------------------------------------------------------------

  function grip(event) {
    if (!over(event) || event.button != 0) return
    const at = place(event)
    if (tool == "polygon") corner(at)
    else if (tool) draft = {from: at}
    else if (turns(at)) turning = {before: shapes}
    else {
      const before = chosen
      chosen = hit(at)
      if (chosen != before) { draw(); tell() }
      if (chosen < 0) return
      moving = {from: at, before: shapes, shape: shapes[chosen]}
    }
    // The picture else moves with the pointer, or a star is picked.
    event.stopImmediatePropagation()
    event.preventDefault()
  }

  function corner(at) {
    const points = draft?.points ?? []
    // The first corner closes it, and so does a second click on the last one.
    if (points.length >= LEAST && (near(points[0], at) || near(points.at(-1), at))) return close_polygon()
    if (points.length && near(points.at(-1), at)) return
    draft = {points: [...points, [at.x, at.y]]}
    draw()
  }

  function drag(event) {
    if (draft?.points && over(event)) {
      const at = place(event)
      draft.at = [at.x, at.y]
      draw()
    } else if (draft?.from) {
      draft.shape = between(draft.from, place(event))
      draw()
      event.stopImmediatePropagation()
    } else if (turning) {
      const shape = turned(shapes[chosen], place(event), event.shiftKey)
      shapes = shapes.map((one, k) => k == chosen ? shape : one)
      draw()
      event.stopImmediatePropagation()
    } else if (moving) {
      const at = place(event)
      const shape = moved(moving.shape, at.x - moving.from.x, at.y - moving.from.y)
      shapes = shapes.map((one, k) => k == chosen ? shape : one)
      draw()
      event.stopImmediatePropagation()
    }
    if (!draft?.from && !moving && !turning) pointer = {x: event.clientX, y: event.clientY}
  }

  function let_go(event) {
    if (over(event) && (tool || moving || turning)) event.stopImmediatePropagation()
    if (draft?.from) {
      const {shape} = draft
      const [xs, ys] = shape ? path(shape) : [[0], [0]]
      const large = Math.min(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)) >= LEAST
      if (!large) { draft = {}; draw(); draft = null; return }
      chosen = shapes.length
      put_down()
      commit([...shapes, shape])
    } else if (moving || turning) {
      const {before} = moving ?? turning
      ;[moving, turning] = [null, null]
      if (JSON.stringify(before) != JSON.stringify(shapes)) commit(shapes)
    }
  }

  function key(event) {
    const writes = event.composedPath().some((one) => ["INPUT", "TEXTAREA", "SELECT"].includes(one.tagName))
    if (!on || writes) return
    if (event.key == "Escape" && tool) put_down()
    else if (event.key == "Enter" && draft?.points) close_polygon()
    else if (["Delete", "Backspace"].includes(event.key) && chosen >= 0 && !tool) remove(chosen)
    else return
    event.stopImmediatePropagation()
    event.preventDefault()
  }

  function turn(k, theta) {
    chosen = k
    tell()
    commit(shapes.map((one, other) => other == k ? {...one, theta} : one))
  }

  function remove(k) {
    chosen = -1
    tell()
    commit(shapes.filter((_, other) => other != k))
  }

  window.addEventListener("pointerdown", grip, true)
  window.addEventListener("pointermove", drag, true)
  window.addEventListener("pointerup", let_go, true)
  window.addEventListener("pointercancel", let_go, true)
  window.addEventListener("keydown", key, true)
  // Bokeh sets the cursor of its own layer on the way up; this comes after it.
  window.addEventListener("pointermove", (event) => {
    if (!on || hovered == null || hovered.pointer !== pointer) return
    ground = event.composedPath()[0]
    if (tool) ground.style.cursor = "crosshair"
    else if (turning || turns(hovered)) ground.style.cursor = "grab"
    else if (hit(hovered) >= 0) ground.style.cursor = "move"
  })
  window.addEventListener("starshift", (event) => {
    if (event.detail.channel != channel) return
    const {name, value} = event.detail
    if (name == "mask tool") { [tool, draft] = [value, null]; draw(); tell() }
    if (name == "mask choose") { chosen = value; draw(); tell() }
    if (name == "mask remove") remove(value)
    if (name == "mask turn") turn(value.shape, value.theta)
    if (name == "mask ready") tell()
  })

  function told() {
    on = held.data.on[0] === true
    shapes = JSON.parse(held.data.shapes[0] ?? "[]")
    if (chosen >= shapes.length) chosen = -1
    if (!on) [tool, draft, moving, turning, chosen] = ["", null, null, null, -1]
    draw()
    tell()
  }

  told()
  return {
    handle: (object) => {
      if (object === held) told()
      else if (object?.event_name == "mousemove") hovered = {figure: object.origin, x: object.x, y: object.y, pointer}
    },
  }
}
