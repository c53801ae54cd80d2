
// A table whose rows stay as many writes the cells that have changed: Panel takes all rows away and draws them anew.
// Its rows are all of one height, which Tabulator would else measure for each. Where it is sorted its order is new too.
function write_what_changed() {
  const table = Bokeh.require("base").default_resolver.get("panel.models.tabulator.DataTabulator")
  const view = table?.prototype.default_view.prototype
  if (view == null || view.setData.seldom) return
  const {setData} = view
  view.setData = function () {
    const ready = !this._initializing && !this._building && this.tabulator.initialized
    const stays = this.model.css_classes.includes("rows-stay") && this.model.sorters.length === 0
    if (ready && stays && write_cells(this)) return Promise.resolve()
    if (ready) begin_anew(this)
    return setData.call(this)
  }
  view.setData.seldom = true
  const {setSelection} = view
  view.setSelection = function () {
    setSelection.call(this)
    if (this.model.css_classes.includes("marks-in-sight")) this.tabulator.getSelectedRows()[0]?.scrollTo("nearest", false)
  }
  const {after_layout} = view
  view.after_layout = function () {
    after_layout.call(this)
    if (this.model.css_classes.includes("rows-stay")) keep_in_sight(this)
  }
}

// Write the cells that differ; false where the table has more rows or fewer.
function write_cells(view) {
  const [{rows}, wanted] = [view.tabulator.rowManager, view.getData()]
  if (rows.length !== wanted.length) return false
  rows.forEach((row, k) => {
    for (const [name, value] of Object.entries(wanted[k])) {
      if (Object.is(value, row.data[name])) continue
      // A row that was not seen yet has no cells.
      const cell = row.cells.find(({column}) => column.field === name)
      if (cell != null) cell.setValueProcessData(value)
      else row.data[name] = value
    }
  })
  return true
}

// What is picked stays in sight when something opens below a table, and a table whose tab is opened again is where it was
// left. Panel draws the table anew then, or leaves it as it is, and scrolls back to where it was a little later.
function keep_in_sight(view) {
  const {tabulator} = view
  const element = tabulator?.rowManager?.element
  if (element == null || view.watched === element) return
  view.watched = element
  // Where it is scrolled to while it is seen, and the row that was brought into sight last.
  let [place, hidden, brought] = [0, false, null]
  element.addEventListener("scroll", () => { if (!hidden && element.clientHeight) place = element.scrollTop }, {passive: true})
  new ResizeObserver(() => {
    if (!element.clientHeight) {
      hidden = true
      return
    }
    setTimeout(() => draw_missing(view, element), DRAWN_AFTER)
    const from = hidden ? place : view._lastVerticalScrollbarTopPosition
    const picked = picked_row(tabulator)
    const top = picked === brought ? from : showing_picked(tabulator, from)
    ;[hidden, brought] = [false, picked]
    if (top == null) return
    view._lastVerticalScrollbarTopPosition = top
    if (!view._updating_scroll) element.scrollTop = top
  }).observe(element)
}

// A table that is scrolled far may draw no rows when it gets others, another height and a new place at once.
const DRAWN_AFTER = 600
function draw_missing(view, element) {
  const box = element.getBoundingClientRect()
  const rows = view.tabulator?.rowManager
  if (rows?.element !== element || !box.height || !rows.getDisplayRows().length) return
  const in_sight = (row) => { const {top, bottom} = row.getBoundingClientRect(); return bottom > box.top && top < box.bottom }
  if ([...element.querySelectorAll(".tabulator-row")].some(in_sight)) return
  view._resize_redraw()
}

// Where a table was scrolled to beyond the rows that it gets, it begins anew.
function begin_anew(view) {
  const {element, renderer} = view.tabulator.rowManager
  const end = renderer.vDomRowHeight * view.getData().length - element.clientHeight
  if (view._lastVerticalScrollbarTopPosition > end) view._lastVerticalScrollbarTopPosition = 0
}

// A star by its number, a candidate that has none by its place; "" where nothing is picked.
function picked_row(table) {
  const picked = table.initialized ? table.getSelectedRows()[0]?._row.data : null
  return picked == null ? "" : picked.id || `${picked.x} ${picked.y}`
}

// How far a table is to be scrolled so that the row picked is seen, and a row beside it: after a wide leap Tabulator's
// rows are up to one height off.
function showing_picked(table, from) {
  const {element} = table.rowManager
  const height = element.querySelector(".tabulator-row")?.offsetHeight
  const [picked] = table.initialized ? table.getSelectedRows() : []
  if (picked == null || !height) return null
  const top = height * table.rowManager.getDisplayRows().indexOf(picked._row)
  return Math.max(0, Math.min(Math.max(from, top + 2 * height - element.clientHeight), top - height))
}
