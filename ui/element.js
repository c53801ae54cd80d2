// A node of a part's document: its tag, its class, where it goes and its words, which are text and never markup.
function element(tag, name, parent, text = "") {
  const made = document.createElement(tag)
  if (name) made.className = name
  if (text) made.textContent = text
  parent?.append(made)
  return made
}
