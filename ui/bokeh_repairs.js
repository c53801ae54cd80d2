
// Where BokehJS fails a visitor in a hurry, or one who takes time.

// A column builds its children one after the other while the page goes on. Until the last is built the figures among
// them have no layout, and whatever lays the page out meanwhile fails at them; what is added meanwhile is built twice,
// or not at all where the column itself is being built.
function build_whole() {
  const {FlexBoxView} = Bokeh.require("models/layouts/flex_box")
  const {PlotView} = Bokeh.require("models/plots/plot_canvas")
  if (Object.hasOwn(FlexBoxView.prototype, "build_child_views")) return
  const {build_child_views, connect_signals} = FlexBoxView.prototype
  FlexBoxView.prototype.build_child_views = function () {
    const built = (this.built ?? Promise.resolve()).then(() => build_child_views.call(this))
    this.built = built.catch(() => {})
    return built
  }
  FlexBoxView.prototype.connect_signals = function () {
    connect_signals.call(this)
    if (this.child_models.some((child) => !this._child_views.has(child))) this.update_children()
  }
  for (const name of ["_measure_layout", "_after_layout"]) {
    const whole = PlotView.prototype[name]
    PlotView.prototype[name] = function () { if (this.layout != null) whole.call(this) }
  }
}

// A button held still for 300 ms is a press to Bokeh, which no drag can follow. Nothing here hears of presses, and a
// hand that rests on what it is about to drag means to drag it.
function let_hand_rest() {
  Bokeh.require("core/ui_gestures").UIGestures.press_threshold = 2 ** 31 - 1
}

// A figure is a stop of the Tab key to Bokeh, which has no name and answers to no key: what can be done in it by keys is
// done by the page's own.
function leave_out_of_tab_order() {
  const {CanvasView} = Bokeh.require("models/canvas/canvas")
  if (Object.hasOwn(CanvasView.prototype, "render") && CanvasView.prototype.render.unstopped) return
  const {render} = CanvasView.prototype
  CanvasView.prototype.render = function () {
    render.call(this)
    this.events_el.tabIndex = -1
  }
  CanvasView.prototype.render.unstopped = true
}
