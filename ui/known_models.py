"""A message looks up the models that it names: Bokeh writes a list of all of a page's for each, a sixth of its work."""

from __future__ import annotations

import functools
from typing import Any

from bokeh.core.serialization import ObjectRefRep, Ref, Serializer
from bokeh.document import Document
from bokeh.document.json import PatchJson
from bokeh.document.models import DocumentModelManager
from bokeh.model import Model
from bokeh.protocol.messages.patch_doc import patch_doc


class KnownModels(Serializer):
    """Writes changes of a document; of a model that the browser has, its id.

    Parameters
    ----------
    models : DocumentModelManager
        Those of the document.
    """

    def __init__(self, models: DocumentModelManager) -> None:
        super().__init__()
        self._models = models

    def has_ref(self, obj: Any) -> bool:
        """Whether the browser has an object, or it is written already."""
        return self.get_ref(obj) is not None

    def get_ref(self, obj: Any) -> Ref | ObjectRefRep | None:
        """By what an object is named that the browser has, or that is written already."""
        ref = super().get_ref(obj)
        if ref is not None or not isinstance(obj, Model):
            return ref
        known = self._models.get_by_id(obj.id) is obj and obj not in self._models._new_models
        return obj.ref if known else None


def install() -> bool:
    """Have Bokeh look up models from now on; a second call does nothing.

    Returns
    -------
    bool
        Whether Bokeh still has all that this needs.
    """
    create = patch_doc.create
    if getattr(create, "looks_up", False):
        return True
    methods = ("has_ref", "get_ref", "add_ref", "encode")
    if not all(hasattr(Serializer, name) for name in methods) or not hasattr(Document().models, "_new_models"):
        return False

    @functools.wraps(create)
    def create_looking_up(cls: type[patch_doc], events: list[Any], **metadata: Any) -> patch_doc:
        documents = {event.document for event in events}
        if len(documents) != 1:
            # Bokeh says what is wrong with them.
            return create(events, **metadata)
        models = documents.pop().models
        serializer = KnownModels(models)
        message = cls(cls.create_header(), metadata, PatchJson(events=serializer.encode(events)))
        models.flush_synced(lambda model: not serializer.has_ref(model))
        message.add_buffers(*serializer.buffers)
        return message

    create_looking_up.looks_up = True
    patch_doc.create = classmethod(create_looking_up)
    return True
