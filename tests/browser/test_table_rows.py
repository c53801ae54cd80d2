"""The star table in a browser: what has not changed is not drawn anew, and numbers are ordered as numbers."""

import threading
from types import SimpleNamespace

import numpy as np
import pandas as pd
import panel as pn
import pytest

from tests.browser.served import serving, visit
from ui.part import column
from ui.picture import Picture
from ui.tables import StarTab

# Bokeh asks pandas in a way that pandas will not have for ever.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("default", "ignore:The inplace keyword:DeprecationWarning"),
]
ROWS = 300


def candidates():
    """Some stars, the strongest first, of which one has no sharpness."""
    random = np.random.default_rng(1)
    strength = np.sort(random.uniform(3, 900, ROWS))[::-1]
    table = pd.DataFrame({"id": [str(k) for k in random.permutation(ROWS)], "over σ": strength, "state": "complete"})
    table[["x", "y"]] = random.uniform(0, 999, (ROWS, 2)).round(1)
    table[["sharp", "round"]] = random.uniform(0, 1, (ROWS, 2))
    table.loc[4, "sharp"] = np.nan
    return table[["id", "x", "y", "over σ", "sharp", "round", "state"]]


@pytest.fixture
def opened(chromium):
    """A page with a table of stars, and what shows other ones in it."""
    held = SimpleNamespace(loaded=threading.Event())

    def show(table):
        held.tab._all = table
        held.tab._filter()

    def app():
        picture = Picture()
        picture.show("subtracted", np.zeros((40, 60), np.float32), noise=1.0, key="nothing")
        held.tab, held.document = StarTab(lambda *what: None), pn.state.curdoc
        show(candidates())
        pn.state.onload(held.loaded.set)
        return pn.Row(column(picture.panel, width=600, height=400), pn.Column(held.tab.panel, width=420, height=600))

    held.show = lambda table: held.document.add_next_tick_callback(lambda: show(table))
    with serving(app) as address:
        page = visit(chromium, address, stars=False)
        assert held.loaded.wait(20)
        page.wait_for_function(f"() => ({SEEN})('id').length > 15")
        page.wait_for_function("() => model('picture fine 0')?.data.image.length > 0")
        yield page, held
        page.close()
        assert page.problems == []


# The rows drawn, from the top; what they say in a column.
DRAWN = """(() => {
    const deep = (root) => [...root.querySelectorAll('*')].flatMap((e) => e.shadowRoot ? deep(e.shadowRoot) : [e])
    return deep(document).filter((e) => e.classList.contains('tabulator-row'))
})()"""
SEEN = f"(name) => {DRAWN}.map((row) => row.querySelector(`[tabulator-field='${{name}}']`).textContent)"
WATCH = f"""() => {{
    window.rows = {DRAWN}
    window.holder = rows[0].parentElement.parentElement
    window.touched = new Set()
    const told = (changes) => changes.filter((one) => one.type == 'childList').forEach((one) => touched.add(one.target))
    new MutationObserver(told).observe(rows[0].parentElement, {{childList: true, subtree: true}})
}}"""


def fainter(table, *rows):
    """The table with some of its rows no stars any more."""
    table = table.copy()
    table.loc[list(rows), ["id", "state"]] = "", "too faint"
    return table


def reads(page, name, *texts):
    """Wait until the first rows have some texts."""
    page.wait_for_function(f"([name, texts]) => texts.every((text, k) => ({SEEN})(name)[k] == text)",
                           arg=[name, list(texts)])  # fmt: skip


def test_only_cells_that_change_are_drawn_and_rows_that_are_not_seen_have_their_values_too(opened):
    page, held = opened
    page.evaluate(WATCH)
    table = fainter(candidates(), 1, 3, 250)
    held.show(table)
    reads(page, "state", "complete", "too faint", "complete", "too faint")
    reads(page, "id", table["id"][0], "", table["id"][2], "")
    touched = "() => [...touched].map((cell) => cell.getAttribute('tabulator-field')).sort()"
    assert page.evaluate(touched) == ["id", "id", "state", "state"]
    assert page.evaluate(f"() => {DRAWN}.every((row, k) => row === rows[k])")
    page.evaluate("() => holder.scrollTop = 245 * 28")
    page.wait_for_function(f"() => ({SEEN})('state').filter((state) => state == 'too faint').length == 1")
    held.show(candidates())
    page.wait_for_function(f"() => !({SEEN})('state').includes('too faint')")
    page.evaluate("() => holder.scrollTop = 0")
    reads(page, "id", *candidates()["id"][:5])
    assert not {"too faint"} & set(page.evaluate(f"() => ({SEEN})('state')"))


def test_a_row_that_is_marked_stays_so_and_fewer_rows_are_drawn_anew(opened):
    page, held = opened
    star = int(candidates()["id"][2])
    held.document.add_next_tick_callback(lambda: held.tab.pick(star))
    marked = f"{DRAWN}.filter((row) => row.classList.contains('tabulator-selected'))"
    page.wait_for_function(f"() => {marked}.length == 1")
    held.show(fainter(candidates(), 1))
    reads(page, "state", "complete", "too faint")
    assert page.evaluate(f"() => {marked}.map((row) => {DRAWN}.indexOf(row))") == [2]
    held.show(candidates().iloc[1:12].reset_index(drop=True))
    page.wait_for_function(f"() => {DRAWN}.length == 11")
    # Which row is marked comes after the rows.
    page.wait_for_function(f"() => {marked}.map((row) => {DRAWN}.indexOf(row)).join() == '1'")


def test_numbers_are_ordered_as_numbers_also_when_some_go(opened):
    page, held = opened
    page.locator(".tabulator-col[tabulator-field=id]").click()
    reads(page, "id", *map(str, range(12)))
    first = candidates().index[candidates()["id"] == "0"]
    held.show(fainter(candidates(), *first))
    reads(page, "id", *map(str, range(1, 12)))
    page.locator(".tabulator-col[tabulator-field=id]").click()
    reads(page, "id", *map(str, range(ROWS - 1, ROWS - 12, -1)))
