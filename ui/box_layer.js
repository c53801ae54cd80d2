// The box about a star: Python puts it through `set`, the hand moves it here, and `said` tells Python at the end of a drag.
const ends = ["left", "right", "top", "bottom"]
const state = set.state ??= {putting: false, held: false}
const all = [...halos, ...boxes]

if (cb_obj == set) {
  const seen = set.data.left.length > 0
  state.putting = true
  for (const one of all) {
    if (seen) one.setv(Object.fromEntries(ends.map((end) => [end, set.data[end][0]])))
    if (one.visible != seen) one.visible = seen
  }
  state.putting = false
} else if (!state.putting) {
  const box = Object.fromEntries(ends.map((end) => [end, cb_obj[end]]))
  state.putting = true
  for (const one of all) if (one != cb_obj) one.setv(box)
  state.putting = false
  state.box = box
  if (!state.held) {
    state.held = true
    // The figure hears nothing of the end of such a movement.
    window.addEventListener("pointerup", () => {
      state.held = false
      const {left, right, top, bottom} = state.box
      // What is wider than high becomes a square about its middle.
      const [across, down] = [Math.abs(right - left), Math.abs(bottom - top)]
      const before = Math.abs(set.data.right[0] - set.data.left[0])
      const side = Math.abs(across - before) > Math.abs(down - before) ? across : down
      said.data = {x: [(left + right) / 2], y: [(top + bottom) / 2], side: [side], sequence: [(said.data.sequence[0] ?? 0) + 1]}
    }, {once: true, capture: true})
  }
}
