// In the page: counts what crosses the websocket, and takes the time from an event to the frame that shows its result.
(() => {
  const Native = window.WebSocket
  const size = (data) => (typeof data === "string" ? data.length : data.byteLength ?? data.size)
  const watch = window.stopwatch = {sent: 0, received: 0, messages: 0, paints: 0, busy: 0, run: null, figures: {}, table: 0}

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

  // What the page shows, as references that change with it.
  window.seen = () => {
    const indices = ["complete", "partial", "lost", "rejected", "star"].map((name) => model(`picture ${name}`).indices)
    return {
      cuts: [0, 1, 2, 3].map((i) => model(`picture cut ${i}`).data), key: model("picture cut 0").data.key?.[0],
      fine: [0, 1, 2, 3].map((i) => model(`picture fine ${i}`).data), rings: indices.map((one) => one.length).join(),
      stars: model("picture stars").data, series: model("track series")?.data, star: model("track star")?.data,
      tracked: indices[0].length > 0, count: watch.summary?.querySelector("b")?.textContent,
      x: [model("picture x").start, model("picture x").end], table: watch.table,
      picked: model("picture picked").data.id[0] ?? null,
    }
  }

  // Figures by what they show, those that are seen now.
  watch.find_figures = () => {
    const all = [...Bokeh.documents[0]._all_models.values()].filter((one) => one.type === "Figure")
    const of = (names) => all.filter((one) => one.visible && one.renderers.some((r) => names.includes(r.data_source?.name)))
      .map((one) => one.id)
    const pictures = of([0, 1, 2, 3].map((i) => `picture fine ${i}`))
    watch.figures = {picture: of(["picture fine 0"]), pictures, tracks: of(["track series"]), star: of(["track star"])}
  }

  watch.watch_table = () => {
    new MutationObserver(() => { watch.table += 1 }).observe(part(".tabulator-table"), {childList: true, subtree: true})
  }

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

  // Arms the watch: the first event of a type starts it. It stops in the frame after the one in which every figure named
  // was painted while `drawn` held, once `written` holds too; both are asked with what the page showed before.
  watch.arm = ({type, figures, patience}, drawn, written) => {
    watch.summary = part(".summary")
    const [was, open] = [seen(), new Set(figures.map((name) => watch.figures[name]).flat())]
    const counts = () => {
      const {sent, received, messages, paints, busy} = watch
      return {sent, received, messages, paints, busy}
    }
    let [before, start, done] = [null, null, false]
    watch.result = new Promise((resolve) => {
      const finish = (time) => {
        watch.run = null
        window.removeEventListener(type, begin, {capture: true})
        const now = counts()
        resolve({time, ...Object.fromEntries(Object.keys(now).map((name) => [name, now[name] - (before ?? now)[name]]))})
      }
      const holds = (rule) => start !== null && rule(seen(), was)
      const look = (frames) => {
        if (done || open.size || !holds(drawn) || !holds(written)) return
        done = true
        const last = () => requestAnimationFrame(() => finish(performance.now() - start))
        frames > 1 ? requestAnimationFrame(last) : last()
      }
      const poll = () => { look(2); if (!done) setTimeout(poll, 4) }
      const begin = (event) => { [before, start] = [counts(), event.timeStamp]; poll() }
      window.addEventListener(type, begin, {capture: true, once: true, passive: true})
      watch.run = {ready: () => open.size && holds(drawn), shown: (figure) => { open.delete(figure); look(1) }}
      setTimeout(() => { if (!done) { done = true; finish(null) } }, patience)
    })
  }

  // One visitor's hand: a turn of the threshold every now and then, let go once the circles follow.
  watch.keep_turning = async (seconds, pause) => {
    const slider = part("input[type=range][aria-label=threshold]")
    const tell = (name) => slider.dispatchEvent(new Event(name, {bubbles: true, composed: true}))
    const [times, end] = [[], performance.now() + 1000 * seconds]
    let at = 0
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())))
      const options = {type: "input", figures: [], patience: 10000}
      watch.arm(options, (now, was) => now.rings !== was.rings, (now, was) => now.count !== was.count)
      at = (at + 40 + Math.round(120 * Math.random())) % 200
      slider.value = 350 + at
      tell("input")
      times.push((await watch.result).time)
      tell("change")
    }
    return times
  }
})()
