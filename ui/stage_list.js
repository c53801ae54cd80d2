// The stages in order: a dot for the state, the name, the time; the open one shows what it is for, its knobs and what
// went wrong in it. Clicks go to the server as messages.
const ICON = {
  idle: '<circle cx="7" cy="7" r="3.5" fill="var(--s-panel)" stroke="var(--s-third)" stroke-width="1.4"/>',
  fresh: '<circle cx="7" cy="7" r="4" fill="var(--s-second)"/>',
  stored: '<circle cx="7" cy="7" r="5" fill="var(--s-second)"/><path d="M4.6 7.1l1.7 1.7 3.1-3.3" fill="none" stroke="var(--s-panel)" stroke-width="1.5"/>',
  running: '<circle cx="7" cy="7" r="6.5" fill="var(--s-panel)"/><circle cx="7" cy="7" r="4.6" fill="none" stroke="var(--s-strong)" stroke-width="1.8"/>'
    + '<path class="spin" d="M7 2.4a4.6 4.6 0 0 1 4.6 4.6" fill="none" stroke="var(--s-text)" stroke-width="1.8"/>',
  failed: '<circle cx="7" cy="7" r="6.5" fill="var(--s-panel)"/><path d="M3 3l8 8M11 3l-8 8" stroke="var(--s-failed)" stroke-width="1.8"/>',
}
const STROKE = 'viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
const FOLD = `<svg ${STROKE}><path d="M5 5v14M20 12H9M14 7l-5 5 5 5"/></svg>`
const CLOSE = `<svg ${STROKE}><path d="M6 6l12 12M18 6L6 18"/></svg>`
const UP = `<svg ${STROKE}><path d="M6 15l6-6 6 6"/></svg>`
const DOWN = `<svg ${STROKE}><path d="M6 9l6 6 6-6"/></svg>`
// Heights in pixels: the top bar, a row, the gaps before the two groups of the later stages.
const BAR = 48
const ROW = 28
const GAPS = 16
const WARN = `<svg ${STROKE}><circle cx="12" cy="12" r="9"/><path d="M12 7v6M12 16v1.5"/></svg>`

function element(tag, name, parent, attributes = {}) {
  const made = document.createElement(tag)
  if (name) made.className = name
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  parent?.append(made)
  return made
}

class Row {
  constructor(model, row) {
    this.model = model
    this.el = element("div", "stage")
    this.el.dataset.stage = row.name
    this.button = element("button", "row", this.el, {type: "button"})
    this.dot = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    this.dot.setAttribute("viewBox", "0 0 14 14")
    this.dot.setAttribute("class", "state-dot")
    this.dot.setAttribute("role", "img")
    this.button.append(this.dot)
    this.name = element("span", "name", this.button)
    this.name.textContent = row.title
    this.changed = element("span", "changed-dot", this.name, {role: "img", "aria-label": "a knob is changed", title: "a knob is changed"})
    this.note = element("span", "note", this.button)
    element("span", "chevron", this.button).innerHTML = UP
    this.cancel = element("button", "icon-button cancel", this.el, {type: "button", title: "Cancel", "aria-label": `Cancel ${row.title}`})
    this.cancel.innerHTML = CLOSE
    this.cancel.addEventListener("click", () => model.send_msg({cancel: row.name}))
    this.button.addEventListener("click", () => model.send_msg({open: row.name}))
    this.alert = element("div", "place", this.el)
    this.state = null
    this.error = "null"
  }

  draw(row, open) {
    this.el.className = `stage ${row.state} ${row.group ? "group" : ""} ${open ? "open" : ""} ${row.cancellable ? "cancellable" : ""}`
    this.button.setAttribute("aria-expanded", open)
    this.changed.style.display = row.changed ? "" : "none"
    if (this.note.textContent !== row.note) this.note.textContent = row.note
    this.button.title = row.state === "idle" && !row.note && !open ? "Made when it is opened, or when something shows it" : ""
    this.draw_error(row)
    if (this.state === row.state) return
    this.state = row.state
    this.dot.innerHTML = `<title>${row.state_text}</title>${ICON[row.state]}`
  }

  // An error stands at its stage, open or not.
  draw_error({error, mend, name}) {
    const text = JSON.stringify([error, mend])
    if (this.error === text) return
    this.error = text
    this.alert.replaceChildren()
    if (!error) return
    const box = element("div", "alert", this.alert, {role: "alert"})
    box.innerHTML = WARN
    const words = element("div", "", box)
    const what = element("p", "", words)
    element("b", "", what).textContent = error.file
    what.append(`: ${error.problem}`)
    if (error.remedy) element("p", "", words).textContent = error.remedy
    if (!mend) return
    const step = element("button", "button", element("div", "actions", words), {type: "button"})
    step.textContent = mend
    step.addEventListener("click", () => this.model.send_msg({mend: name}))
  }
}

// One row in place of several stages; those are seen when it is open.
class Fold {
  constructor(list, fold) {
    this.list = list
    this.el = element("div", "fold")
    this.button = element("button", "row", this.el, {type: "button"})
    this.dot = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    this.dot.setAttribute("viewBox", "0 0 14 14")
    this.dot.setAttribute("class", "state-dot")
    this.dot.setAttribute("role", "img")
    this.button.append(this.dot)
    this.name = element("span", "name", this.button)
    this.title = element("span", "", this.name)
    this.changed = element("span", "changed-dot", this.name, {role: "img", "aria-label": "a knob is changed", title: "a knob is changed"})
    this.note = element("span", "note", this.button)
    this.chevron = element("span", "chevron", this.button)
    this.cancel = element("button", "icon-button cancel", this.el, {type: "button", title: "Cancel", "aria-label": `Cancel ${fold.title}`})
    this.cancel.innerHTML = CLOSE
    this.cancel.addEventListener("click", () => list.model.send_msg({cancel: this.running}))
    // What a visitor chose; else it is open where it must be.
    this.chosen = null
    this.button.addEventListener("click", () => {
      this.chosen = !this.open
      list.draw()
    })
    this.stages = fold.stages
  }

  draw(fold, rows, fits, current) {
    const failed = rows.some((row) => row.state === "failed")
    const within = fold.stages.includes(current)
    const bare = !fold.always && fits
    this.open = bare || within || (this.chosen ?? failed)
    this.el.hidden = bare || within
    this.running = fold.cancel
    this.el.className = `fold ${fold.state} ${fold.group ? "group" : ""} ${fold.always || this.open ? "" : "last"} ${fold.cancel && !this.open ? "cancellable" : ""}`
    this.button.setAttribute("aria-expanded", this.open)
    this.title.textContent = this.open && !fold.always ? "Fewer stages" : fold.title
    this.changed.style.display = fold.changed && !this.open ? "" : "none"
    this.note.textContent = this.open ? "" : fold.note
    this.chevron.innerHTML = this.open ? UP : DOWN
    this.dot.innerHTML = `<title>${fold.state_text}</title>${ICON[fold.state]}`
    for (const name of fold.stages) this.list.rows.get(name).el.hidden = !this.open
  }

  // What opening it adds to the list.
  height() { return this.stages.length * ROW + GAPS }
}

class List {
  constructor(model) {
    this.model = model
    this.el = element("nav", "", null, {"aria-label": "Stages"})
    const head = element("div", "head", this.el)
    element("h2", "", head).textContent = "Stages"
    this.total = element("span", "", head, {title: "Time of all stages for this frame"})
    const fold = element("button", "icon-button", head, {type: "button", title: "Fold away", "aria-label": "Fold the stages away"})
    fold.innerHTML = FOLD
    fold.addEventListener("click", () => model.send_msg({fold: true}))
    const list = element("div", "stages", this.el)
    this.rows = new Map(model.rows.map((row) => [row.name, new Row(model, row)]))
    this.folds = model.folds.map((fold) => new Fold(this, fold))
    for (const [name, row] of this.rows) {
      for (const fold of this.folds) if (fold.stages[0] === name) list.append(fold.el)
      list.append(row.el)
    }
    this.list = list
    this.fits = true
    this.body = element("div", "body")
    this.purpose = element("p", "purpose", this.body)
    this.content = element("div", "", this.body)
    this.action = element("button", "button action", this.body, {type: "button"})
    this.action.addEventListener("click", () => model.send_msg({act: model.open}))
  }

  draw() {
    const {model} = this
    this.total.textContent = model.total
    for (const row of model.rows) {
      const shown = this.rows.get(row.name)
      shown.draw(row, row.name === model.open)
      if (row.name !== model.open) continue
      if (this.body.parentNode !== shown.el) shown.el.append(this.body)
      this.draw_purpose(row)
      this.action.textContent = row.action
      this.action.hidden = !row.action
    }
    if (!model.open) this.body.remove()
    this.draw_folds()
  }

  draw_folds() {
    const {model} = this
    this.folds.forEach((fold, i) => {
      const said = model.folds[i]
      fold.draw(said, model.rows.filter((row) => said.stages.includes(row.name)), this.fits, model.open)
    })
  }

  // Whether the whole list has its place in the window, counted alike whatever is folded, so that it cannot swing.
  measure() {
    const later = this.folds.find((_, i) => !this.model.folds[i].always)
    if (!later || !this.el.offsetHeight) return
    const whole = this.el.offsetHeight + (later.open ? 0 : later.height()) - (later.el.hidden ? 0 : later.el.offsetHeight)
    const fits = whole <= window.innerHeight - BAR
    if (fits === this.fits) return
    this.fits = fits
    this.draw_folds()
  }

  draw_purpose(row) {
    if (this.drawn === row.name) return
    this.drawn = row.name
    this.purpose.replaceChildren(row.purpose, " ", element("br"))
    const how = element("button", "link", this.purpose, {type: "button"})
    how.textContent = "How it works"
    how.addEventListener("click", () => this.model.send_msg({explain: row.name}))
    if (row.hint) this.purpose.append(element("br"), row.hint)
  }

  place() {
    const child = this.model.get_child("content")
    if (child) this.content.replaceChildren(child)
    else this.content.replaceChildren()
  }
}

export function render({model}) {
  const list = new List(model)
  list.draw()
  list.place()
  model.on(["rows", "folds", "open", "total"], () => list.draw())
  model.on("content", () => list.place())
  const measured = new ResizeObserver(() => requestAnimationFrame(() => list.measure()))
  measured.observe(list.el)
  const resized = () => list.measure()
  window.addEventListener("resize", resized)
  model.on("remove", () => { measured.disconnect(); window.removeEventListener("resize", resized) })
  return list.el
}
