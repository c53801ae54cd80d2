
// What Bokeh and FilePond do at each frame and need not do, on a page whose figures repaint while a hand moves.
function paint_quickly() {
  const {InlineStyleSheet} = Bokeh.require("core/dom")
  if (InlineStyleSheet.prototype._update.once) return
  rest_filepond()
  style_seldom(InlineStyleSheet.prototype)
  paint_next_frame(Bokeh.require("models/plots/plot_canvas").PlotView.prototype)
  paint_what_is_there(Bokeh.require("models/renderers/glyph_renderer").GlyphRendererView.prototype)
  Bokeh.require("models/glyphs/image_rgba").ImageRGBAView.prototype._set_image_data_from_buffer = put_pixels
}

// A figure writes the place of each renderer into a style sheet at each paint, and asks the style of the page for each
// colour: the browser works the style of the page out anew for one after the other. The places are written when they
// change; colours of figures are not set in style sheets here.
function style_seldom(sheet) {
  const write = sheet._update
  const held = new WeakMap()
  sheet._update = function (css) {
    if (held.get(this) === css) return
    held.set(this, css)
    write.call(this, css)
  }
  sheet._update.once = true
  Bokeh.require("core/visuals/visual").VisualProperties.prototype._get_css_value = () => ""
}

// Each paint in the frame that comes next: Bokeh waits 1/60 s after the last one by a timer, which a frame that is due
// just then does not see. The size of letters, which each text of a figure asks the page's style for, stays as it is.
function paint_next_frame(plot) {
  const waiting = new WeakMap()
  plot.schedule_paint = function () {
    if (this.is_paused) return
    if (!waiting.has(this)) {
      waiting.set(this, new Promise((resolve) => requestAnimationFrame(() => {
        waiting.delete(this)
        if (!this.is_destroyed) this.repaint()
        resolve()
      })))
    }
    this._await_ready(waiting.get(this))
  }
  const {get} = Object.getOwnPropertyDescriptor(plot, "base_font_size")
  const sizes = new WeakMap()
  Object.defineProperty(plot, "base_font_size", {configurable: true, get() {
    if (!sizes.has(this)) sizes.set(this, get.call(this))
    return sizes.get(this)
  }})
}

// A renderer without data draws nothing; the glyphs that stand for selected, muted or fewer data are worked out where
// such data are.
function paint_what_is_there(renderer) {
  const {_paint, map_data} = renderer
  renderer._paint = function (ctx) {
    if (this.glyph.data_size > 0) _paint.call(this, ctx)
  }
  renderer.map_data = function () {
    const alone = this.plot_model.lod_threshold == null && this.hover_glyph == null && !this.model.muted
      && this.model.data_source.selected.is_empty()
    if (alone) this.glyph.map_data()
    else map_data.call(this)
  }
}

// The pixels as they are: Bokeh reads the canvas first, and copies them into what it read.
function put_pixels(i, bytes) {
  const canvas = this._get_or_create_canvas(i)
  const ctx = canvas.getContext("2d", {willReadFrequently: true})
  ctx.putImageData(new ImageData(bytes, this.image_width[i], this.image_height[i]), 0, 0)
  this.image_data[i] = canvas
}

// FilePond, which takes uploads, asks for every frame from the moment it is loaded: a page at rest is then drawn sixty
// times a second, and hears of the mouse a frame later. It is given frames while its field is seen or has files to send.
function rest_filepond() {
  const {FilePond} = window
  if (FilePond == null) return
  const {INIT, LOADING, PROCESSING_QUEUED, PROCESSING} = FilePond.FileStatus
  const [ask, {create}] = [window.requestAnimationFrame.bind(window), FilePond]
  let [draw, field, rests] = [null, null, false]
  const sends = ({status}) => [INIT, LOADING, PROCESSING_QUEUED, PROCESSING].includes(status)
  const wanted = () => field != null && (field.element?.offsetParent != null || field.getFiles().some(sends))
  window.requestAnimationFrame = (callback) => {
    if (draw == null && String(callback).includes(".readers.forEach")) draw = callback
    if (callback !== draw) return ask(callback)
    rests = !wanted()
    return rests ? 0 : ask(draw)
  }
  const wake = () => {
    if (!rests || !wanted()) return
    rests = false
    ask(draw)
  }
  FilePond.create = (...given) => {
    if (field == null) setInterval(wake, 200)
    field = create.apply(FilePond, given)
    return field
  }
}
