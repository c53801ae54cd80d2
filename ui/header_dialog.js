// A file's header: which file, which part of it, what to look for, and the cards.
const DOWN = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 10l5 5 5-5"/></svg>'
// After the last key, before the cards are asked for; milliseconds.
const WAIT = 120

function choose(label, parent, change) {
  const box = element("label", "choose", parent)
  element("span", "", box, label)
  const field = element("span", "choice", box)
  const select = element("select", "", field)
  field.insertAdjacentHTML("beforeend", DOWN)
  select.addEventListener("change", () => change(Number(select.value)))
  return select
}

export function render({model}) {
  const root = element("section", "")
  root.setAttribute("aria-label", "Header")
  const top = element("div", "top", root)
  const file = choose("File", top, (number) => model.send_msg({file: number}))
  const part = choose("Part", top, (number) => model.send_msg({part: number}))
  const search = element("label", "search", top)
  element("span", "", search, "Find")
  const field = element("input", "", search)
  field.type = "search"
  field.placeholder = "keyword, value or comment"
  field.autocomplete = "off"
  field.spellcheck = false
  let waiting = 0
  field.addEventListener("input", () => {
    clearTimeout(waiting)
    waiting = setTimeout(() => model.send_msg({words: field.value}), WAIT)
  })
  const facts = element("p", "of-file", root)
  const problem = element("p", "problem", root)
  problem.setAttribute("role", "alert")
  const said = element("p", "said", root)
  said.setAttribute("role", "status")
  const scroll = element("div", "scroll", root)
  scroll.tabIndex = 0
  scroll.setAttribute("role", "region")
  scroll.setAttribute("aria-label", "Cards")
  const table = element("table", "", scroll)
  const head = element("tr", "", element("thead", "", table))
  for (const text of ["Keyword", "Value", "Comment", "From"]) element("th", "", head, text).scope = "col"
  const body = element("tbody", "", table)

  const options = (select, names, chosen) => {
    select.replaceChildren(...names.map((name, k) => new Option(name, String(k), false, k == chosen)))
    select.value = String(chosen)
    select.disabled = names.length < 2
  }
  const draw = () => {
    root.className = `header ${model.theme}`
    facts.textContent = model.facts
    problem.textContent = model.problem
    problem.hidden = !model.problem
    said.textContent = model.said
  }
  const draw_rows = () => {
    body.replaceChildren(...model.rows.map(([keyword, value, comment, source]) => {
      const row = element("tr", "")
      element("th", "", row, keyword).scope = "row"
      for (const text of [value, comment, source]) element("td", "", row, text)
      return row
    }))
    scroll.hidden = model.rows.length == 0
    scroll.scrollTop = 0
  }
  model.on(["theme", "facts", "problem", "said"], draw)
  model.on(["files", "file"], () => options(file, model.files, model.file))
  model.on(["parts", "part"], () => options(part, model.parts, model.part))
  model.on("rows", draw_rows)
  // Who opens it looks for something.
  model.on("opened", () => {
    field.value = ""
    setTimeout(() => field.focus(), 50)
  })
  draw()
  options(file, model.files, model.file)
  options(part, model.parts, model.part)
  draw_rows()
  if (model.opened) setTimeout(() => field.focus(), 50)
  return root
}
