// In the page: counts what crosses the websocket, and takes the time from an event to the frame that shows its result.
(() => {
  const Native = window.WebSocket
  const size = (data) => (typeof data === "string" ? data.length : data.byteLength ?? data.size)
  const watch = window.stopwatch = {sent: 0, received: 0, messages: 0, paints: 0, busy: 0, run: null}

  window.WebSocket = class extends Native {
    constructor(...where) {
      super(...where)
      this.addEventListener("message", (event) => { watch.received += size(event.data); watch.messages += 1 })
    }
    send(data) { watch.sent += size(data); watch.messages += 1; super.send(data) }
  }

  window.model = (name) => Bokeh.documents[0].get_model_by_name(name)
  // Shadow roots hide parts from querySelector.
  window.parts = (selector, root = document) => [...root.querySelectorAll(selector),
    ...[...root.querySelectorAll("*")].flatMap((one) => (one.shadowRoot ? parts(selector, one.shadowRoot) : []))]
  window.part = (selector, place = 0) => parts(selector)[place] ?? null

  watch.hook = () => {
    const view = Bokeh.require("models/plots/plot_canvas").PlotView.prototype
    const paint = view.paint
    view.paint = function (...given) {
      const [ready, start] = [watch.run?.ready() ?? false, performance.now()]
      paint.apply(this, given)
      watch.busy += performance.now() - start
      watch.paints += 1
      if (ready) watch.run.shown(this.model.id)
    }
  }

  // Arms the watch: the first event of a type starts it; it stops in the frame after the one in which every figure
  // named was painted while `ready` held, and `ready` holds still.
  watch.arm = (type, ready, figures, patience) => {
    const open = new Set(figures)
    const counts = () => ({sent: watch.sent, received: watch.received, messages: watch.messages, paints: watch.paints, busy: watch.busy})
    let [before, start, after, due, done] = [counts(), null, 0, null, false]
    const begin = (event) => { before = counts(); start = event.timeStamp; poll() }
    window.addEventListener(type, begin, {capture: true, once: true, passive: true})
    watch.result = new Promise((resolve) => {
      const finish = (time) => {
        clearTimeout(due)
        watch.run = null
        window.removeEventListener(type, begin, {capture: true})
        const now = counts()
        resolve({time, ...Object.fromEntries(Object.keys(now).map((name) => [name, now[name] - before[name]]))})
      }
      const look = (frames) => {
        if (done || start === null || open.size || !ready()) return
        done = true
        const last = () => requestAnimationFrame(() => finish(performance.now() - start))
        frames > 1 ? requestAnimationFrame(last) : last()
      }
      watch.run = {ready: () => start !== null && ready(), shown: (figure) => { open.delete(figure); look(1) }}
      poll = () => { look(2); if (!done) due = setTimeout(poll, 4) }
      setTimeout(() => { if (!done) { done = true; finish(null) } }, patience)
    })
    let poll = null
  }
})()
