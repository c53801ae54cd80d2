
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
    return ready && stays && write_cells(this) ? Promise.resolve() : setData.call(this)
  }
  view.setData.seldom = true
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
