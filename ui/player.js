// Below the picture: steps, plays and blinks the frames; under it what lies below the pointer, and facts of the frame.
const ICONS = {
  first: "M6 6v12M17 7l-6 5 6 5", previous: "M14 7l-5 5 5 5", play: "M8 6l10 6-10 6z", pause: "M8 6h2.5v12H8zM13.5 6H16v12h-2.5z",
  next: "M10 7l5 5-5 5", last: "M18 6v12M7 7l6 5-6 5", blink: "M4 5h8v14H4zM12 5h8v14h-8M12 3v18M15 9v6", down: "M7 10l5 5 5-5",
  align: "M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M12 9.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5",
}
const SPEEDS = [1, 2, 4, 8]
const PATIENCE_MS = 8000
const svg = (path) => `<svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`
const make = (tag, properties) => Object.assign(document.createElement(tag), properties)

function button(name, label, click) {
  const made = make("button", {type: "button", title: label, innerHTML: svg(ICONS[name])})
  made.setAttribute("aria-label", label)
  made.addEventListener("click", (event) => {
    click()
    // Who clicks goes on by keys: the space bar then blinks, and does not press the same button again.
    if (event.detail) made.blur()
  })
  return made
}

export function render({model}) {
  const root = make("div", {})
  const bar = make("div", {})
  bar.setAttribute("role", "group")
  bar.setAttribute("aria-label", "Frames")
  const readout = make("div", {})
  let playing = false
  let home = null
  let due = 0
  let waiting = 0
  // The frame that is seen until another is painted.
  let seen = -1
  const painted = new Set()

  // One step is on its way to the server at a time. Of those made meanwhile only the last is sent.
  let travelling = false
  let wanted = null
  const here = () => wanted ?? model.frame

  const go = (frame) => {
    const next = Math.min(Math.max(frame, 0), model.count - 1)
    if (travelling) {
      wanted = next
      draw()
    } else if (next != model.frame) send(next)
  }

  const send = (next) => {
    if (!making()) seen = model.frame
    else if (painted.size) seen = -1
    // Who is back before the other frame was painted sees this one still: nothing comes.
    waiting = next == seen ? 0 : performance.now()
    painted.clear()
    // What is told of another frame is over: it may be this one that was shown before.
    model.shown = -1
    // A step tells which files it belongs to.
    model.heard = model.openings
    travelling = true
    model.frame = next
  }
  const step = (by) => { stop(); go(here() + by) }

  const first = button("first", "First frame", () => { stop(); go(0) })
  const previous = button("previous", "Previous frame", () => step(-1))
  const play = button("play", "Play", () => { playing ? stop() : start() })
  const next = button("next", "Next frame", () => step(1))
  const last = button("last", "Last frame", () => { stop(); go(model.count - 1) })
  const rail = make("div", {className: "rail"})
  const slider = make("input", {type: "range", min: 0, step: 1})
  slider.setAttribute("aria-label", "Frame")
  slider.addEventListener("input", () => {
    // Stopping draws the slider where the frame still is.
    const chosen = slider.valueAsNumber
    stop()
    go(chosen)
  })
  const ticks = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  ticks.setAttribute("aria-hidden", "true")
  rail.append(slider, ticks)
  const count = make("span", {className: "count"})
  const speed = make("span", {className: "choice"})
  const rate = make("select", {title: "Frames per second"})
  rate.setAttribute("aria-label", "Frames per second")
  rate.append(...SPEEDS.map((value) => new Option(`${value} per s`, value)))
  rate.value = model.speed
  rate.addEventListener("change", () => { model.speed = Number(rate.value); if (playing || model.blink) schedule() })
  speed.append(rate)
  speed.insertAdjacentHTML("beforeend", svg(ICONS.down))
  const blink = button("blink", "Blink against the reference", () => {
    const on = !model.blink
    stop()
    if (on && here() != model.reference) begin()
  })
  blink.append("Blink")
  const align = button("align", "Draw each frame where its stars are in the reference", () => { model.aligned = !model.aligned })
  align.classList.add("align")
  align.append(make("span", {textContent: "Aligned"}))
  bar.append(first, previous, play, next, last, rail, count, speed, blink, align)

  function begin() {
    home = here()
    model.blink = true
    schedule()
  }

  function start() {
    stop()
    playing = true
    schedule()
    draw()
  }

  function stop() {
    clearTimeout(due)
    if (model.blink) {
      model.blink = false
      go(home)
    }
    playing = false
    draw()
  }

  function schedule() {
    clearTimeout(due)
    due = setTimeout(advance, 1000 / model.speed)
  }

  // Until a frame is painted in all pictures, or all is shown where it has no picture of its own or none could be made.
  const making = () => waiting && model.shown != model.frame && performance.now() - waiting < PATIENCE_MS

  function advance() {
    // A frame that is still being made holds the film: none is skipped unseen.
    if (making()) due = setTimeout(advance, 20)
    else {
      go(model.blink ? (here() == home ? model.reference : home) : (here() + 1) % model.count)
      schedule()
    }
  }

  function draw_ticks() {
    const span = Math.max(model.count - 1, 1)
    const every = Math.ceil(model.count / 100)
    const unused = new Set(model.unused)
    const marks = []
    for (let k = 0; k < model.count; k++) {
      const at = `${(100 * k) / span}%`
      if (k == model.reference) marks.push(`<line x1="${at}" x2="${at}" y1="0" y2="10" stroke="var(--reference)" stroke-width="2"/>`)
      else if (unused.has(k)) marks.push(`<svg x="${at}" style="left:0;top:0" overflow="visible"><path d="M-3 1L3 7M3 1L-3 7" stroke="var(--second)" stroke-width="1.4"/></svg>`)
      else if (k % every == 0) marks.push(`<line x1="${at}" x2="${at}" y1="2" y2="6" stroke="var(--strong)"/>`)
    }
    ticks.innerHTML = marks.join("")
  }

  function draw() {
    root.className = `room ${model.theme}`
    bar.className = `part player ${model.theme}`
    readout.className = `part readout ${model.theme}`
    const at = model.blink && here() == model.reference ? home : here()
    slider.max = Math.max(model.count - 1, 0)
    slider.value = at
    slider.setAttribute("aria-valuetext", model.labels[at] ?? `frame ${at + 1}`)
    slider.style.setProperty("--share", `${(100 * at) / Math.max(model.count - 1, 1)}%`)
    count.innerHTML = model.count ? `<b>${here() + 1}</b> of ${model.count}` : ""
    play.classList.add("play")
    play.innerHTML = svg(ICONS[playing ? "pause" : "play"])
    play.title = playing ? "Pause" : "Play"
    play.setAttribute("aria-label", play.title)
    blink.setAttribute("aria-pressed", String(model.blink))
    first.disabled = previous.disabled = here() <= 0
    next.disabled = last.disabled = here() >= model.count - 1
    for (const one of [play, slider]) one.disabled = model.count < 2
    align.disabled = model.count < 2
    align.setAttribute("aria-pressed", String(model.aligned))
    blink.disabled = !model.blink && (model.count < 2 || here() == model.reference)
    const at_home = blink.disabled && model.count > 1
    blink.title = at_home ? "This frame is the reference: step to another to blink against it" : "Blink against the reference"
  }

  const left = make("span", {className: "numbers"})
  const facts = make("span", {className: "facts"})
  readout.append(left, facts)
  const minus = (text) => text.replace("-", "−")
  const digits = (value) => {
    if (!Number.isFinite(value)) return "no value"
    const size = Math.abs(value)
    return minus(size >= 100 ? value.toFixed(0) : size >= 1 ? value.toFixed(2) : value.toPrecision(3))
  }
  const item = (label, value, unit) => {
    const made = make("span", {})
    made.append(`${label} `, make("b", {textContent: value}))
    if (unit) made.append(make("i", {textContent: ` ${unit}`}))
    return made
  }

  function point(at) {
    if (at == null) return left.replaceChildren()
    const items = [item("x", minus(at.x.toFixed(1))), item("y", minus(at.y.toFixed(1)))]
    at.values.forEach((one, k) => {
      const label = at.values.length > 1 || one.unit != "ADU" ? one.label : "value"
      items.push(item(label, digits(one.value), Number.isFinite(one.value) ? one.unit : ""))
    })
    const step = Math.max(...at.values.map((one) => one.step))
    if (step > 1 && at.values.length == 1) items.push(make("span", {textContent: `mean of ${step} × ${step}`}))
    left.classList.toggle("several", at.values.length > 2)
    left.replaceChildren(...items)
  }

  const draw_facts = () => {
    const told = [model.note, ...model.facts].filter(Boolean)
    facts.replaceChildren(...told.map((fact) => make(fact == model.note ? "b" : "span", {textContent: fact})))
  }
  const pressed = {first, previous, play, next, last, blink}
  window.addEventListener("starshift", (event) => {
    if (event.detail.channel != model.channel) return
    if (event.detail.name == "press") pressed[event.detail.value]?.click()
    if (event.detail.name == "readout") point(event.detail.value)
    if (event.detail.name == "painted") {
      painted.add(event.detail.value.picture)
      if (painted.size >= event.detail.value.of) waiting = 0
    }
  })
  model.on(["theme", "frame", "count", "labels", "blink", "aligned"], draw)
  model.on(["count", "reference", "unused"], () => { draw_ticks(); draw() })
  // Other frames are open: what was played is not there any more.
  model.on("openings", () => {
    model.blink = false
    seen = -1
    wanted = null
    stop()
  })
  model.on("taken", () => {
    const next = wanted
    travelling = false
    wanted = null
    if (next !== null && next != model.frame) send(next)
    else draw()
  })
  model.on(["facts", "note"], draw_facts)
  root.append(bar, readout)
  draw()
  draw_ticks()
  draw_facts()
  return root
}
