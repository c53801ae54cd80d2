"""What the tests of the picture draw, and how they look at it and touch it."""

import numpy as np

from tests.browser.served import spot

SHAPE = (1000, 1500)
WIDTH, HEIGHT = 900, 700


def sky():
    rng = np.random.default_rng(4)
    image = np.rint(rng.normal(0, 5, SHAPE)).astype(np.float32)
    image[500, 750] = 4321
    image[0:40, 0:40] = np.nan
    return image


def markers():
    x = np.linspace(50, 1450, 40)
    return {
        "x": x, "y": np.full(40, 500.0), "id": np.arange(40), "code": np.repeat([0, 1, 2, 3], 10),
        "strength": np.arange(40.0), "sharpness": np.tile([0.5, 0.9], 20), "roundness1": np.zeros(40),
        "roundness2": np.zeros(40), "reason": np.repeat([0, 0, 0, 1], 10),
    }  # fmt: skip


def cut_script(channel, cut):
    """JavaScript by which a knob tells the picture what it would cut."""
    detail = f"{{channel: '{channel}', name: 'cut', value: {cut}}}"
    return f"window.dispatchEvent(new CustomEvent('starshift', {{detail: {detail}}}))"


SEEN = """() => { const d = model('picture fine 0').data, c = model('picture cut 0').data
    return {x: d.x[0], y: d.y[0], width: d.dw[0], columns: d.image[0].shape[1], step: c.step[0]} }"""
SPAN = "() => [model('picture x').start, model('picture x').end, model('picture y').start, model('picture y').end]"
KINDS = "['complete', 'partial', 'lost', 'rejected', 'star', 'below']"
COUNTS = f"() => {KINDS}.map((n) => model('picture ' + n).indices.length)"


def on_server(served, function):
    served.document.add_next_tick_callback(function)


def turn_wheel(page, x, y, times, by):
    page.mouse.move(*spot(page, x, y))
    for _ in range(times):
        page.mouse.wheel(0, by)
        page.wait_for_timeout(60)
    page.wait_for_timeout(400)
