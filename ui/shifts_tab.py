"""The shifts: how well every frame lies on the reference, and what a hand can do where one does not."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.models import HTMLTemplateFormatter

from pipeline import cutouts
from pipeline.alignment import FLAG, Shifts
from pipeline.stages import box_star
from ui.colours import LOST, PALETTES
from ui.part import column
from ui.session import Session
from ui.shift_facts import (
    METHODS,
    ImageOf,
    before_and_after,
    shift_frame,
    usual_reason,
    verdict,
)
from ui.star_card import cutout_strip
from ui.tab import ResultTab
from ui.tables import FILE_NAME, NARROW, TABLE_STYLE, heads

if TYPE_CHECKING:
    from ui.box_layer import BoxLayer
    from ui.lay_over import LayOver
    from ui.picture import Picture
    from ui.scene import Scene
    from ui.shift_plot import ShiftPlot

_NAME = HTMLTemplateFormatter(template=FILE_NAME)
_REASON = HTMLTemplateFormatter(template="<% if (value) { %><span><%- value %></span><% } %>")
_REMAINS = HTMLTemplateFormatter(
    template=f"""<% if (value == null || Number.isNaN(value)) {{ %>\u2013<% }} else if (value > {FLAG}) {{ %>
<span title="more than {FLAG:g} px off"><span style="color:{LOST}">\u25b2</span> <%= value.toFixed(2) %></span>
<% }} else {{ %><%= value.toFixed(2) %><% }} %>"""
)
_NEEDS = ("frames", "selection", "tracks", "shifts")
_ROW, _HEAD, _LEAST, _TALLEST = 28, 36, 160, 320
BOX_HINT = "Drag the yellow box onto a lonely star. Drag its edge to make it larger."


class ShiftsTab(ResultTab):
    """Plot and table of what remains, the box on the picture, pre-shifts by hand, and one star in every frame.

    Parameters
    ----------
    session : Session
        Told of frames clicked on, of the box and of pre-shifts.
    theme : str
        "dark" or "light".
    picture : Picture
        Where the box is drawn.
    image_of : callable
        A frame's image without sky, where it is at hand.
    on_use : callable
        Called with a frame's number, whether it shall be used, and the reason.
    """

    def __init__(
        self,
        session: Session,
        theme: str,
        *,
        picture: Picture,
        image_of: ImageOf,
        on_use: Callable[[int, bool, str], None],
    ) -> None:
        super().__init__(theme)
        self._session, self._picture = session, picture
        self._image_of, self._on_use = image_of, on_use
        self._plot: ShiftPlot | None = None
        self._box: BoxLayer | None = None
        self._over: LayOver | None = None
        self._open = True
        self._head = pn.pane.HTML(margin=(12, 16, 4, 16), sizing_mode="stretch_width")
        session.listen(lambda names: self._draw_box() if names & {"frame", "recipe", "aligned"} else None)

    def _themed(self) -> tuple[Any, ...]:
        return (self._plot, self._over)

    @property
    def needs(self) -> tuple[str, ...]:
        """Results that the tab shows; the aligned frames only for a star, and where they are more than moved pixels."""
        wanted = self._session.picked is not None and not self._whole
        return (*_NEEDS, cutouts.STAGE) if wanted else _NEEDS

    @property
    def _whole(self) -> bool:
        """Whether frames are aligned by whole pixels, so that one need not be made to be seen."""
        knobs = self._session.recipe["aligned"]
        return knobs["model"] == "shift" and knobs["resample"] in (None, "integer")

    def seen(self, is_seen: bool) -> None:
        """Say whether the tab is open: its box is on the picture only then."""
        self._open = is_seen
        self._draw_box()

    # Making

    def _make(self, table: pd.DataFrame) -> None:
        """All parts, made when there is something to show."""
        from ui.shift_plot import ShiftPlot

        self._plot = ShiftPlot(self._theme, lambda frame: self._session.change(frame=frame))
        self.table = pn.widgets.Tabulator(
            table, show_index=False, selectable=1, layout="fit_columns", sizing_mode="stretch_both", margin=0,
            stylesheets=[TABLE_STYLE], pagination=None, theme="simple", editors=dict.fromkeys(table.columns),
            header_tooltips=heads(table),
            formatters={"used": {"type": "tickCross"}, "frame": _NAME, "remains": _REMAINS, "why not": _REASON},
            text_align=dict.fromkeys(("position", "shift", "remains"), "right"),
            header_align=dict.fromkeys(("position", "shift", "remains"), "right"), max_height=_TALLEST,
            widths={"used": 44, "position": 88, "shift": 98, "remains": 64, "why not": 8}, configuration=NARROW,
        )  # fmt: skip
        self.table.on_click(self._clicked)
        self._reason = pmui.TextInput(
            label="Why it is left out", size="small", margin=(8, 0, 8, 16), sizing_mode="stretch_width"
        )
        self._leave = pmui.Button(
            label="Leave out", variant="outlined", height=32, margin=(12, 16, 8, 16), on_click=lambda *_: self._take()
        )
        self._over_words = pn.pane.HTML(margin=(8, 16, 8, 16), sizing_mode="stretch_width")
        self._over_part = column(self._over_words, sizing_mode="stretch_width", visible=False)
        self._star = pn.pane.HTML(margin=0, sizing_mode="stretch_width")
        self._hand = pn.Row(self._reason, self._leave, sizing_mode="stretch_width", margin=0)

    # What the visitor does

    def _clicked(self, event: Any) -> None:
        if event.column == "used":
            self._turn(event.row, "")
        else:
            self._session.change(frame=event.row)

    def _take(self) -> None:
        self._turn(self._session.frame, self._reason.value_input or self._reason.value)

    def _turn(self, frame: int, reason: str) -> None:
        """Leave a frame out, or use it again."""
        shifts = self._scene["shifts"]
        use = not bool(shifts.used[frame])
        self._on_use(frame, use, reason.strip() or usual_reason(shifts, frame))
        self._reason.value = ""

    def _laid(self, x: float, y: float) -> None:
        self._pre_shift(self._session.frame, x, y)

    def _pre_shift(self, frame: int, x: float, y: float) -> None:
        """Say roughly how a frame must be shifted, by its name in the recipe."""
        file = self._scene["frames"].frames[frame].file
        held = dict(self._session.recipe["shifts"]["pre_shift"])
        self._session.turn("shifts", "pre_shift", {**held, file: (round(x, 1), round(y, 1))})

    def _boxed(self, x: float, y: float, side: float) -> None:
        """Take the box where it was left: the reference's own, and elsewhere a pre-shift that leads to the star."""
        shifts, frame = self._scene["shifts"], self._session.frame
        low, high = 8.0, 1000.0
        side = float(round(min(max(side, low), high)))
        if self._session.aligned or frame == shifts.reference:
            recipe = self._session.recipe.with_knobs("shifts", box_center=(round(x, 1), round(y, 1)), box_size=side)
            self._session.use(recipe)
        else:
            self._pre_shift(frame, shifts.box[0] - x, shifts.box[1] - y)
        self._draw_box()

    # Showing

    def show(self, scene: Scene) -> None:
        """Show shifts, frame and star."""
        self._scene = scene
        sequence, shifts = scene["frames"], scene["shifts"]
        if sequence is None or shifts is None or len(shifts.used) != len(sequence.frames):
            failed = "shifts" in scene.results and shifts is None
            words = (
                "No shifts. They need stars in two frames at least; the list of stages says what is missing."
                if failed
                else "The shifts are being measured."
            )
            self._say_why(words)
            self._draw_box()
            return
        table = shift_frame(sequence, shifts)
        if self._plot is None:
            self._make(table)
        elif not table.equals(self.table.value):
            self.table.value = table
        extra = 34 * int((table["why not"] != "").sum())
        whole = _HEAD + _ROW * len(table) + extra + 6
        # In a low window the rows give way before what stands below them does.
        self.table.param.update(min_height=min(_LEAST, whole), max_height=min(_TALLEST, whole))
        words, well = verdict(shifts)
        self._say(words, METHODS[shifts.method], well)
        frame = min(self._session.frame, len(shifts.used) - 1)
        self._plot.show(shifts, frame)
        used = bool(shifts.used[frame])
        self._leave.label = f"Leave frame {frame + 1} out" if used else f"Use frame {frame + 1} again"
        self._leave.disabled = not used and not self._by_hand(frame)
        self._reason.visible = used
        self._reason.placeholder = usual_reason(shifts, frame)
        self._show_over(shifts, frame)
        self._show_star(shifts)
        self._place(self._head, self._plot.panel, self.table, self._hand, self._over_part, self._star)
        self._draw_box()

    def _by_hand(self, frame: int) -> bool:
        """Whether a frame is left out by hand, so that a hand can take it back."""
        rejected = self._session.recipe["selection"]["rejected"]
        return box_star.for_file(rejected, self._scene["frames"], frame) is not None

    def _say(self, words: str, method: str, well: bool) -> None:
        colours = PALETTES[self._theme]
        mark = "" if well else f'<span style="color:{LOST}">\u25b2</span> '
        self._head.object = (
            f'<div style="font:14px/20px Roboto,sans-serif;color:{colours.text}">{mark}{html.escape(words)}'
            f'<div style="font:12px/16px Roboto,sans-serif;color:{colours.second}">{html.escape(method)}</div></div>'
        )

    def _show_over(self, shifts: Shifts, frame: int) -> None:
        """The frame over the reference, where one star in a box is followed and may have been lost."""
        reference, here = self._image_of(shifts.reference), self._image_of(frame)
        wanted = shifts.method == "box" and reference is not None and here is not None
        self._over_part.visible = wanted
        if not wanted:
            return
        colours = PALETTES[self._theme]
        away = frame != shifts.reference
        if self._over is not None:
            self._over.visible = away
        words = (
            f"<b>Frame {frame + 1} over the reference.</b> Where the mount jumped, drag it until the stars turn white: "
            "a rough pre-shift, from which the box finds its star."
            if away
            else f"{BOX_HINT} Go to another frame to lay it over this one."
        )
        self._over_words.object = f'<div style="font:12px/16px Roboto,sans-serif;color:{colours.second}">{words}</div>'
        if away:
            self._make_over()
            noise = 1.0 if self._scene["normalize"] is None else self._scene["normalize"].noise
            jump = box_star.for_file(self._session.recipe["shifts"]["pre_shift"], self._scene["frames"], frame)
            known = np.isfinite(shifts.x[frame]) and np.isfinite(shifts.y[frame])
            shift = (shifts.x[frame], shifts.y[frame]) if known else tuple(jump or (0.0, 0.0))
            self._over.show(reference, here, (noise, noise), shift)

    def _make_over(self) -> None:
        """Where a frame is laid over the reference; made when first asked for."""
        if self._over is None:
            from ui.lay_over import LayOver

            self._over = LayOver(self._laid, theme=self._theme, margin=(0, 16, 8, 16), sizing_mode="stretch_width")
            self._over_part.append(self._over)

    def _show_star(self, shifts: Shifts) -> None:
        """One star in every frame, at its place in the reference, before and after the shift."""
        colours = PALETTES[self._theme]
        tracks, star = self._scene["tracks"], self._session.picked
        look = f"padding:8px 16px 16px;color:{colours.second};font:12px/16px Roboto,sans-serif"
        if tracks is None or star is None or star >= tracks.x.shape[1] or len(tracks.used) != len(shifts.used):
            self._star.object = f'<div style="{look}">Click on a star to see it in every frame, before and after.</div>'
            return
        mosaic = self._scene["normalize"] is not None and self._scene["normalize"].pattern != "none"
        before, after = before_and_after(
            tracks, shifts, star, self._image_of, self._scene[cutouts.STAGE], self._whole, 2 if mosaic else 1
        )
        noise = 1.0 if self._scene["normalize"] is None else self._scene["normalize"].noise
        common = (noise, shifts.reference, self._session.frame, colours)
        failed = cutouts.STAGE in self._scene.results and self._scene[cutouts.STAGE] is None
        wait = ": the frames cannot be aligned." if failed else ": the frames are being aligned."
        wait = wait if shifts.used.any() else ": no frame is used."
        # Crosses would say that the star is lost.
        there = any(one is not None for one in after)
        strip = cutout_strip(after, *common) if there else ""
        self._star.object = (
            f'<div style="{look}"><b style="color:{colours.text};font-size:14px;line-height:20px">Star {star}</b>'
            f' at its place in the reference<div style="margin:8px 0 4px">Before</div>{cutout_strip(before, *common)}'
            f'<div style="margin:8px 0 4px">After{"" if there else wait}</div>{strip}</div>'
        )

    # The box on the picture

    def _draw_box(self) -> None:
        """Draw the box where it stands in the frame shown, while the tab is open and a box is used."""
        shifts = None if self._scene is None else self._scene["shifts"]
        frame = self._session.frame
        wanted = (
            self._open
            and shifts is not None
            and shifts.box is not None
            and self._session.recipe["shifts"]["method"] == "box"
            and frame < len(shifts.used)
        )
        if not wanted:
            if self._box is not None:
                self._box.hide()
            return
        if self._box is None:
            from ui.box_layer import BoxLayer

            self._box = BoxLayer(self._picture.figures, self._boxed)
        x, y, side = shifts.box
        away = frame != shifts.reference and not self._session.aligned
        if away and np.isfinite(shifts.x_position[frame]):
            x, y = float(shifts.x_position[frame]), float(shifts.y_position[frame])
        self._box.show(x, y, side)
