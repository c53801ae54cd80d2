// The address says what the page shows. The server writes all of it but what is known here alone: the zoom, limits that a
// hand has set, and the states of stars that are drawn.
const PAUSE_MS = 150
// So long the page's parts may still take their places around the picture.
const SETTLING_MS = 3000
const HANDS = ["pointerdown", "wheel", "keydown"]
const LONGEST = 20000

const named = (name) => Bokeh.documents.map((one) => one.get_model_by_name(name)).find((one) => one != null)

// What of the frame is seen: its middle and its width; nothing where all of it is.
function zoom() {
  const [x, y] = [named("picture x"), named("picture y")]
  const cut = named("picture cut 0")?.data
  if (x == null || y == null || cut?.nx == null) return ""
  const all = x.start < 0 && y.end < 0 && x.end > cut.nx[0] - 1 && y.start > cut.ny[0] - 1
  const places = [(x.start + x.end) / 2, (y.start + y.end) / 2, x.end - x.start]
  return all ? "" : `zoom=${places.map((one) => one.toFixed(1)).join()}`
}

export function render({model}) {
  const root = document.createElement("span")
  let due = 0
  let own = null
  let asked = false
  let look = {limits: null, states: null}

  const limits = () => look.limits && `limits=${look.limits.map((one) => one.toFixed(1)).join()}`
  const states = () => look.states && `states=${look.states.join() || "none"}`

  function write() {
    // What is asked for is not written over by what is shown until then.
    if (!model.ready || asked) return
    const text = [model.shown, limits(), states(), zoom()].filter(Boolean).join("&")
    const place = location.pathname + location.search + (text && `#${text}`)
    own = text
    if (place !== location.pathname + location.search + location.hash) history.replaceState(history.state, "", place)
  }
  // A browser takes only so many changes of an address in a while.
  const soon = () => { clearTimeout(due); due = setTimeout(write, PAUSE_MS) }

  // The part of the frame that the address names, kept while the page takes shape and nobody has moved the picture.
  let aim = null
  let going = false
  const let_go = () => { aim = null; HANDS.forEach((name) => window.removeEventListener(name, let_go, true)) }

  function take_aim() {
    aim = model.zoom
    model.zoom = []
    HANDS.forEach((name) => window.addEventListener(name, let_go, {capture: true, passive: true}))
    setTimeout(let_go, SETTLING_MS)
  }

  function go() {
    if (aim == null || going) return
    const [cx, cy, width] = aim
    const [x, y] = [named("picture x"), named("picture y")]
    const cut = named("picture cut 0")?.data
    // Beside the frame there is nothing to see: an address of other data, or one that was written by hand.
    if (cut?.nx != null && (cx < 0 || cy < 0 || cx > cut.nx[0] || cy > cut.ny[0])) return let_go()
    const height = (width * (y.start - y.end)) / (x.end - x.start)
    going = true
    x.setv({start: cx - width / 2, end: cx + width / 2})
    y.setv({start: cy + height / 2, end: cy - height / 2})
    going = false
  }

  const ask = () => {
    const text = location.hash.slice(1)
    model.send_msg(text.length > LONGEST ? {long: text.length} : {text})
  }
  const listen = (event) => {
    if (event.detail.channel != model.channel) return
    if (event.detail.name == "painted" && model.zoom.length == 3) { take_aim(); go() }
    if (event.detail.name == "scale") { go(); soon() }
    if (event.detail.name == "look") { look = event.detail.value; soon() }
  }
  const changed = () => {
    if (location.hash.slice(1) === own) return
    own = location.hash.slice(1)
    asked = true
    ask()
  }
  window.addEventListener("starshift", listen)
  window.addEventListener("hashchange", changed)
  model.on("remove", () => {
    let_go()
    window.removeEventListener("starshift", listen)
    window.removeEventListener("hashchange", changed)
  })
  model.on("written", () => { asked = false })
  model.on(["shown", "ready", "written"], soon)
  ask()
  return root
}
