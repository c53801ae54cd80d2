// A knob that is a table of limits: a row for each name, with its lowest and its highest value; an empty one limits
// nothing. A name that is added has no limit until a number is written.
const number_or = (text, none) => text === "" ? none : Number(text)

Knob.prototype.make_rows = function () {
  this.rows = element("div", "rows", this.el)
  this.added = null
  const box = element("div", "select add", this.el)
  this.add = element("select", "", box, {"aria-label": `Add to ${this.spec.label}`})
  this.add.addEventListener("change", () => {
    this.added = this.add.value
    this.drawn = null
    this.draw()
    this.rows.querySelector(`[data-row="${this.added}"] input`).focus()
  })
}

Knob.prototype.draw_rows = function () {
  const {any} = this.spec
  const value = this.value ?? {}
  if (this.added in value) this.added = null
  const text = JSON.stringify([value, this.added])
  if (this.drawn === text) return
  this.drawn = text
  const names = this.spec.choices.filter((name) => name in value || name === this.added)
  this.rows.replaceChildren(...names.map((name) => this.make_row(name, value[name] ?? [-any, any])))
  this.add.replaceChildren()
  const first = element("option", "", this.add, {value: "", disabled: ""})
  first.textContent = "Add a limit"
  for (const name of this.spec.choices) if (!names.includes(name)) element("option", "", this.add, {value: name}).textContent = name
  this.add.selectedIndex = 0
}

Knob.prototype.make_row = function (name, pair) {
  const {any} = this.spec
  const row = element("div", "limit", null, {"data-row": name})
  element("span", "name", row).textContent = name
  const inputs = pair.map((end, index) => {
    if (index) element("span", "to", row).textContent = "to"
    const box = element("label", "field", row)
    const label = `${name}, ${index ? "highest" : "lowest"}`
    const input = element("input", "", box, {type: "text", inputmode: "decimal", size: "5", placeholder: "any", autocomplete: "off", "aria-label": label})
    input.value = Math.abs(end) >= any ? "" : minus(String(Number(end.toPrecision(6))))
    input.addEventListener("change", () => {
      const ends = inputs.map((one, k) => number_or(plain(one.value), k ? any : -any))
      const wrong = ends.findIndex((one) => !Number.isFinite(one))
      const fault = wrong >= 0 ? "Takes a number, or nothing for no limit."
        : ends[0] > ends[1] ? "The lowest cannot be above the highest." : ""
      if (fault) return this.blame(box, input, fault)
      this.set_row(name, ends)
    })
    return input
  })
  const away = element("button", "icon-button", row, {type: "button", title: "Take the limit away", "aria-label": `Take the limit on ${name} away`})
  away.innerHTML = '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"><path d="M6 6l12 12M18 6L6 18"/></svg>'
  away.addEventListener("click", () => this.set_row(name, null))
  return row
}

Knob.prototype.set_row = function (name, ends) {
  const {any} = this.spec
  const value = {...this.value}
  delete value[name]
  if (ends && (ends[0] > -any || ends[1] < any)) value[name] = ends
  if (this.added === name) this.added = null
  this.drawn = null
  // The server's order, so that equal tables are equal texts.
  this.turn(Object.fromEntries(Object.keys(value).sort().map((key) => [key, value[key]])), false)
}
