"""The stack: what was gained, how noise falls, and a part of the field that follows the knobs."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np
import panel as pn

from pipeline.alignment import Stack
from pipeline.preview import Preview
from ui.colours import LOST, PALETTES, Palette
from ui.session import Session
from ui.stack_facts import (
    Levels,
    PreviewFacts,
    StackFacts,
    also_stacked,
    chosen,
    number,
    preview_facts,
    promise,
    stack_facts,
    title,
)
from ui.stretch import VIEWS
from ui.tab import ResultTab

if TYPE_CHECKING:
    from ui.choice import Choice
    from ui.noise_plot import NoisePlot
    from ui.picture import Picture
    from ui.scene import Scene

#: Kinds of pictures that a stack is looked at with.
SHOWN = {"stack": "Stack", "stack_count": "Frames stacked", "stack_rejected": "Values rejected"}


class StackTab(ResultTab):
    """Facts of the stack, noise against the number of frames, and the preview.

    Parameters
    ----------
    session : Session
        Which frame and region are shown.
    theme : str
        "dark" or "light".
    picture : Picture
        Shows the stack, its count and what was rejected.
    """

    def __init__(self, session: Session, theme: str, picture: Picture) -> None:
        super().__init__(theme)
        self._session, self._picture = session, picture
        self._facts: tuple[Stack, StackFacts, str] | None = None
        self._seen: tuple[Preview, int, PreviewFacts] | None = None
        self._plot: NoisePlot | None = None
        self._choice: Choice | None = None
        self._head = pn.pane.HTML(margin=0, sizing_mode="stretch_width")
        self._part = pn.pane.HTML(margin=0, sizing_mode="stretch_width")

    def _themed(self) -> tuple[Any, ...]:
        return (self._plot, self._choice)

    def prepare(self, scene: Scene, stage: str) -> None:
        """Measure and draw in the worker what takes time."""
        if stage == "preview" and scene["preview"] is not None:
            self._look_at(scene["preview"], scene.frame)
        if scene["stack"] is not None and scene["selection"] is not None:
            stack = chosen(scene["stack"], self._filter(scene))
            if self._facts is None or self._facts[0] is not stack:
                facts = stack_facts(stack, np.asarray(scene["selection"].metrics["fwhm"]))
                self._facts = (stack, facts, title(stack, scene["stack"].combine))

    def _look_at(self, preview: Preview, frame: int) -> PreviewFacts:
        if self._seen is None or self._seen[0] is not preview or self._seen[1] != frame:
            self._seen = (preview, frame, preview_facts(preview, frame))
        return self._seen[2]

    def _filter(self, scene: Scene) -> str:
        """The filter of the frame shown."""
        sequence = scene["frames"]
        known = sequence is not None and scene.frame < len(sequence.frames)
        return sequence.frames[scene.frame].filter if known else ""

    # Showing

    def show(self, scene: Scene) -> None:
        """Show what there is of the stack and its preview."""
        self._scene = scene
        self._draw()

    def _make(self) -> None:
        from ui.noise_plot import NoisePlot

        self._plot = NoisePlot(self._theme)
        offered = {kind: label for kind, label in SHOWN.items() if kind in VIEWS}
        if offered:
            from ui.choice import Choice

            self._choice = Choice(
                label="Show in the picture", options=offered, value="", theme=self._theme, height=32,
                margin=(8, 16, 4, 16), sizing_mode="stretch_width",
            )  # fmt: skip
            self._choice.param.watch(lambda event: self._choose(event.new), "value")
            self._picture.on_kinds(lambda kinds: self._follow(kinds))
            self._follow(self._picture.kinds)

    def _choose(self, kind: str) -> None:
        if kind and kind not in self._picture.kinds:
            self._picture.choose(kind)

    def _follow(self, kinds: tuple[str, ...]) -> None:
        """Have the button pressed of what the picture shows."""
        self._choice.value = next((kind for kind in kinds if kind in SHOWN), "")

    def _draw(self) -> None:
        scene, colours = self._scene, PALETTES[self._theme]
        preview, stacks = scene["preview"], scene["stack"]
        if preview is None and stacks is None:
            words = (
                "No stack yet: it is being made."
                if scene["shifts"] is not None and "stack" not in scene.results
                else "No stack. It needs at least one frame with a shift; the list of stages says what is missing."
            )
            self._say_why(words)
            return
        if self._plot is None:
            self._make()
        self._head.object = self._told(colours)
        if preview is not None:
            self._plot.show(preview.numbers, preview.noises)
            self._part.object = _looked_at(
                preview, self._look_at(preview, scene.frame), self._frame_shown(preview), colours,
                self._session.region is not None,
            )  # fmt: skip
        self._place(*filter(None, (self._head, self._choice, self._plot.panel, self._part)))

    def _frame_shown(self, preview: Preview) -> int:
        frame, indices = self._scene.frame, preview.cube.indices
        return frame if frame in indices else indices[0]

    def _told(self, colours: Palette) -> str:
        """Title, gain in noise, width and what was rejected, of the stack as it was made last."""
        stacks = self._scene["stack"]
        if self._facts is None:
            return f'<div style="{_text(colours)};padding:12px 16px 0">Combining all frames.</div>'
        stack, facts, name = self._facts
        # What is shown belongs to knobs that are being turned.
        dim = ";opacity:0.55" if stacks is None or stack not in stacks.stacks else ""
        count = len(stack.files)
        rows = [
            ("", "one frame", "stack", "ratio"),
            ("noise, ADU", number(stack.single_noise), number(stack.noise), _ratio(stack.gain)),
            ("fwhm, px", number(facts.single_width), number(facts.width), _ratio(_over(facts))),
        ]
        cells = "".join(
            f'<span style="color:{colours.second}">{row[0]}</span>'
            + "".join(
                f'<span style="text-align:right;color:{colours.second if k == 0 else colours.text}">{cell}</span>'
                for cell in row[1:]
            )
            for k, row in enumerate(rows)
        )
        out = f"{100 * facts.rejected:.2g}\u2009% of all values were rejected. " if facts.rejected else ""
        levels = facts.levels
        lines = "".join(
            f'<div style="color:{colours.text};margin-top:4px"><span style="color:{LOST}">\u25b2</span> '
            f"{html.escape(one[:1].upper() + one[1:])}.</div>"
            for one in stack.warnings
        )
        also = also_stacked([] if stacks is None else [one.filter for one in stacks.stacks], stack.filter)
        return (
            f'<div style="{_text(colours)};padding:12px 16px 0{dim}"><div>{html.escape(name)}</div>'
            f'<div style="{_GRID}">{cells}</div><div style="{_SMALL};color:{colours.second}">'
            f"{promise(count)} {out}"
            f"Median {number(levels.median)}, deviation {number(levels.deviation)}, {number(levels.low)} to "
            f"{number(levels.high)}\u2009ADU.{html.escape(also)}{lines}</div></div>"
        )


_SMALL = "font:12px/16px Roboto,sans-serif;font-variant-numeric:tabular-nums"
_GRID = (
    "display:grid;grid-template-columns:1fr 84px 84px 64px;gap:4px 8px;margin:8px 0;"
    "font:13px/18px Roboto,sans-serif;font-variant-numeric:tabular-nums"
)


def _text(colours: Palette) -> str:
    return f"font:14px/20px Roboto,sans-serif;color:{colours.text}"


def _over(facts: StackFacts) -> float:
    """Width of the stack's stars over that of a frame's."""
    return float("nan") if not facts.width else facts.width / facts.single_width


def _ratio(value: float) -> str:
    return "\u2013" if not np.isfinite(value) else f"{value:.2f}"


def _looked_at(preview: Preview, facts: PreviewFacts, frame: int, colours: Palette, dragged: bool) -> str:
    """Both pictures of the part, and their numbers."""
    x0, y0, x1, y1 = preview.cube.region
    left, top = preview.cube.origin
    count = len(preview.cube.indices)
    where = f"{x1 - x0} \u00d7 {y1 - y0}\u2009px about ({(x0 + x1) // 2 + left}, {(y0 + y1) // 2 + top})"
    how = (
        "of the region dragged on the picture" if dragged else "in the middle; drag a region on the picture for another"
    )
    marks = (
        f'<span style="color:{LOST}">\u25a0</span> {100 * facts.rejected:.2g}\u2009% of the values rejected.'
        if facts.rejected
        else "No value rejected."
    )
    cells = "".join(
        f'<figure style="margin:0;min-width:0"><img alt="{alt}" src="{picture}" style="width:100%;display:block;'
        f'image-rendering:pixelated;border-radius:2px"><figcaption style="padding-top:4px">{alt}<br>'
        f"<span>{_levels(levels)}</span></figcaption></figure>"
        for alt, picture, levels in (
            (f"Frame {frame + 1}", facts.single, facts.single_levels),
            (f"Stack of {count}", facts.stack, facts.levels),
        )
    )
    return (
        f'<div style="{_SMALL};color:{colours.second};padding:8px 16px 16px">'
        f'<div style="{_text(colours)};margin-bottom:4px">Preview</div>{where}, {how}. {marks}'
        f'<div style="display:grid;grid-template-columns:1fr 1fr;gap:8px;margin-top:8px">{cells}</div></div>'
    )


def _levels(levels: Levels) -> str:
    """Median, deviation and range."""
    return (
        f"median {number(levels.median)}, deviation {number(levels.deviation)}<br>"
        f"{number(levels.low)} to {number(levels.high)}\u2009ADU"
    )
