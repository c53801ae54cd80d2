// Two recipes beside each other: which other one, their knobs, their stars and the difference of their maps.
const CLOSE = '<svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18"/></svg>'
const DOWN = '<svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="M7 10l5 5 5-5"/></svg>'
const NO_VALUE = 255
const OWN = "own/"

function button(name, label, parent, click) {
  const made = element("button", name, parent, label)
  made.type = "button"
  made.addEventListener("click", click)
  return made
}

// One row for each entry: its name, and what each of the two recipes has.
function table(rows, heads, caption, parent) {
  const made = element("table", "", parent)
  element("caption", "", made, caption)
  const head = element("tr", "", element("thead", "", made))
  for (const text of heads) element("th", "", head, text).scope = "col"
  const body = element("tbody", "", made)
  for (const row of rows) {
    const line = element("tr", "", body)
    row.forEach((text, k) => {
      const cell = element(k ? "td" : "th", "", line, text)
      if (!k) cell.scope = "row"
    })
  }
}

function draw_map(map, palette, label, parent) {
  const box = element("figure", "", parent)
  element("figcaption", "", box, `${label}, rms ${map.rms}`)
  const canvas = Object.assign(element("canvas", "", box), {width: map.width, height: map.height})
  canvas.setAttribute("role", "img")
  canvas.setAttribute("aria-label", `${label} of the maps over the field, from ${map.low} to ${map.high}, rms ${map.rms}`)
  const codes = Uint8Array.from(atob(map.codes), (letter) => letter.charCodeAt(0))
  const pixels = new Uint8ClampedArray(4 * codes.length)
  codes.forEach((code, k) => {
    if (code == NO_VALUE) return
    const at = 6 * Math.round((255 * code) / (NO_VALUE - 1))
    for (let c = 0; c < 3; c++) pixels[4 * k + c] = parseInt(palette.slice(at + 2 * c, at + 2 * c + 2), 16)
    pixels[4 * k + 3] = 255
  })
  canvas.getContext("2d").putImageData(new ImageData(pixels, map.width, map.height), 0, 0)
  const scale = element("div", "ends", box)
  element("span", "", scale, map.low)
  element("i", "", scale)
  element("span", "", scale, map.high)
}

export function render({model}) {
  const root = element("section", "")
  root.setAttribute("aria-label", "Two recipes compared")
  const head = element("header", "", root)
  element("h2", "", head, "Compare recipes")
  const close = button("close", "", head, () => model.send_msg({close: true}))
  close.innerHTML = CLOSE
  close.setAttribute("aria-label", "Close the comparison")
  close.title = "Close"

  root.addEventListener("keydown", (event) => { if (event.key === "Escape") close.click() })

  const choose = element("div", "choose", root)
  const label = element("label", "", choose, "This recipe and")
  label.htmlFor = "other-recipe"
  const box = element("span", "choice", choose)
  const select = element("select", "", box)
  select.id = "other-recipe"
  let own = {}
  select.addEventListener("change", () => {
    const name = select.value.slice(OWN.length)
    const mine = select.value.startsWith(OWN) && own[name]
    model.send_msg(mine ? {other: "own", name, text: mine.text} : {other: select.value})
  })
  box.insertAdjacentHTML("beforeend", DOWN)
  const state = element("div", "state", root)
  const words = element("span", "", state)
  words.setAttribute("role", "status")
  const cancel = button("text", "Cancel", state, () => model.send_msg({cancel: true}))
  const problem = element("p", "problem", root)
  problem.setAttribute("role", "alert")
  const found = element("div", "", root)
  const maps = element("div", "maps", root)
  const knobs = element("div", "", root)
  const foot = element("div", "foot", root)
  const use = button("main", "Use the other recipe", foot, () => model.send_msg({use: true}))

  const draw_head = () => {
    root.className = `comparison ${model.theme}`
    // The visitor's own presets stand before the last, which asks for a file.
    const mine = Object.keys(own).sort().map((name) => [OWN + name, name])
    const known = new Set(mine.map(([key]) => key))
    const others = model.others.filter(([key]) => !known.has(key))
    others.splice(others.findIndex(([key]) => key == "file"), 0, ...mine)
    select.replaceChildren(...others.map(([key, text]) => new Option(text, key, false, key == model.other)))
    select.value = model.other
    words.textContent = model.state
    cancel.hidden = !model.busy
    root.classList.toggle("busy", model.busy)
    problem.textContent = model.problem
    problem.hidden = !model.problem
    use.disabled = model.knobs.length == 0
  }
  const draw_found = () => {
    found.replaceChildren()
    if (model.marks.length) {
      const list = element("ul", "marks", found)
      for (const [shape, count, text] of model.marks) {
        const item = element("li", "", list)
        item.innerHTML = shape == "gained"
          ? '<svg viewBox="0 0 16 16" aria-hidden="true"><path class="gained" d="M8 2.5L14 13H2z"/></svg>'
          : '<svg viewBox="0 0 16 16" aria-hidden="true"><path class="missed" d="M8 13.5L2 3h12z"/></svg>'
        element("b", "", item, String(count))
        item.append(` ${text}`)
      }
    }
    if (model.results.length) table(model.results, ["Result", "this recipe", "the other"], "What they find", found)
  }
  const draw_maps = () => {
    maps.replaceChildren()
    for (const [name, map] of Object.entries(model.maps)) draw_map(map, model.palette, name, maps)
  }
  const draw_knobs = () => {
    knobs.replaceChildren()
    if (model.knobs.length) table(model.knobs, ["Knob", "this recipe", "the other"], "Knobs that differ", knobs)
    else element("p", "none", knobs, "No knob differs: the two recipes are the same.")
    draw_head()
  }
  const draw_others = () => { own = kept(); draw_head() }
  model.on(["theme", "other", "state", "busy", "problem"], draw_head)
  model.on("others", draw_others)
  model.on(["marks", "results"], draw_found)
  model.on("maps", draw_maps)
  model.on("knobs", draw_knobs)
  // Who opened it by the keyboard goes on in it.
  model.on("opened", () => { draw_others(); select.focus() })
  own = kept()
  draw_found()
  draw_maps()
  draw_knobs()
  return root
}
