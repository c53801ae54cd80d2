"""Words from anywhere are shown as words: an alert takes Markdown, and an address that somebody sent is in it."""

import html
import re

import panel_material_ui as pmui
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ui.plain import plain

HOSTILE = [
    "![x](http://outside.example/x.png)",
    "[a](javascript:alert(1)) **b** `c` __proto__ ~~d~~",
    "<img src=x onerror=alert(1)> & &lt;",
    "http://outside.example/a.png www.outside.example a@outside.example",
    "a\n\n![x](http://outside.example/x.png)",
    "a\r\r# b\x0b\x0c\u2028- c",
    "| a | b |\n| - | - |\n    code",
    "</div>\n\n# b",
    "",
]


def drawn(words):
    """What the browser puts on the page for an alert of these words."""
    alert = pmui.Alert(object=plain(words))
    return html.unescape(alert._process_param_change({"object": alert.object})["object"])


def check(words):
    made = drawn(words)
    assert set(re.findall(r"<[^>]*>", made)) <= {"<div>", "</div>", "<br>"}
    lines = [html.unescape(line) for line in made.strip().removeprefix("<div>").removesuffix("</div>").split("<br>")]
    assert lines == (words.splitlines() or [""])


@pytest.mark.parametrize("words", HOSTILE)
def test_nothing_in_a_message_becomes_a_picture_a_link_or_a_heading(words):
    check(words)


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("ab <>&[]()!*_`~#|-:/.\n\r\t\\\"'"), max_size=40))
def test_every_message_reads_as_it_was_written(words):
    check(words)
