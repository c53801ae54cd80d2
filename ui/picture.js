// The browser's half of the picture. One instance serves all linked figures of a Picture: it asks the server for cuts,
// colours them, filters markers, and answers pointer, toolbar and legend. Its parts lie in the scripts picture_*.js, which
// are put after this one; they share the state that `make` has, and call each other through `picture`.

// For events that come before this module is compiled Bokeh compiles it once each: what its copies share lies outside.
const instances = (window.starshift_pictures ??= new WeakMap())

export default (args, object, data) => {
  if (!instances.has(args.request)) {
    paint_quickly()
    build_whole()
    let_hand_rest()
    leave_out_of_tab_order()
    write_what_changed()
    walk_tables()
    instances.set(args.request, make(args))
  }
  instances.get(args.request).handle(object)
}

function make(args) {
  const {answer, stars, figures, cuts, x_range, y_range, channel} = args
  const state = {
    nx: 0, ny: 0, scale: 0, sequence: 0, waiting: 0, again: false,
    cut: args.cut, hidden: new Set(["below"]), auto_hidden: null, classes: new Uint8Array(0), kinds: new Uint8Array(0),
  }
  const tell = (name, value) =>
    window.dispatchEvent(new CustomEvent("starshift", {detail: {channel, name, value}}))
  const picture = {args, state, tell, tell_look, drawn: figures.map(() => null)}
  for (const part of [placing, asking, colouring, marking, pointing, dragging]) Object.assign(picture, part(picture))

  // What the browser alone knows of what a visitor chose; nothing where that is as usual.
  function tell_look() {
    const usual = picture.usually_hidden()
    const drawn = usual.length == state.hidden.size && usual.every((name) => state.hidden.has(name))
    tell("look", {limits: state.limits, states: drawn ? null : KINDS.filter((name) => !state.hidden.has(name))})
  }

  // How an address asks for the picture to be drawn.
  function take_look() {
    const {stretch, colours, invert, limits, states} = args.look.data.look[0]
    Object.assign(state, {stretch, colours, invert, limits, stated: states != null})
    const hidden = states == null ? picture.usually_hidden() : KINDS.filter((name) => !states.includes(name))
    state.hidden = new Set(hidden)
    picture.tell_legend()
    tell_look()
  }

  const tell_picked = () => tell("picked", args.picked.data.id[0] ?? "")

  const commands = {
    zoom: picture.zoom,
    fit: picture.fit,
    "drag region": picture.region,
    stretch: (name) => { picture.restretch(name); tell_look() },
    swipe: (share) => { state.swipe = share; picture.paint(0) },
    colours: (name) => { state.colours = name; picture.repaint() },
    invert: (on) => { state.invert = on; picture.repaint() },
    limits: (pair) => { state.limits = pair; picture.repaint(); tell_look() },
    hidden: (names) => { state.stated = false; state.hidden = new Set(names); picture.hide_tails(); picture.classify(); tell_look() },
    cut: (change) => { state.cut = {...state.cut, ...change}; picture.classify() },
    ready: () => {
      picture.tell_place()
      picture.tell_legend()
      tell_picked()
      picture.tell_limits()
      picture.classify()
    },
  }
  window.addEventListener("starshift", (event) => {
    if (event.detail.channel == channel) commands[event.detail.name]?.(event.detail.value)
  })

  const events = {
    mousemove: picture.hover, mouseleave: picture.left, selectiongeometry: picture.geometry, tap: picture.tapped,
    doubletap: picture.fit,
  }

  function handle(object) {
    if (object == answer) return picture.answered()
    if (object == args.region) return picture.tell_region()
    if (object == stars) { picture.hide_tip(); return picture.classify() }
    if (object == args.picked) tell_picked()
    if (object == args.track || object == args.picked) return picture.draw_track()
    if (object == args.knobs) { state.cut = {...state.cut, ...object.data.cut[0]}; return picture.classify() }
    if (object == x_range || object == y_range) return picture.ranged()
    if (args.marked.includes(object)) { picture.size_rings(); return picture.draw_track() }
    if (object == args.under) return picture.paint(0)
    if (object == args.look) { take_look(); picture.hide_tails(); picture.classify(); return picture.repaint() }
    const i = cuts.indexOf(object)
    if (i >= 0) return picture.arrived(i)
    if (figures.includes(object)) return picture.resized()
    return events[object.event_name]?.(object)
  }

  take_look()
  cuts.forEach((cut, i) => { if (cut.data.values.length) picture.arrived(i) })
  picture.classify()
  return {handle}
}

function same(one, other) {
  if (one == null || one.length != other.length) return false
  for (let k = 0; k < other.length; k++) if (one[k] != other[k]) return false
  return true
}
