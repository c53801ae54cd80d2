// Above the picture: what is shown, in how many pictures, how it is stretched and coloured, how large.
const ICONS = {
  one: "M5 5h14v14H5z", two: "M5 4h14v6H5zM5 14h14v6H5z", four: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z",
  minus: "M5 12h14", plus: "M5 12h14M12 5v14", fit: "M4 9V5h4M20 9V5h-4M4 15v4h4M20 15v4h-4M9 10h6v4H9z",
  region: "M4 4h3M10 4h4M17 4h3v3M20 10v4M20 17v3h-3M14 20h-4M7 20H4v-3M4 14v-4M4 7V4",
  swipe: "M4 5h16v14H4zM12 3v18M8 10l-2 2 2 2M16 10l2 2-2 2",
  invert: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16", down: "M7 10l5 5 5-5",
}
const SVG = "http://www.w3.org/2000/svg"

function icon(path) {
  const svg = document.createElementNS(SVG, "svg")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("class", "line")
  svg.setAttribute("aria-hidden", "true")
  const line = document.createElementNS(SVG, "path")
  line.setAttribute("d", path)
  svg.append(line)
  return svg
}

function button(name, label, click) {
  const made = document.createElement("button")
  made.type = "button"
  made.title = label
  made.setAttribute("aria-label", label)
  made.append(icon(ICONS[name]))
  made.addEventListener("click", click)
  return made
}

function choice(label, options, value, change) {
  const box = document.createElement("span")
  box.className = "choice"
  const select = document.createElement("select")
  select.setAttribute("aria-label", label)
  select.title = label
  const fill = (names, chosen) => {
    select.replaceChildren(...Object.entries(names).map(([key, text]) => new Option(text, key, false, key == chosen)))
  }
  fill(options, value)
  select.addEventListener("change", () => change(select.value))
  box.append(select, icon(ICONS.down))
  return {box, select, fill}
}

const divider = () => Object.assign(document.createElement("span"), {className: "divider"})

export function render({model}) {
  const tell = (name, value) =>
    window.dispatchEvent(new CustomEvent("starshift", {detail: {channel: model.channel, name, value}}))
  const root = document.createElement("div")
  root.setAttribute("role", "toolbar")
  root.setAttribute("aria-label", "Picture")

  const kind = choice("What the picture shows", model.options, model.kinds[0], (value) => { model.kinds = [value, ...model.kinds.slice(1)] })
  const group = document.createElement("span")
  group.className = "group"
  const counts = {1: button("one", "One picture", () => { model.count = 1 }),
    2: button("two", "Two pictures", () => { model.count = 2 }), 4: button("four", "Four pictures", () => { model.count = 4 })}
  group.append(...Object.values(counts))
  const first = divider()
  const stretch = choice("Stretch", model.stretches, model.stretch, (value) => { model.stretch = value; tell("stretch", value) })
  const colours = choice("Colours", model.colour_maps, model.colours, (value) => { model.colours = value; tell("colours", value) })
  const tails = choice("Tracks over the picture", {off: "No tracks", tails: "Tails", all: "Whole tracks"}, model.tails, (value) => { model.tails = value })
  const invert = button("invert", "Swap dark and bright", () => {
    model.invert = !model.invert
    tell("invert", model.invert)
  })
  const swipe = button("swipe", "Compare two kinds of picture: drag a line across", () => { model.swipe = !model.swipe })
  let chosen = {dragging: false, drawn: false}
  const region = button("region", "", () => tell("drag region", !chosen.dragging && !chosen.drawn))
  const draw_region = () => {
    const words = chosen.drawn ? "Show stars and pixels of the whole field again"
      : chosen.dragging ? "Drag a box on the picture, or click to leave it" : "Show stars and pixels of a region only: drag a box"
    region.title = words
    region.setAttribute("aria-label", words)
    region.setAttribute("aria-pressed", String(chosen.dragging || chosen.drawn))
  }
  draw_region()
  const spacer = Object.assign(document.createElement("span"), {className: "spacer"})
  const percent = Object.assign(document.createElement("span"), {className: "percent"})
  root.append(kind.box, group, first, stretch.box, colours.box, tails.box, invert, swipe, region, spacer,
    button("minus", "Smaller", () => tell("zoom", -1)), percent, button("plus", "Larger", () => tell("zoom", 1)),
    button("fit", "Whole frame", () => tell("fit")))

  const draw = () => {
    root.className = `part bar ${model.count == 1 ? "one" : ""} ${model.theme}`
    for (const [count, made] of Object.entries(counts)) made.setAttribute("aria-pressed", String(count == model.count))
    swipe.setAttribute("aria-pressed", String(model.swipe))
    swipe.disabled = model.count != 1
    kind.box.style.display = model.count == 1 ? "" : "none"
    kind.select.value = model.kinds[0]
    for (const [made, value] of [[stretch, model.stretch], [colours, model.colours], [tails, model.tails]])
      if (made.select.value != value) made.select.value = value
    invert.setAttribute("aria-pressed", String(model.invert))
    // Maps and masters are drawn evenly in colours that mean something: here is nothing to choose.
    const bound = model.kinds.slice(0, model.count).every((name) => model.own_colours.includes(name))
    for (const [made, label] of [[stretch, "Stretch"], [colours, "Colours"]]) {
      made.select.disabled = bound
      made.select.title = bound ? `${label}: this picture is drawn evenly in colours of its own` : label
    }
  }
  const listen = (event) => {
    if (event.detail.channel == model.channel && event.detail.name == "region") {
      chosen = event.detail.value
      draw_region()
    }
    if (event.detail.channel == model.channel && event.detail.name == "scale")
      percent.textContent = event.detail.value ? `${Number((100 * event.detail.value).toPrecision(3))} %` : ""
  }
  window.addEventListener("starshift", listen)
  model.on(["theme", "count", "kinds", "swipe", "stretch", "colours", "tails", "invert"], draw)
  model.on("options", () => kind.fill(model.options, model.kinds[0]))
  draw()
  tell("ready")
  const room = Object.assign(document.createElement("div"), {className: "room"})
  room.append(root)
  return room
}
