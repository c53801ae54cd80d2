"""Messages name models as Bokeh itself has them named, without its list of all models."""

import json

import numpy as np
import pytest

pytest.importorskip("panel")

from bokeh.document import Document
from bokeh.models import ColumnDataSource, CustomJS, Range1d
from bokeh.plotting import figure
from bokeh.protocol.messages.patch_doc import patch_doc
from hypothesis import given, settings
from hypothesis import strategies as some

from ui import known_models


@pytest.fixture(autouse=True, scope="module")
def installed():
    before = vars(patch_doc)["create"]
    assert known_models.install()
    yield
    patch_doc.create = before


def bokehs_own(events):
    """The message as Bokeh makes it; what the document has been told of its models stays as it was."""
    [models] = {event.document.models for event in events}
    new = models._new_models
    try:
        return written(patch_doc.create.__wrapped__(events))
    finally:
        models._new_models = new


def written(message):
    """What a message says, its arrays named by their order."""
    text = message.content_json
    for number, buffer in enumerate(message.buffers):
        text = text.replace(buffer.id, f"array {number}")
    return json.loads(text), [bytes(buffer.data) for buffer in message.buffers]


def page():
    """A document that a browser has, and the changes that are to be told to it."""
    document, source = Document(), ColumnDataSource(data={"x": np.arange(5.0), "y": np.arange(5.0)})
    made = figure(x_range=Range1d(0, 5))
    made.scatter("x", "y", source=source)
    document.add_root(made)
    document.models.flush_synced()
    events = []
    document.on_change(events.append)
    return document, made, source, events


def change(document, made, source, what):
    """Change a page in one of the ways in which ours are changed."""
    if what == "number":
        made.x_range.end += 1
    elif what == "column":
        source.data["x"] = source.data["x"] + 1
    elif what == "rows":
        source.data = {name: np.ones(40_000) for name in source.data}
    elif what == "model":
        made.x_range = Range1d(0, 7)
    elif what == "glyph":
        made.line("x", "y", source=ColumnDataSource(data=dict(source.data)))
    elif what == "script":
        made.js_on_change("inner_width", CustomJS(args={"source": source, "figure": made}, code="1"))
    elif what == "gone":
        made.renderers = made.renderers[:1]
    elif what == "root":
        document.add_root(figure(x_range=made.x_range))


CHANGES = ("number", "column", "rows", "model", "glyph", "script", "gone", "root")


@given(some.lists(some.lists(some.sampled_from(CHANGES), min_size=1, max_size=4), min_size=1, max_size=4))
@settings(deadline=None, max_examples=60)
def test_messages_are_those_that_bokeh_makes(turns):
    document, made, source, events = page()
    for turn in turns:
        events.clear()
        for what in turn:
            change(document, made, source, what)
        if events:
            expected = bokehs_own(list(events))
            assert written(patch_doc.create(list(events))) == expected
            left = set(document.models._new_models)
            patch_doc.create.__wrapped__(list(events))
            assert set(document.models._new_models) == left


def test_a_model_is_defined_once_and_named_from_then_on():
    _, made, _, events = page()
    made.x_range = fresh = Range1d(0, 9)
    first, _ = written(patch_doc.create(list(events)))
    assert first["events"][0]["new"]["attributes"]["end"] == 9
    events.clear()
    made.extra_x_ranges = {"other": fresh}
    second, _ = written(patch_doc.create(list(events)))
    assert second["events"][0]["new"]["entries"] == [["other", {"id": fresh.id}]]


def test_what_bokeh_refuses_is_refused_with_its_words():
    one, other = page(), page()
    for document, made, source, _ in (one, other):
        change(document, made, source, "number")
    with pytest.raises(ValueError, match="more than one document"):
        patch_doc.create([*one[3], *other[3]])
    with pytest.raises(ValueError, match="at least one event"):
        patch_doc.create([])


def test_the_patch_is_put_on_once_and_not_on_a_bokeh_that_is_built_otherwise(monkeypatch):
    once = vars(patch_doc)["create"]
    assert known_models.install()
    assert vars(patch_doc)["create"] is once
    monkeypatch.setattr(patch_doc, "create", once.__func__.__wrapped__)
    monkeypatch.delattr(known_models.Serializer, "get_ref")
    assert known_models.install() is False
