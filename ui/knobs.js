// The knobs of one stage, drawn from their declaration. Every turn goes to the server as a message {knob, value, live};
// turns that cut the markers go to the picture too, which follows the hand without asking the server.
const STEPS = 1000
// An arrow key moves a knob to its next number, which may be many steps of the slider away.
const KEY_STEPS = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 50, PageDown: -50}
const CHEVRON = (up) => `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"><path d="${up ? "M6 15l6-6 6 6" : "M6 9l6 6 6-6"}"/></svg>`

function element(tag, name, parent, attributes = {}) {
  const made = document.createElement(tag)
  if (name) made.className = name
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  parent?.append(made)
  return made
}

const minus = (text) => text.replace("-", "\u2212")
const plain = (text) => text.trim().replace("\u2212", "-").replace(",", ".")

// "9 σ" and "9" are the same where the field itself shows the unit.
function without_unit(text, spec) {
  const names = [spec.unit, spec.unit === "σ" ? "sigma" : spec.unit].filter(Boolean)
  const name = names.find((one) => text.toLowerCase().endsWith(one.toLowerCase()))
  return name ? text.slice(0, -name.length).trim() : text
}

const same_value = (one, other) => JSON.stringify(one) === JSON.stringify(other)

const with_unit = (text, spec) => spec.unit ? `${text}\u2009${spec.unit}` : text

function format(spec, value) {
  if (value === null || value === undefined) return spec.none
  if (spec.kind === "int") return minus(String(Math.round(value)))
  if (spec.decimals !== null) return minus(value.toFixed(spec.decimals))
  return minus(String(Number(value.toPrecision(4))))
}

// A slider's place from 0 to 1 and back; on a logarithmic slider equal ways are equal ratios.
function place(spec, value) {
  const [low, high] = [spec.low, spec.high]
  const at = spec.log ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low)
  return Math.min(1, Math.max(0, at))
}

function at_place(spec, at) {
  const [low, high] = [spec.low, spec.high]
  if (at <= 0) return low
  if (at >= 1) return high
  const value = spec.log ? low * (high / low) ** at : low + at * (high - low)
  const step = spec.kind === "int" ? (spec.odd ? 2 : 1) : spec.step
  if (!step) return Number(value.toPrecision(3))
  const start = spec.kind === "int" && spec.odd ? Math.ceil(low) + (1 - Math.ceil(low) % 2) : 0
  return Math.min(spec.highest ?? high, Math.max(spec.lowest ?? low, Number((start + Math.round((value - start) / step) * step).toFixed(9))))
}

class Knob {
  constructor(panel, spec) {
    this.panel = panel
    this.spec = spec
    this.held = false
    const wide = spec.wide || !["select", "number", "text"].includes(spec.widget)
    this.el = element("div", `knob ${wide ? "wide" : ""}`, null, {"data-knob": spec.name})
    this.top = element("div", "top", this.el)
    this.label = element("span", "label", this.top, {id: `label-${spec.name}`})
    this.label.append(spec.label)
    element("span", "changed-dot", this.label, {title: "changed", role: "img", "aria-label": "changed"})
    this.label.addEventListener("mouseenter", () => panel.show_tip(this))
    this.label.addEventListener("mouseleave", () => panel.hide_tip())
    // The clicks of a double click may turn the knob too: they are one step with the way back.
    this.el.addEventListener("mousedown", (event) => { if (event.detail === 1) this.since = this.value })
    this.el.addEventListener("dblclick", (event) => {
      if (event.target.closest(".field, select, .segments")) return
      this.turn(spec.default, false, same_value(this.since, this.value) ? {} : {since: this.since})
    })
    this[`make_${spec.widget}`]()
  }

  turn(value, live, more = {}) {
    if (this.said) this.say("")
    this.value = value
    this.draw()
    this.panel.turn(this.spec.name, value, live, more)
  }

  // The number that "auto" stands for, where the server has told it.
  get shown() { return this.value ?? this.panel.model.auto[this.spec.name] ?? null }

  make_auto() {
    if (!this.spec.none) return
    this.auto = element("button", "auto", this.top, {type: "button"})
    this.auto.textContent = this.spec.none
    this.auto.addEventListener("click", () => this.turn(this.value === null ? this.number_instead() : null, false))
  }

  number_instead() {
    const value = this.shown ?? this.spec.low ?? 0
    return this.spec.kind === "range" ? [this.spec.low, this.spec.high] : Number(Number(value).toPrecision(4))
  }

  make_field(parent, index = null, block = false) {
    const spec = this.spec
    const box = element("label", block ? "field block" : "field", parent)
    const name = spec.label + (index === null ? "" : index ? ", high" : ", low")
    const input = element("input", "", box, {type: "text", inputmode: "decimal", "aria-label": name, autocomplete: "off", size: "4"})
    if (spec.unit) element("span", "unit", box).textContent = spec.unit
    const commit = () => {
      input.typed = false
      const text = without_unit(plain(input.value), spec)
      if (input.value === input.drawn) return this.excuse(box, input)
      if (spec.none && (text === "" || text === spec.none)) return this.turn(null, false)
      const number = Number(text)
      const pair = index === null ? null : [...(this.value ?? [spec.low, spec.high])]
      const fault = this.fault(text, number, pair && pair[1 - index], index)
      if (fault) return this.blame(box, input, fault)
      if (pair) pair[index] = number
      this.turn(pair ?? number, false)
      // A number is taken when a click leaves its field, and is no part of that click.
      this.since = this.value
    }
    // What a hand has begun to write is not written over by a result that comes meanwhile.
    input.typed = false
    input.addEventListener("input", () => { input.typed = true })
    input.addEventListener("change", commit)
    input.addEventListener("blur", () => {
      const wrong = box.classList.contains("wrong")
      input.typed = false
      this.draw()
      if (!wrong) return
      const value = input.value === spec.none ? spec.none : with_unit(input.value, spec)
      this.say(`${this.said.textContent} It stays at ${value}.`)
    })
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { input.typed = false; this.draw(); this.say("") }
      if (event.key === "Enter") commit()
      if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return
      event.preventDefault()
      const step = (spec.step || (spec.kind === "int" ? 1 : 0.1)) * (spec.odd ? 2 : 1) * (event.key === "ArrowUp" ? 1 : -1)
      input.value = String(Number(((Number(plain(input.value)) || 0) + step).toFixed(9)))
      commit()
    })
    return input
  }

  // What is wrong with a text that shall be this knob's number, or "".
  fault(text, number, other, index) {
    const {spec} = this
    if (text === "" || !Number.isFinite(number)
      || (spec.lowest !== null && number < spec.lowest) || (spec.highest !== null && number > spec.highest)
      || (spec.kind === "int" && (number !== Math.round(number) || (spec.odd && number % 2 === 0)))) return `Takes ${spec.rule}.`
    if (index === 0 && number > other) return `The low end cannot be above the high one, ${format(spec, other)}.`
    if (index === 1 && number < other) return `The high end cannot be below the low one, ${format(spec, other)}.`
    return ""
  }

  blame(box, input, fault) {
    box.classList.add("wrong")
    input.setAttribute("aria-invalid", true)
    input.typed = true
    this.say(fault)
  }

  excuse(box, input) {
    box.classList.remove("wrong")
    input.setAttribute("aria-invalid", false)
  }

  // A line under the knob; it stays until the knob takes a value.
  say(text) {
    if (!this.said) this.said = element("p", "said", this.el, {role: "alert"})
    this.said.textContent = text
    this.said.hidden = !text
  }

  make_slider() {
    const double = this.spec.kind === "range"
    this.make_auto()
    this.fields = double
      ? [0, 1].map((index) => {
        if (index) element("span", "to", this.top).textContent = "to"
        return this.make_field(this.top, index)
      })
      : [this.make_field(this.top)]
    this.slide = element("div", double ? "slide double" : "slide", this.el)
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    this.svg.setAttribute("preserveAspectRatio", "none")
    this.svg.setAttribute("aria-hidden", "true")
    // Without bars it lies over the knob's name.
    this.svg.setAttribute("pointer-events", "none")
    this.slide.append(this.svg)
    element("div", "rail", this.slide)
    this.bar = element("div", "bar", this.slide)
    this.stems = this.fields.map(() => element("div", "stem", this.slide))
    this.inputs = this.fields.map((_, index) => {
      const name = this.spec.label + (double ? (index ? ", high" : ", low") : "")
      const input = element("input", "", this.slide, {type: "range", min: 0, max: STEPS, step: 1, "aria-label": name})
      const move = (live) => {
        let value = at_place(this.spec, input.value / STEPS)
        if (double) {
          const pair = [...this.value]
          pair[index] = index ? Math.max(value, pair[0]) : Math.min(value, pair[1])
          value = pair
        }
        this.turn(value, live)
      }
      input.addEventListener("input", () => { this.held = true; move(true) })
      input.addEventListener("change", () => { this.held = false; move(false) })
      input.addEventListener("keydown", (event) => {
        const way = KEY_STEPS[event.key]
        if (!way) return
        event.preventDefault()
        const before = at_place(this.spec, input.value / STEPS)
        let at = Number(input.value)
        do at += way
        while (at > 0 && at < STEPS && at_place(this.spec, at / STEPS) === before)
        input.value = at
        move(false)
      })
      return input
    })
  }

  make_number() {
    this.make_auto()
    this.fields = [this.make_field(this.el, null, true)]
  }

  make_text() {
    const box = element("label", "field block", this.el)
    this.text = element("input", "", box, {type: "text", "aria-label": this.spec.label, placeholder: this.spec.hint, autocomplete: "off"})
    this.text.typed = false
    this.text.addEventListener("input", () => { this.text.typed = true })
    this.text.addEventListener("blur", () => { this.text.typed = false; this.draw() })
    this.text.addEventListener("change", () => {
      this.text.typed = false
      this.turn(this.text.value.trim() || (this.spec.none ? null : ""), false)
    })
  }

  make_select() {
    const box = element("div", "select", this.el)
    this.select = element("select", "", box, {"aria-label": this.spec.label})
    const words = this.spec.none ? [null, ...this.spec.choices] : this.spec.choices
    this.words = words
    for (const word of words) element("option", "", this.select).textContent = word === null ? this.spec.none : String(word).replaceAll("_", " ")
    this.select.addEventListener("change", () => this.turn(words[this.select.selectedIndex], false))
  }

  make_segments() {
    const box = element("div", "segments", this.top, {role: "radiogroup", "aria-label": this.spec.label})
    this.buttons = this.spec.choices.map((word) => {
      const button = element("button", "", box, {type: "button", role: "radio"})
      button.textContent = word
      button.addEventListener("click", () => this.turn(word, false))
      return button
    })
  }

  make_switch() {
    this.toggle = element("button", "switch", this.top, {type: "button", role: "switch", "aria-label": this.spec.label})
    this.toggle.addEventListener("click", () => this.turn(!this.value, false))
  }

  draw() {
    const {spec, value} = this
    this.el.classList.toggle("changed", !same_value(value, spec.default))
    if (this.auto) {
      this.auto.setAttribute("aria-pressed", value === null)
      this.auto.hidden = this.shown === null
    }
    if (this.toggle) this.toggle.setAttribute("aria-checked", value)
    if (this.text && !this.text.typed) this.text.value = value ?? ""
    if (this.select) {
      this.select.selectedIndex = this.words.indexOf(value)
      if (spec.none && this.panel.model.auto[spec.name] != null) {
        this.select.options[0].textContent = `${spec.none}: ${this.panel.model.auto[spec.name]}`
      }
    }
    this.buttons?.forEach((button, i) => button.setAttribute("aria-checked", spec.choices[i] === value))
    if (this.rows) this.draw_rows()
    if (!this.fields) return
    const values = spec.kind === "range" ? (value ?? [spec.low, spec.high]) : [this.shown]
    this.fields.forEach((field, i) => {
      if (field.typed) return
      field.value = values[i] === null ? spec.none : format(spec, values[i])
      field.drawn = field.value
      this.excuse(field.parentNode, field)
      const unit = field.parentNode.querySelector(".unit")
      if (unit) unit.hidden = values[i] === null
    })
    if (this.slide) this.draw_slide(values)
  }

  draw_slide(values) {
    const {spec} = this
    const places = values.map((value) => place(spec, value ?? spec.low))
    this.inputs.forEach((input, i) => {
      if (!this.held || i !== this.inputs.indexOf(this.panel.root.activeElement)) input.value = Math.round(places[i] * STEPS)
      input.setAttribute("aria-valuetext", values[i] === null ? spec.none : `${format(spec, values[i])} ${spec.unit}`)
      this.stems[i].style.left = `calc(${places[i] * 100}% - 0.5px)`
    })
    const [from, to] = spec.kind === "range" ? places : spec.keeps === "above" ? [places[0], 1] : [0, places[0]]
    this.bar.style.left = `${from * 100}%`
    this.bar.style.right = `${100 - to * 100}%`
    const counts = this.panel.model.histograms[spec.name]
    // The place is kept before there is anything to count, or the knobs below would jump.
    this.slide.classList.toggle("histogram", spec.measured || Boolean(counts))
    if (!counts) return this.svg.replaceChildren()
    this.svg.setAttribute("viewBox", `0 0 ${counts.length} 1`)
    const top = Math.max(...counts, 1)
    const bars = (inside) => counts.map((count, i) => {
      const middle = (i + 0.5) / counts.length
      if (!count || (middle >= from && middle <= to) !== inside) return ""
      const height = Math.max(0.04, Math.sqrt(count / top))
      return `M${i + 0.1} 1V${(1 - height).toFixed(3)}H${i + 0.9}V1Z`
    }).join("")
    this.svg.innerHTML = `<path d="${bars(false)}" fill="var(--s-cut)"/><path d="${bars(true)}" fill="var(--s-kept)"/>`
  }
}

class Panel {
  constructor(model, root) {
    this.model = model
    this.root = root
    this.el = element("div", "knobs")
    this.tip = element("div", "tip", this.el, {role: "tooltip"})
    this.knobs = model.specs.map((spec) => new Knob(this, spec))
    const basic = this.knobs.filter((knob) => knob.spec.basic)
    const more = this.knobs.filter((knob) => !knob.spec.basic)
    this.el.append(...basic.map((knob) => knob.el))
    if (more.length) this.make_more(more)
    this.summary = element("div", "summary", this.el, {role: "status"})
    this.waiting = null
  }

  make_more(knobs) {
    const row = element("div", "knob wide", this.el)
    const button = element("button", "more", row, {type: "button"})
    const show = (open) => {
      button.setAttribute("aria-expanded", open)
      button.innerHTML = (open ? "Fewer knobs " : `${knobs.length} more knob${knobs.length > 1 ? "s" : ""} `) + CHEVRON(open)
      for (const knob of knobs) knob.el.style.display = open ? "" : "none"
    }
    button.addEventListener("click", () => show(button.getAttribute("aria-expanded") !== "true"))
    this.el.append(...knobs.map((knob) => knob.el))
    show(false)
  }

  // While a slider moves, at most one message in 40 ms, less often where the picture follows by itself; the last one
  // always goes out.
  turn(knob, value, live, more) {
    this.tell("cut", {[knob]: value})
    this.following = live
    const send = () => { this.waiting = null; this.model.send_msg(this.next) }
    this.next = {knob, value, live, ...more}
    if (!live) { clearTimeout(this.waiting); send() }
    else if (this.waiting === null) this.waiting = setTimeout(send, this.model.channel ? 200 : 40)
  }

  tell(name, value) {
    const {channel} = this.model
    if (channel) window.dispatchEvent(new CustomEvent("starshift", {detail: {channel, name, value}}))
  }

  // The picture counts its markers anew at each cut; under the hand that count is the one to show.
  counted(event) {
    if (!this.following || event.detail.channel !== this.model.channel || event.detail.name !== "counts") return
    const [complete, partial, , , other] = event.detail.value
    const number = this.summary.querySelector("b")
    if (number) number.textContent = complete + partial + other
  }

  show_tip(knob) {
    const {spec} = knob
    this.tip.replaceChildren()
    const first = element("p", "", this.tip)
    element("b", "", first).textContent = spec.label
    first.append(`, ${spec.rule.replace(/ -(?=[\d.])/g, " \u2212")}. ${spec.doc[0].toUpperCase()}${spec.doc.slice(1)}.`)
    element("p", "", this.tip).textContent = `Default ${spec.default_text}. A double click sets it back.`
    this.tip.style.display = "block"
    const box = knob.el.getBoundingClientRect()
    const below = box.bottom + 8 + this.tip.offsetHeight < window.innerHeight
    this.tip.style.left = `${box.left - 8}px`
    this.tip.style.top = below ? `${box.bottom + 6}px` : `${box.top - 6 - this.tip.offsetHeight}px`
  }

  hide_tip() { this.tip.style.display = "none" }

  draw() {
    for (const knob of this.knobs) {
      if (knob.held) continue
      knob.value = this.model.values[knob.spec.name]
      knob.draw()
    }
  }

  draw_summary() {
    this.summary.replaceChildren()
    const [number, text] = this.model.summary
    if (number) element("b", "", this.summary).textContent = number
    if (text) this.summary.append(` ${text}`)
  }
}

export function render({model, view}) {
  const panel = new Panel(model, view.shadow_el)
  panel.draw()
  panel.draw_summary()
  model.on(["values", "auto", "histograms", "again"], () => panel.draw())
  model.on("summary", () => panel.draw_summary())
  const counted = (event) => panel.counted(event)
  window.addEventListener("starshift", counted)
  model.on("remove", () => window.removeEventListener("starshift", counted))
  return panel.el
}
