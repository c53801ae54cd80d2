"""Every knob of every stage in a real browser: drawn from its declaration, turned, and set back by a double click."""

from math import inf
from types import SimpleNamespace

import panel as pn
import pytest

from pipeline.stage import STAGES
from tests.browser.served import serving, visit, wait_until
from ui.knobs import WRITTEN, KnobPanel, described, has_knobs, of_text, shown

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

WIDTH = 300


def other(spec):
    """A value of a knob that is not its default."""
    if spec.kind == "bool":
        return not spec.default
    if spec.kind == "choice":
        return next(word for word in spec.choices if word != spec.default)
    if spec.kind == "str":
        return "other"
    if spec.kind == "ranges":
        return {"fwhm": (1.0, 6.0)}
    if spec.kind in WRITTEN:
        written = {"points": "night = 40, -3.5", "sizes": "night = 40", "region": "2, 3, 40, 50", "sides": "5, 4"}
        if spec.knob.names:
            written["sizes"] = "12 = 9; 40, 30.5 V = 11.25"
        return spec.check(of_text(spec, written.get(spec.kind, "40, 30")))
    low = 1.0 if spec.knob.low is None else spec.knob.low
    high = low + 100 if spec.knob.high is None else spec.knob.high
    if spec.kind == "range":
        return (low, high) if spec.default != (low, high) else (low, (low + high) / 2)
    return spec.check(low if spec.default != low else low + 2)


@pytest.fixture(scope="module")
def knobs():
    """The knobs of all stages at values that are not their defaults, and what was heard of them."""
    held = SimpleNamespace(turned=[])
    specs = {
        name: [s for s in STAGES[name].knobs.values() if s.name in _drawn(name)] for name in STAGES if has_knobs(name)
    }
    held.specs = [spec for some in specs.values() for spec in some]

    def app():
        held.panels = {}
        for name in specs:
            held.panels[name] = KnobPanel(STAGES[name], lambda *turn: held.turned.append(turn), css_classes=[name])
            values = {spec.name: other(spec) for spec in specs[name]}
            held.panels[name].show({**{s.name: s.default for s in STAGES[name].knobs.values()}, **values}, {})
        return pn.Column(*held.panels.values(), width=WIDTH)

    with serving(app) as held.address:
        yield held


def _drawn(name):
    return KnobPanel(STAGES[name], lambda *turn: None)._specs


@pytest.fixture(scope="module")
def page(chromium, knobs):
    page = visit(chromium, knobs.address, stars=False, viewport={"width": 400, "height": 900})
    page.locator(".knobs").first.wait_for()
    for more in page.locator("button.more").all():
        more.click()
    yield page
    page.close()
    assert page.problems == []


def test_a_double_click_on_its_name_sets_every_knob_back(page, knobs):
    for spec in knobs.specs:
        knob = page.locator(f".{spec.stage} [data-knob={spec.name}]")
        assert "changed" in knob.get_attribute("class").split(), spec
        before = len(knobs.turned)
        knob.locator(".label").dblclick(position={"x": 10, "y": 8})
        wait_until(page, lambda before=before: len(knobs.turned) > before)
        stage, name, value, live = knobs.turned[-1]
        assert (stage, name, live) == (spec.stage, spec.name, False)
        assert spec.check(value) == spec.default, spec
        assert "changed" not in knob.get_attribute("class").split(), spec
        assert shown(spec, spec.default) == described(spec)["default"]


def test_a_table_of_limits_takes_a_row_and_lets_it_go(page, knobs):
    table = page.locator(".selection [data-knob=limits]")
    table.locator(".label").dblclick()
    table.get_by_label("Add to limits").select_option("noise")
    table.get_by_role("textbox", name="noise, highest").fill("12,5")
    table.get_by_role("textbox", name="noise, highest").press("Enter")
    page.wait_for_timeout(300)
    assert knobs.turned[-1][2] == {"noise": [-inf, 12.5]}
    table.get_by_role("textbox", name="noise, lowest").fill("13")
    table.get_by_role("textbox", name="noise, lowest").press("Enter")
    assert "cannot be above" in table.get_by_role("alert").inner_text()
    table.get_by_role("textbox", name="noise, lowest").fill("2")
    table.get_by_role("textbox", name="noise, lowest").press("Enter")
    page.wait_for_timeout(300)
    assert knobs.turned[-1][2] == {"noise": [2, 12.5]}
    table.get_by_role("button", name="Take the limit on noise away").click()
    page.wait_for_timeout(300)
    assert knobs.turned[-1][2] == {}


def test_places_and_lists_are_written_in_a_field_of_text(page, knobs):
    written = {
        ("shifts", "box_center"): ("120.5, 80", (120.5, 80.0)),
        ("shifts", "pre_shift"): ("light_3.fits = 12, -4", {"light_3.fits": (12.0, -4.0)}),
        ("aligned", "crop"): ("10, 20, 300, 200", (10, 20, 300, 200)),
        ("psf_photometry", "apertures"): ("2, 4.5", (2.0, 4.5)),
    }
    for (stage, name), (words, value) in written.items():
        field = page.locator(f".{stage} [data-knob={name}]").get_by_role("textbox")
        field.fill(words)
        field.press("Enter")
        page.wait_for_timeout(300)
        spec = STAGES[stage].knobs[name]
        assert spec.check(knobs.turned[-1][2]) == value
        assert of_text(spec, shown(spec, value)) == value
