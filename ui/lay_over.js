// A frame over the reference, each in its colour: the hand or the arrow keys move it, and Python hears where it was left.
export function render({model}) {
  const root = document.createElement("div")
  const well = Object.assign(document.createElement("div"), {className: "laid-over", tabIndex: 0})
  well.setAttribute("role", "application")
  well.setAttribute("aria-label", "Drag the frame over the reference; arrow keys move it by one pixel")
  const [below, above] = ["reference", "frame"].map((name) => {
    const image = Object.assign(document.createElement("img"), {alt: "", draggable: false})
    image.dataset.of = name
    well.append(image)
    return image
  })
  const words = Object.assign(document.createElement("div"), {className: "laid-words"})
  root.append(well, words)
  let [x, y] = [0, 0]
  let held = null
  let due = 0
  const scale = () => well.clientWidth / model.across
  const minus = (value) => value.toFixed(0).replace("-", "\u2212")
  const place = () => {
    above.style.transform = `translate(${x * scale()}px, ${y * scale()}px)`
    words.textContent = `shift ${minus(x)}, ${minus(y)} px`
  }
  const told = () => { [x, y] = model.shift; place() }
  const say = () => { model.send_msg({x: Math.round(x), y: Math.round(y)}) }
  well.addEventListener("pointerdown", (event) => {
    held = [event.clientX, event.clientY, x, y]
    well.setPointerCapture(event.pointerId)
  })
  well.addEventListener("pointermove", (event) => {
    if (held == null) return
    x = held[2] + (event.clientX - held[0]) / scale()
    y = held[3] + (event.clientY - held[1]) / scale()
    place()
  })
  well.addEventListener("pointerup", (event) => {
    if (held != null && (event.clientX != held[0] || event.clientY != held[1])) say()
    held = null
  })
  well.addEventListener("keydown", (event) => {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key]
    if (step == null) return
    event.preventDefault()
    event.stopPropagation()
    x += step[0]
    y += step[1]
    place()
    clearTimeout(due)
    due = setTimeout(say, 400)
  })
  const draw = () => {
    root.className = `part laid ${model.theme}`
    well.style.aspectRatio = `${model.across} / ${model.down}`
    if (below.src != model.reference) below.src = model.reference
    if (above.src != model.picture) above.src = model.picture
    requestAnimationFrame(place)
  }
  model.on(["theme", "reference", "picture", "across", "down"], draw)
  model.on("shift", told)
  new ResizeObserver(place).observe(well)
  draw()
  told()
  return root
}
