// A first tour in five steps: a ring around what is meant, and a card beside it. Shown once by itself, and from the help.
// Who comes the first time by an address that somebody sent is here for what it shows: the tour is offered, not begun.
const SEEN = "starshift tour"
const PAUSE_MS = 800
const CLOSING_MS = 300
const GAP = 12
const EDGE = 16
const STEPS = [
  {
    title: "A night on one page",
    text: "A star field that drifts from frame to frame: each ring is a star that Starshift found and follows. "
      + "The wheel zooms, dragging moves, a click picks a star.",
    targets: [".bk-Figure"], inside: true,
  },
  {
    title: "The stages, in order",
    text: "Every frame goes through these from top to bottom. Click on one to open it. Its dot says how it is, its time how long it took.",
    targets: ["nav[aria-label=Stages] .stages"],
  },
  {
    title: "Turn a knob, and the picture follows",
    text: "Drag the threshold: rings come and go under your hand, and only what depends on it is made anew. "
      + "A double click on a knob\u2019s name sets it back.",
    targets: ["[data-knob=threshold]", ".knob", "nav[aria-label=Stages]"],
  },
  {
    title: "Step through the night",
    text: "Play the frames, or blink one against the reference. The arrow keys step, the space bar blinks; ? lists all keys.",
    targets: [".player"],
  },
  {
    title: "What came out",
    text: "How the field moved, its offset maps, every star and every frame. Run all makes the whole night\u2019s files; "
      + "Recipe saves the knobs, compares them with others, and copies the same run as a command or as Python.",
    targets: ["[role=tablist]", ".tab-rail"],
  },
]
const STYLE = `
[hidden] { display: none !important; }
.ring { position: fixed; z-index: 1240; border: 2px solid var(--accent); border-radius: 8px; pointer-events: none; }
.card { position: fixed; z-index: 1250; width: 320px; max-width: calc(100vw - 32px); padding: 16px; border: 1px solid var(--strong);
  border-radius: 8px; background: var(--raised); color: var(--text); font: 14px/20px Roboto, sans-serif; box-shadow: 0 8px 24px rgb(0 0 0 / 30%); }
.card:focus { outline: none; }
.count { margin: 0 0 4px; font-size: 12px; line-height: 16px; color: var(--second); }
h2 { margin: 0 0 8px; font: 700 14px/20px Roboto, sans-serif; }
.words { margin: 0 0 16px; }
.foot { display: flex; align-items: center; gap: 8px; }
.foot span { flex: 1; }
button { height: 32px; padding: 0 12px; border: 0; border-radius: 6px; background: none; color: var(--text); font: inherit; cursor: pointer; }
button:hover { background: var(--field); }
button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.next { background: var(--accent); color: var(--accent-text); }
.next:hover { background: var(--text); }
.skip { margin-left: -12px; color: var(--second); }
.offer { position: fixed; z-index: 1240; top: 8px; display: flex; align-items: center; height: 32px; font: 14px/20px Roboto, sans-serif; }
.offer span { padding-right: 4px; color: var(--second); white-space: nowrap; }
.offer .take { text-decoration: underline; text-underline-offset: 3px; white-space: nowrap; padding: 0 8px; }
.offer .leave { width: 32px; padding: 8px; color: var(--second); }
.offer svg { display: block; width: 16px; height: 16px; fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; }
@media (prefers-reduced-motion: no-preference) { .ring, .card { transition: left 120ms, top 120ms, width 120ms, height 120ms; } }
`

// The visible elements that a selector finds, also within components.
function* seen(selector, root = document) {
  for (const one of root.querySelectorAll(selector)) {
    const box = one.getBoundingClientRect()
    if (box.width > 0 && box.height > 0 && box.left < window.innerWidth && box.right > 0) yield one
  }
  for (const one of root.querySelectorAll("*")) if (one.shadowRoot) yield* seen(selector, one.shadowRoot)
}
const find = (selector) => seen(selector).next().value ?? null

// Beside a box where there is room: right, left, below, above; over its lower left corner where there is none.
function beside(box, width, height, inside) {
  const fits = (value, least, most) => Math.min(Math.max(value, least), Math.max(most, least))
  const top = fits(box.top, EDGE, window.innerHeight - height - EDGE)
  const left = fits(box.left, EDGE, window.innerWidth - width - EDGE)
  if (!inside) {
    if (box.right + GAP + width + EDGE <= window.innerWidth) return [box.right + GAP, top]
    if (box.left - GAP - width >= EDGE) return [box.left - GAP - width, top]
    if (box.bottom + GAP + height + EDGE <= window.innerHeight) return [left, box.bottom + GAP]
    if (box.top - GAP - height >= EDGE) return [left, box.top - GAP - height]
  }
  return [fits(box.left + EDGE, EDGE, window.innerWidth - width - EDGE), fits(box.bottom - height - 3 * EDGE, EDGE, window.innerHeight - height - EDGE)]
}

function make(tag, name, parent, text = "") {
  const made = Object.assign(document.createElement(tag), {className: name, textContent: text})
  parent.append(made)
  return made
}

class Card {
  constructor(model, ended) {
    this.host = document.createElement("div")
    const shadow = this.host.attachShadow({mode: "open"})
    make("style", "", shadow, model.palettes + STYLE)
    this.root = make("div", model.theme, shadow)
    this.ring = make("div", "ring", this.root)
    this.card = make("div", "card", this.root)
    this.card.setAttribute("role", "dialog")
    this.card.setAttribute("aria-labelledby", "title")
    this.card.setAttribute("aria-describedby", "words")
    this.card.tabIndex = -1
    this.count = make("p", "count", this.card)
    this.title = Object.assign(make("h2", "", this.card), {id: "title"})
    this.words = Object.assign(make("p", "words", this.card), {id: "words"})
    const foot = make("div", "foot", this.card)
    this.skip = make("button", "skip", foot, "Skip the tour")
    make("span", "", foot)
    this.back = make("button", "back", foot, "Back")
    this.next = make("button", "next", foot, "Next")
    this.skip.addEventListener("click", ended)
    this.back.addEventListener("click", () => this.show(this.step - 1))
    this.next.addEventListener("click", () => this.step == STEPS.length - 1 ? ended() : this.show(this.step + 1))
    document.body.append(this.host)
    // Words take another height once their font is there.
    new ResizeObserver(() => this.step !== undefined && this.place()).observe(this.card)
  }

  show(step) {
    this.step = step
    const {title, text} = STEPS[step]
    this.count.textContent = `${step + 1} of ${STEPS.length}`
    this.title.textContent = title
    this.words.textContent = text
    this.back.hidden = step == 0
    this.skip.hidden = step == STEPS.length - 1
    this.next.textContent = step == STEPS.length - 1 ? "Done" : "Next"
    this.place()
  }

  place() {
    const {targets, inside} = STEPS[this.step]
    const target = targets.map((selector) => find(selector)).find((one) => one != null)
    const box = target?.getBoundingClientRect() ?? new DOMRect(window.innerWidth / 2 - 160, window.innerHeight / 2, 0, 0)
    const [left, top] = beside(box, this.card.offsetWidth, this.card.offsetHeight, inside)
    Object.assign(this.card.style, {left: `${left}px`, top: `${top}px`})
    const grown = inside ? -2 : 2
    Object.assign(this.ring.style, {
      display: target ? "" : "none", left: `${box.left - grown - 2}px`, top: `${box.top - grown - 2}px`,
      width: `${box.width + 2 * grown}px`, height: `${box.height + 2 * grown}px`,
    })
  }
}

// Words in the free part of the top bar, over nothing; where there is no room for them the help alone has the tour.
class Offer {
  constructor(model, taken, left) {
    this.host = document.createElement("div")
    const shadow = this.host.attachShadow({mode: "open"})
    make("style", "", shadow, model.palettes + STYLE)
    this.root = make("div", model.theme, shadow)
    this.bar = make("div", "offer", this.root)
    this.bar.setAttribute("role", "group")
    this.bar.setAttribute("aria-label", "First visit")
    this.words = make("span", "", this.bar, "New here?")
    make("button", "take", this.bar, "Take the tour").addEventListener("click", taken)
    const leave = make("button", "leave", this.bar)
    leave.innerHTML = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 3l10 10M13 3L3 13"/></svg>'
    leave.title = "No tour"
    leave.setAttribute("aria-label", "No tour")
    leave.addEventListener("click", left)
    document.body.append(this.host)
    // In a slim window it goes, a moment after the window has changed.
    const undo = find("[aria-label^=Undo]")
    if (undo != null) new ResizeObserver(() => this.place()).observe(undo)
  }

  place() {
    // Else its own buttons would be among those that it stands beside.
    this.bar.hidden = true
    const end = find("[aria-label^=Undo]")?.getBoundingClientRect()
    if (end == null) return
    const before = [...seen("button")].map((one) => one.getBoundingClientRect())
      .filter((one) => one.bottom <= end.bottom + EDGE && one.right <= end.left)
    const room = end.left - Math.max(0, ...before.map((one) => one.right)) - 2 * GAP
    this.bar.hidden = this.words.hidden = false
    this.words.hidden = this.bar.offsetWidth > room
    this.bar.hidden = this.bar.offsetWidth > room
    this.bar.style.left = `${end.left - GAP - this.bar.offsetWidth}px`
  }
}

export function render({model}) {
  const root = document.createElement("span")
  // The page itself writes its address later on.
  const sent = location.hash.length > 1
  let card = null
  let offer = null
  let came_from = null

  const place = () => { card?.place(); offer?.place() }
  const escaped = (event) => { if (event.key === "Escape" && !event.defaultPrevented) end() }

  function end() {
    if (card == null) return
    const held = card.host.contains(document.activeElement)
    card.host.remove()
    card = null
    window.removeEventListener("keydown", escaped)
    if (held) came_from?.focus?.()
  }

  function withdraw() {
    offer?.host.remove()
    offer = null
  }

  // By itself it leaves the focus where someone is at work already.
  function start(asked) {
    end()
    withdraw()
    came_from = document.activeElement
    card = new Card(model, end)
    card.show(0)
    window.addEventListener("keydown", escaped)
    if (asked || document.activeElement === document.body) card.card.focus({preventScroll: true})
  }

  function first_visit() {
    try {
      if (localStorage.getItem(SEEN)) return false
      localStorage.setItem(SEEN, new Date().toISOString())
      return true
    } catch {
      // Without storage it would come at each visit.
      return false
    }
  }

  function welcome() {
    if (!sent) return start(false)
    offer = new Offer(model, () => start(true), withdraw)
    offer.place()
  }

  const painted = (event) => {
    if (event.detail.channel != model.channel || event.detail.name != "painted") return
    window.removeEventListener("starshift", painted)
    if (first_visit()) setTimeout(welcome, PAUSE_MS)
  }
  // What stands in the top bar takes another width with each file that is opened.
  window.addEventListener("resize", place)
  window.addEventListener("starshift", painted)
  // The dialog that it is asked for in gives the focus back to its own button first.
  model.on("started", () => setTimeout(() => start(true), CLOSING_MS))
  model.on("theme", () => [card, offer].forEach((one) => { if (one) one.root.className = model.theme }))
  model.on("remove", () => { end(); withdraw(); window.removeEventListener("resize", place) })
  return root
}
