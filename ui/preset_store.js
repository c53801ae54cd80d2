// The visitor's own presets, {name: {text, changes}}, which stay in this browser until they are deleted.
const PLACE = "starshift presets"

// Nothing where there is no storage, or no such thing in it.
function kept() {
  try {
    const all = JSON.parse(localStorage.getItem(PLACE) ?? "{}")
    return Object.fromEntries(Object.entries(all).filter(([, one]) => typeof one?.text == "string"))
  } catch {
    return {}
  }
}

// Whether there was room for them.
function keep(all) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(all))
    return true
  } catch {
    return false
  }
}
