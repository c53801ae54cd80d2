// Under the toolbar: the star states with their counts, each a button that hides its kind; at the right the colour bar.
const SHAPES = {
  complete: '<circle cx="8" cy="8" r="5" fill="none" stroke="var(--complete)" stroke-width="1.4"/>',
  partial: '<circle cx="8" cy="8" r="5" fill="none" stroke="var(--partial)" stroke-width="1.4" stroke-dasharray="3.2 2"/>',
  lost: '<path d="M4.5 4.5l7 7M11.5 4.5l-7 7" stroke="var(--lost)" stroke-width="1.6"/>',
  rejected: '<circle cx="8" cy="8" r="2.25" fill="var(--rejected)"/>',
  star: '<circle cx="8" cy="8" r="5" fill="none" stroke="var(--star)" stroke-width="1"/>',
  below: '<circle cx="8" cy="8" r="1.6" fill="var(--rejected)"/>',
}
const KINDS = ["complete", "partial", "lost", "rejected", "star", "below"]
const ROOM_FOR_WORDS = 800
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
  const chips = Object.fromEntries(KINDS.map((name) => {
    const chip = document.createElement("button")
    chip.type = "button"
    chip.className = "chip"
    chip.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true">${SHAPES[name]}</svg><span></span><b>0</b>`
    chip.addEventListener("click", () => {
      hidden.has(name) ? hidden.delete(name) : hidden.add(name)
      tell("hidden", [...hidden])
      draw()
    })
    return [name, chip]
  }))
  const spacer = Object.assign(document.createElement("span"), {className: "spacer"})
  root.append(...KINDS.map((name) => chips[name]), spacer)

  function label(name) {
    const wide = root.clientWidth > ROOM_FOR_WORDS
    if (name == "below") return wide ? "below threshold" : "below"
    return name == "star" ? (tracked ? `not in ${wide ? "reference" : "ref."}` : "stars") : name
  }

  function draw() {
    root.className = `part strip ${model.theme}`
    for (const name of KINDS) {
      const chip = chips[name]
      chip.setAttribute("aria-pressed", String(!hidden.has(name)))
      chip.title = `${model.hints[name] || HINTS[name]}; a click ${hidden.has(name) ? "shows" : "hides"} them`
      chip.children[1].textContent = label(name)
      chip.style.display = KINDS.indexOf(name) < 3 && !tracked ? "none" : ""
    }
  }
  const commands = {
    counts: (counts) => KINDS.forEach((name, k) => { chips[name].lastChild.textContent = counts[k] }),
    legend: (value) => { hidden = new Set(value.hidden); tracked = value.tracked; draw() },
  }
  window.addEventListener("starshift", (event) => {
    if (event.detail.channel == model.channel) commands[event.detail.name]?.(event.detail.value)
  })
  model.on(["theme", "hints"], draw)
  new ResizeObserver(draw).observe(root)
  draw()
  tell("ready")
  return root
}
