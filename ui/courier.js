// Carries files between the server and the visitor: saves, copies, asks for a file.
export function render({model}) {
  const root = document.createElement("span")
  let parts = []

  function save(name, pieces, type) {
    const link = document.createElement("a")
    link.href = URL.createObjectURL(new Blob(pieces, {type}))
    link.download = name
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 60000)
  }

  function ask(accept, limit) {
    const input = document.createElement("input")
    input.type = "file"
    input.accept = accept
    input.addEventListener("change", async () => {
      const file = input.files[0]
      if (!file) return
      if (file.size > limit) model.send_msg({name: file.name, large: true})
      else model.send_msg({name: file.name, text: await file.text().catch(() => null)})
    })
    input.click()
  }

  // Only pages of this machine or under https have a clipboard: the server hears whether the text is on it.
  const copy = (text) => (navigator.clipboard?.writeText(text) ?? Promise.reject())
    .then(() => model.send_msg({copied: true}), () => model.send_msg({copied: false}))

  const commands = {
    save: ({name, text}) => save(name, [text], "text/plain"),
    copy: ({text}) => copy(text),
    ask: ({accept, limit}) => ask(accept, limit),
    // A large file comes in pieces, each asked for, so that no message is large.
    piece: ({name, bytes, index, last}) => {
      if (index === 0) parts = []
      parts.push(Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)))
      if (!last) return model.send_msg({piece: index + 1})
      save(name, parts, "application/zip")
      parts = []
    },
  }
  model.on("msg:custom", (message) => commands[message.command](message))
  return root
}
