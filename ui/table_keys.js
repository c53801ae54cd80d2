
// Tables by the keyboard: Tab comes to the heads, where left and right choose a column and Enter orders by it, and to the
// rows, where up and down go from one to the next, Enter does what a click on the row does and the space bar ticks it.
function walk_tables() {
  const table = Bokeh.require("base").default_resolver.get("panel.models.tabulator.DataTabulator")
  const view = table?.prototype.default_view.prototype
  if (view == null || view.after_layout.walks) return
  const {after_layout} = view
  view.after_layout = function () {
    after_layout.call(this)
    listen_to_keys(this)
  }
  view.after_layout.walks = true
}

function listen_to_keys(view) {
  const {tabulator} = view
  const element = tabulator?.initialized ? tabulator.rowManager.element : null
  if (element == null) return
  const heads = tabulator.columnManager.headersElement
  const [first] = sortable(heads)
  if (first != null && heads.querySelector("[tabindex='0']") == null) first.tabIndex = 0
  if (view.walked === element) return
  view.walked = element
  element.addEventListener("keydown", (event) => {
    if (!event.altKey && !event.ctrlKey && !event.metaKey && on_row(tabulator, element, event)) take(event)
  })
  stay_on_row(tabulator, element)
  heads.addEventListener("keydown", (event) => { if (on_head(heads, event)) take(event) })
}

function take(event) {
  event.preventDefault()
  event.stopPropagation()
}

function on_row(tabulator, element, event) {
  const rows = tabulator.rowManager.getDisplayRows()
  const focused = event.target.closest(".tabulator-row")
  const at = rows.findIndex((row) => row.getElement() === focused)
  const by = {ArrowDown: 1, ArrowUp: -1}[event.key]
  if (by != null) {
    const picked = rows.indexOf(tabulator.getSelectedRows()[0]?._row)
    const next = at >= 0 ? at + by : picked >= 0 ? picked : rows.findIndex((row) => in_view(row, element))
    if (rows[next] != null) go_to(tabulator, rows[next])
    return true
  }
  const cell = at < 0 ? null : event.key === "Enter" ? target(focused) : event.key === " " ? tick(focused) : null
  cell?.click()
  return cell != null
}

// Rows that are drawn anew while one of them has the focus would leave it nowhere.
function stay_on_row(tabulator, element) {
  let held = null
  const {rowManager} = tabulator
  const number = (target) => rowManager.getDisplayRows().findIndex((row) => row.getElement() === target)
  element.addEventListener("focusin", ({target}) => { if (target !== element) held = number(target) })
  // Who leaves goes somewhere, or clicks.
  element.addEventListener("focusout", ({relatedTarget}) => { if (relatedTarget != null) held = null })
  element.addEventListener("pointerdown", () => { held = null })
  tabulator.on("renderComplete", () => {
    const row = held === null || document.activeElement !== document.body ? null : rowManager.getDisplayRows()[held]
    if (row != null) go_to(tabulator, row)
  })
}

function in_view(row, element) {
  const {bottom} = row.getElement().getBoundingClientRect()
  return row.getElement().isConnected && bottom > element.getBoundingClientRect().top
}

function go_to(tabulator, row) {
  tabulator.scrollToRow(row.getComponent(), "nearest", false).then(() => {
    const element = row.getElement()
    // Other rows may have come meanwhile.
    if (!element) return
    // From an element that is no stop itself Tab would lead back to the heads.
    element.tabIndex = 0
    element.addEventListener("blur", () => element.removeAttribute("tabindex"), {once: true})
    element.focus({preventScroll: true})
  })
}

const seen = (cell) => cell.offsetWidth > 0
const tick = (row) => row.querySelector(":is([tabulator-field='used'], [tabulator-field='compare']):has(svg)")
const target = (row) => row.querySelector("[tabulator-field='file']") ??
  [...row.querySelectorAll(".tabulator-cell")].find((cell) => seen(cell) && cell !== tick(row))

const sortable = (heads) => [...heads.querySelectorAll(".tabulator-col.tabulator-sortable")].filter(seen)

function on_head(heads, event) {
  const columns = sortable(heads)
  const at = columns.indexOf(event.target.closest(".tabulator-col"))
  const by = {ArrowRight: 1, ArrowLeft: -1}[event.key]
  if (by != null) {
    const next = columns[at + by]
    if (next == null) return true
    columns[at].tabIndex = -1
    next.tabIndex = 0
    next.focus()
    return true
  }
  if (event.key !== "Enter") return false
  columns[at].click()
  return true
}
