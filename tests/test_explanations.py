"""What the stages' explanations say reaches the reader: every formula is drawn as one, with all its letters."""

import html
import re
from pathlib import Path

import pytest

pytest.importorskip("panel")

import panel as pn

import ui
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
