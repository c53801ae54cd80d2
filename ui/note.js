// Over a picture: how long some pixels are on the screen; over one that has no pixels why, and the next step.
const PATIENCE_MS = 400
// The bar has at least this share of the picture's width, and a length of these times a power of ten.
const SHARE = 0.15
const MARGIN = 10
const LENGTHS = [1, 1.5, 2, 2.5, 5, 7.5, 10]
const make = (tag, properties) => Object.assign(document.createElement(tag), properties)

export function render({model}) {
  const root = make("div", {})
  root.setAttribute("role", "status")
  const title = make("h3", {})
  const words = make("p", {})
  const raw = make("button", {type: "button", className: "outlined", textContent: "Show the raw frame"})
  raw.addEventListener("click", () => { model.kind = "raw" })
  const go = make("button", {type: "button", className: "outlined"})
  go.addEventListener("click", () => { model.goes += 1 })
  root.append(title, words, go, raw)
  const bar = make("div", {className: "scale-bar", hidden: true})
  const length = make("i", {})
  const text = make("span", {})
  bar.append(text, length)
  const all = make("div", {})
  all.style.width = "100%"
  all.append(bar, root)
  let due = 0
  let [scale, width, height, corner] = [0, 0, 0, [0, 0]]

  function measure() {
    const least = SHARE * width / scale
    bar.hidden = Boolean(model.state) || !(scale > 0 && least > 0)
    if (bar.hidden) return
    const power = 10 ** Math.max(Math.floor(Math.log10(least)), 0)
    const pixels = LENGTHS.map((one) => one * power).find((one) => one >= least && Number.isInteger(one))
    length.style.width = `${pixels * scale}px`
    text.textContent = `${pixels} px`
    // It stands in the frame's own corner, where that is in sight.
    bar.style.left = `${MARGIN + Math.max(Math.min(corner[0], width - pixels * scale - 4 * MARGIN), 0)}px`
    bar.style.bottom = `${MARGIN + Math.max(Math.min(corner[1], height - 6 * MARGIN), 0)}px`
  }

  function draw() {
    clearTimeout(due)
    root.className = `part note ${model.theme}`
    const failed = model.state == "failed"
    const name = model.options[model.kind] ?? ""
    const stopped = model.state == "stopped"
    title.textContent = failed || stopped ? `No picture “${name}”` : `“${name}” is being made`
    words.textContent = model.detail.replace(/[^.]$/, "$&.") || (failed
      ? "A stage that it stands on failed. Its row among the stages says why, and what to do."
      : stopped ? "Making it was cancelled. Click on a stage, and it goes on."
      : "It shows here as soon as it is there.")
    go.style.display = failed && model.elsewhere ? "" : "none"
    go.textContent = `Show frame ${model.elsewhere}`
    raw.style.display = failed && model.raw && !model.elsewhere ? "" : "none"
    // What takes less than this is never seen waiting: nothing shall blink.
    const seen = Boolean(model.state)
    if (!seen || failed) root.style.display = seen ? "" : "none"
    else due = setTimeout(() => { root.style.display = "" }, PATIENCE_MS)
  }
  root.style.display = "none"
  model.on(["theme", "state", "kind", "options", "detail", "raw", "elsewhere"], draw)
  model.on("state", measure)
  window.addEventListener("starshift", ({detail}) => {
    if (detail.channel != model.channel) return
    if (detail.name == "scale") scale = detail.value
    else if (detail.name == "corner") corner = detail.value
    else return
    measure()
  })
  new ResizeObserver(() => {
    [width, height] = [all.clientWidth, all.getRootNode().host?.clientHeight ?? 0]
    measure()
  }).observe(all)
  draw()
  // The picture may have stood where it stands before this was drawn.
  window.dispatchEvent(new CustomEvent("starshift", {detail: {channel: model.channel, name: "ready"}}))
  return all
}
