"""What the stages' explanations say reaches the reader: every formula is drawn as one, with all its letters."""

import html
import re
from pathlib import Path

import pytest

pytest.importorskip("panel")

import panel as pn

import pipeline.stages  # noqa: F401  (declares the stages)
import ui
from pipeline.stage import STAGES
from ui.stage_list import explanation

TEXTS = sorted(path.stem for path in (Path(ui.__file__).parent / "text").glob("*.md"))


def formulas(text):
    return [found[1] for found in re.findall(r"(\$\$?)(.+?)\1", text, re.DOTALL)]


@pytest.mark.parametrize("name", TEXTS)
def test_a_formula_goes_through_markdown_as_it_was_written(name):
    written = formulas((Path(ui.__file__).parent / "text" / f"{name}.md").read_text())
    words = explanation(name)
    # Once for Panel's message to the browser, once for what Markdown itself makes of signs such as "<".
    page = html.unescape(html.unescape(pn.pane.Markdown(words)._transform_object(words)["object"]))
    assert re.findall(r"\$\$(.+?)\$\$", page, re.DOTALL) == written
    assert "$" not in re.sub(r"\$\$.+?\$\$", "", page, flags=re.DOTALL)


def knobs_explained(words):
    """The names at the head of the list of knobs, and in the sentences of that section."""
    section = re.search(r"\*\*The knobs?\*\*(.+?)(?=\n\*\*What goes wrong|\Z)", words, re.DOTALL)
    return set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", section[1])) if section else set()


@pytest.mark.parametrize("name", STAGES)
def test_an_explanation_says_what_to_watch_when_each_knob_is_turned(name):
    names = {knob.replace("_", " ") for knob in STAGES[name].knobs}
    assert names - knobs_explained(explanation(name)) == set()


@pytest.mark.parametrize("name", STAGES)
def test_an_explanation_has_a_formula_what_goes_wrong_and_a_source(name):
    words = explanation(name)
    assert "$$" in words
    assert "**What goes wrong in practice**" in words
    assert re.search(r"\*Source:\* .*\d{4}|\*Source:\* .*photutils", words, re.DOTALL)
