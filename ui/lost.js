// A page whose server is gone would go on looking alive: a card over it says so, and opens it again where it was.
const STYLE = `
[hidden] { display: none !important; }
.scrim { position: fixed; inset: 0; z-index: 1400; display: flex; align-items: center; justify-content: center; background: rgb(0 0 0 / 55%); }
.card { width: 400px; max-width: calc(100vw - 32px); padding: 24px; border: 1px solid var(--strong); border-radius: 8px;
  background: var(--raised); color: var(--text); font: 14px/20px Roboto, sans-serif; }
h2 { margin: 0 0 8px; font: 700 20px/24px Roboto, sans-serif; }
p { margin: 0 0 16px; }
button { height: 32px; padding: 0 12px; border: 0; border-radius: 6px; background: var(--accent); color: var(--accent-text); font: inherit; cursor: pointer; }
button:hover { background: var(--text); }
button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
`
const WAIT_MS = 200

export function render({model}) {
  const root = document.createElement("div")
  root.innerHTML = `<style>${STYLE}</style>
    <div class="scrim" hidden>
      <div class="card" role="alertdialog" aria-modal="true" aria-labelledby="title" aria-describedby="words">
        <h2 id="title">The server does not answer</h2>
        <p id="words">The connection is lost, and nothing on this page is made any more. The address of the page keeps
          the data, the frame and the recipe: open it again to go on where you were.</p>
        <button type="button">Open again</button>
      </div>
    </div>`
  const scrim = root.querySelector(".scrim")
  const button = root.querySelector("button")
  button.addEventListener("click", () => location.reload())
  const paint = () => { root.className = model.theme }
  model.on("theme", paint)
  paint()

  const show = () => { scrim.hidden = false; button.focus() }
  let due = 0
  // A component is drawn before its page is known to the browser.
  const listen = () => {
    const here = Bokeh.documents.at(0)
    if (here == null) due = setTimeout(listen, WAIT_MS)
    else here.on_event("connection_lost", show)
  }
  listen()
  model.on("remove", () => clearTimeout(due))
  return root
}
