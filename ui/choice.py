"""A few buttons of which one is pressed."""

from __future__ import annotations

import param

from ui.part import Part, text


class Choice(Part):
    """What is shown of several things that take the same place."""

    label = param.String("")
    options = param.Dict({})
    value = param.String("")

    _esm = text("choice.js")
