// Presets: those that come with the page, and the visitor's own.
const CLOSE = '<svg class="line" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18"/></svg>'
const NO_STORE = "This browser keeps nothing for this page. Save the recipe as a file instead."

function button(name, label, parent, click) {
  const made = element("button", name, parent, label)
  made.type = "button"
  made.addEventListener("click", click)
  return made
}

export function render({model}) {
  const root = element("div", "")
  const dialog = element("dialog", "", root)
  dialog.setAttribute("aria-labelledby", "presets-title")
  const head = element("header", "", dialog)
  element("h2", "", head, "Presets").id = "presets-title"
  const close = button("close", "", head, () => dialog.close())
  close.innerHTML = CLOSE
  close.title = "Close"
  close.setAttribute("aria-label", "Close the presets")
  const body = element("div", "body", dialog)
  element("p", "second", body, "A preset sets all knobs. What names files or stars of this night stays as it is: the reference, kinds set by hand, frames left out by hand, comparison stars and the like. Undo takes it back.")
  const shipped = element("ul", "", body)
  element("h3", "", body, "Your own, kept in this browser")
  const own = element("ul", "", body)
  const form = element("form", "", body)
  const label = element("label", "", form, "Name the knobs as they stand now")
  label.htmlFor = "preset-name"
  const row = element("div", "row", form)
  const field = element("input", "", row)
  Object.assign(field, {id: "preset-name", type: "text", maxLength: model.longest, autocomplete: "off", spellcheck: false})
  field.setAttribute("aria-describedby", "preset-said")
  const save = element("button", "main", row, "Save")
  save.type = "submit"
  const said = element("p", "said", form)
  said.id = "preset-said"
  said.setAttribute("role", "status")

  function item(parent, name, about, changes) {
    const made = element("li", "", parent)
    const words = element("div", "words", made)
    element("b", "", words, name)
    if (about) element("p", "", words, about)
    element("p", "second", words, changes)
    return made
  }
  function use(name, message) {
    model.send_msg({name, ...message})
    dialog.close()
  }

  const draw_shipped = () => {
    shipped.replaceChildren()
    for (const [name, about, changes] of model.shipped) {
      const made = item(shipped, name, about, changes)
      button("outlined", "Use", made, () => use(name, {})).setAttribute("aria-label", `Use ${name}`)
    }
  }
  function draw_own() {
    own.replaceChildren()
    const all = kept()
    for (const name of Object.keys(all).sort()) {
      const made = item(own, name, "", String(all[name].changes ?? ""))
      button("outlined", "Use", made, () => use(name, {text: all[name].text})).setAttribute("aria-label", `Use ${name}`)
      button("text", "Delete", made, () => remove(name)).setAttribute("aria-label", `Delete ${name}`)
    }
    if (!own.childElementCount) element("li", "second", own, "None yet.")
    draw_save()
  }
  // A name that is there is said to be replaced before it is.
  function draw_save() {
    const name = field.value.trim()
    save.textContent = Object.hasOwn(kept(), name) ? "Replace" : "Save"
    save.disabled = name === ""
  }
  function remove(name) {
    const {[name]: gone, ...rest} = kept()
    said.textContent = keep(rest) ? `${name} is deleted. ` : NO_STORE
    draw_own()
    if (gone) button("text", "Undo", said, () => {
      said.textContent = keep({...kept(), [name]: gone}) ? `${name} is back.` : NO_STORE
      draw_own()
    })
    field.focus()
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault()
    const name = field.value.trim()
    if (model.shipped.some(([one]) => one === name)) said.textContent = `${name} comes with Starshift. Choose another name.`
    else if (name) model.send_msg({name, keep: true})
  })
  field.addEventListener("input", () => { said.textContent = ""; draw_save() })
  model.on("msg:custom", ({name, text, changes}) => {
    said.textContent = keep({...kept(), [name]: {text, changes}}) ? `${name} is saved.` : NO_STORE
    field.value = ""
    draw_own()
  })
  // A click beside the dialog closes it.
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close() })

  function show() {
    said.textContent = ""
    draw_own()
    if (!dialog.open) dialog.showModal()
  }
  const paint = () => { root.className = model.theme }
  model.on("theme", paint)
  model.on("shipped", draw_shipped)
  model.on("opened", show)
  paint()
  draw_shipped()
  // The first to open it made it: it is in the document a moment later.
  requestAnimationFrame(function begin() { root.isConnected ? show() : requestAnimationFrame(begin) })
  return root
}
