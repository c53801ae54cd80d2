// The box about a star: Python puts it through `set`, the hand moves it here, and `said` tells Python at the end of a drag.
const ends = ["left", "right", "top", "bottom"]
const state = set.state ??= {held: false}
const of = (box) => Object.fromEntries(ends.map((end) => [end, box[end]]))

if (cb_obj == set) {
  const seen = set.data.left.length > 0
  for (const one of [...halos, ...boxes]) {
    if (seen) one.setv(Object.fromEntries(ends.map((end) => [end, set.data[end][0]])))
    if (one.visible != seen) one.visible = seen
  }
} else {
  const box = of(cb_obj)
  halos[boxes.indexOf(cb_obj)].setv(box)
  // What Python has put there is no movement of a hand.
  if (set.data.left.length == 0 || ends.every((end) => set.data[end][0] == box[end])) return
  state.box = box
  if (state.held) return
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
