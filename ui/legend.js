// Under the toolbar: the star states with their counts, each a button that hides its kind; at the right the colour bar.
const SHAPES = {
  complete: '<circle cx="8" cy="8" r="5" fill="none" stroke="var(--complete)" stroke-width="1.4"/>',
  partial: '<circle cx="8" cy="8" r="5" fill="none" stroke="var(--partial)" stroke-width="1.4" stroke-dasharray="3.2 2"/>',
  lost: '<path d="M4.5 4.5l7 7M11.5 4.5l-7 7" stroke="var(--lost)" stroke-width="1.6"/>',
  rejected: '<circle cx="8" cy="8" r="2.25" fill="var(--rejected)"/>',
  star: '<circle cx="8" cy="8" r="5" fill="none" stroke="var(--star)" stroke-width="1"/>',
  below: '<circle cx="8" cy="8" r="1.6" fill="var(--rejected)"/>',
}
const PICKED = '<circle cx="8" cy="8" r="6.2" fill="none" stroke="var(--ring)" stroke-width="3.6"/>'
  + '<circle cx="8" cy="8" r="2.8" fill="none" stroke="var(--ring)" stroke-width="3.6"/>'
  + '<circle cx="8" cy="8" r="6.2" fill="none" stroke="var(--picked)" stroke-width="1.4"/>'
  + '<circle cx="8" cy="8" r="2.8" fill="none" stroke="var(--picked)" stroke-width="1.4"/>'
// An eye with a stroke through it: what is hidden says so by more than a paler word.
const EYE_OFF = '<g fill="none" stroke="currentColor" stroke-width="1.2" stroke-linecap="round">'
  + '<path d="M1.5 8C3.2 5 5.4 3.6 8 3.6S12.8 5 14.5 8C12.8 11 10.6 12.4 8 12.4S3.2 11 1.5 8z"/>'
  + '<circle cx="8" cy="8" r="2"/><path d="M2.5 2.5l11 11"/></g>'
const KINDS = ["complete", "partial", "lost", "rejected", "star", "below"]
const ROOM_FOR_WORDS = 800
const ROOM_FOR_BELOW = 700
const ROOM_FOR_ALL = 900
const FUNNEL = '<path d="M2.5 3.5h11l-4.2 5v4.6l-2.6-1.4V8.5z" fill="none" stroke="currentColor" stroke-width="1.3" stroke-linejoin="round"/>'
const HINTS = {
  complete: "in every frame used", partial: "in some frames", lost: "not in this frame", rejected: "a peak that is no star",
  star: "a star of this frame", below: "a peak below the threshold",
}

export function render({model}) {
  const tell = (name, value) =>
    window.dispatchEvent(new CustomEvent("starshift", {detail: {channel: model.channel, name, value}}))
  const root = document.createElement("div")
  root.setAttribute("role", "group")
  root.setAttribute("aria-label", "Stars in the picture")
  let hidden = new Set(["below"])
  let tracked = false
  let width = 0
  const chips = Object.fromEntries(KINDS.map((name) => {
    const chip = document.createElement("button")
    chip.type = "button"
    chip.className = "chip"
    chip.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true">${SHAPES[name]}</svg><span></span><b>0</b>`
    chip.addEventListener("click", () => {
      hidden.has(name) ? hidden.delete(name) : hidden.add(name)
      tell("hidden", [...hidden])
    })
    return [name, chip]
  }))
  const picked = document.createElement("span")
  picked.className = "chip"
  picked.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true">${PICKED}</svg><span>picked</span><b></b>`
  const unmarked = Object.assign(document.createElement("span"), {className: "unmarked", textContent: "The states of stars are not drawn on this picture."})
  const spacer = Object.assign(document.createElement("span"), {className: "spacer"})
  const only = document.createElement("button")
  only.type = "button"
  only.className = "only"
  only.addEventListener("click", () => {
    const others = KINDS.filter((name) => name != "complete")
    hidden = new Set(only_complete() ? ["below", "star"] : others)
    tell("hidden", [...hidden])
  })
  root.append(...KINDS.map((name) => chips[name]), ...(model.tall ? [picked] : []), unmarked, spacer, only)

  const only_complete = () => !hidden.has("complete") && KINDS.every((name) => name == "complete" || hidden.has(name))

  function label(name) {
    const wide = width > ROOM_FOR_WORDS
    if (name == "below") return wide || model.tall ? "below threshold" : "below"
    return name == "star" ? (tracked ? `not in ${wide || model.tall ? "reference" : "ref."}` : "stars") : name
  }

  function draw_hints() {
    for (const name of KINDS)
      chips[name].title = `${model.hints[name] || HINTS[name]}; a click ${hidden.has(name) ? "shows" : "hides"} them`
  }

  function draw() {
    draw_hints()
    root.className = `part ${model.tall ? "states" : "strip"} ${model.theme}`
    unmarked.style.display = model.marked ? "none" : ""
    only.style.display = tracked && model.marked ? "" : "none"
    const words = model.tall || width > ROOM_FOR_ALL ? "complete only" : ""
    only.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true">${FUNNEL}</svg>${words}`
    only.title = only_complete() ? "Show all states again" : "Show complete sequences only: the stars in every frame used"
    only.setAttribute("aria-label", "Complete sequences only")
    only.setAttribute("aria-pressed", String(only_complete()))
    for (const name of KINDS) {
      const chip = chips[name]
      chip.setAttribute("aria-pressed", String(!hidden.has(name)))
      chip.firstChild.innerHTML = hidden.has(name) ? EYE_OFF : SHAPES[name]
      chip.children[1].textContent = label(name)
      // Where the word has no room it is left to the pointer and to those who listen.
      const crowded = name == "below" && !model.tall && width < ROOM_FOR_BELOW
      chip.children[1].className = crowded ? "unseen" : ""
      chip.style.display = !model.marked || (KINDS.indexOf(name) < 3 && !tracked) ? "none" : ""
    }
  }
  const commands = {
    counts: (counts) => KINDS.forEach((name, k) => { chips[name].lastChild.textContent = counts[k] }),
    picked: (id) => {
      picked.lastChild.textContent = id
      picked.style.display = id === "" ? "none" : ""
    },
    hidden: (names) => { hidden = new Set(names); draw() },
    legend: (value) => { hidden = new Set(value.hidden); tracked = value.tracked; draw() },
  }
  window.addEventListener("starshift", (event) => {
    if (event.detail.channel == model.channel) commands[event.detail.name]?.(event.detail.value)
  })
  model.on(["theme", "marked"], draw)
  model.on("hints", draw_hints)
  commands.picked("")
  // Asked for while words change, the browser would lay the page out anew for each.
  new ResizeObserver(() => { width = root.clientWidth; draw() }).observe(root)
  draw()
  tell("ready")
  return root
}
