"""The star table of the frame shown, and how all tables look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.models import HTMLTemplateFormatter

from pipeline.tables import Reason, StarTable, Tracks
from ui.marks import UNFOLLOWED, belongs, judged, places, strength
from ui.region import Region, in_frame, inside
from ui.scene import same
from ui.themed import Themed

if TYPE_CHECKING:
    from ui.picked_card import PickedCard
    from ui.scene import Scene

#: So many rows go to the browser; choice of a state, region and order are made before, of all.
STAR_ROWS = 5000
#: A file's name: where it is too long its beginning goes, for the files of a night differ in their ends.
FILE_NAME = (
    '<span title="<%- value %>" style="display:block;overflow:hidden;text-overflow:ellipsis;direction:rtl;'
    'text-align:left"><bdi><%- value %></bdi></span>'
)
#: A reason stands in a line of its own: its column must not keep the room that the tables' least width would give it.
NARROW = {"columnDefaults": {"minWidth": 8}}
TABLE_STYLE = """
.pnx-tabulator.tabulator { border: 0 !important; background: transparent !important;
  font: 400 13px/18px Roboto, sans-serif !important; font-variant-numeric: tabular-nums; }
.tabulator .tabulator-header, .tabulator .tabulator-header .tabulator-col, .tabulator .tabulator-tableholder,
.tabulator .tabulator-tableholder .tabulator-table { background: transparent !important; border: 0 !important;
  color: var(--starshift-second) !important; }
.tabulator .tabulator-tableholder { overflow-x: hidden !important; scrollbar-width: thin; }
.tabulator .tabulator-header { border-bottom: 1px solid var(--starshift-hairline) !important; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-content { padding: 8px 4px 8px 12px !important; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-title { font: 400 12px/16px Roboto, sans-serif !important;
  padding-right: 0 !important; text-overflow: clip; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-sorter { display: none !important; }
.tabulator .tabulator-header .tabulator-col:hover { background: var(--starshift-field) !important; cursor: pointer; }
.tabulator .tabulator-row { background: transparent !important; color: var(--starshift-text) !important;
  border: 0 !important; min-height: 28px !important; }
.tabulator .tabulator-row .tabulator-cell { padding: 5px 4px 5px 12px !important; border: 0 !important;
  height: 28px !important; font: 400 13px/18px Roboto, sans-serif !important; }
.tabulator :is(.tabulator-tableholder, .tabulator-row, .tabulator-col):focus-visible {
  outline: 2px solid var(--starshift-accent) !important; outline-offset: -2px; }
.tabulator .tabulator-row:hover, .tabulator .tabulator-row.tabulator-selected {
  background: var(--starshift-field) !important; cursor: pointer; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-content::before { position: absolute; left: 3px; top: 8px;
  font: 400 12px/16px Roboto, sans-serif; }
.tabulator .tabulator-header .tabulator-col[aria-sort="ascending"] .tabulator-col-content::before {
  content: "\\2191"; }
.tabulator .tabulator-header .tabulator-col[aria-sort="descending"] .tabulator-col-content::before {
  content: "\\2193"; }
.tabulator .tabulator-tooltip { background: #E8EAED !important; color: #1B1F24 !important; border: 0 !important;
  border-radius: 6px; padding: 6px 12px !important; max-width: 280px; box-shadow: none !important;
  font: 12px/18px Roboto, sans-serif !important; }
.tabulator .tabulator-row .tabulator-cell[tabulator-field="state"] { padding-right: 16px !important; }
.tabulator .tabulator-col[tabulator-field="why not"] { visibility: hidden; }
.tabulator .tabulator-row:has([tabulator-field="why not"]) { display: flex; flex-wrap: wrap;
  align-content: flex-start; height: auto !important; min-height: 0 !important; }
.tabulator .tabulator-row .tabulator-cell { min-height: 0 !important; }
.tabulator .tabulator-row .tabulator-col-resize-handle { height: 28px !important; }
.tabulator .tabulator-row .tabulator-cell[tabulator-field="why not"] { flex: 0 0 100%; width: 100% !important;
  height: auto !important; white-space: normal; overflow-wrap: anywhere; color: var(--starshift-second);
  padding: 0 16px 8px 60px !important; font: 400 12px/16px Roboto, sans-serif !important; }
.tabulator .tabulator-row .tabulator-cell[tabulator-field="why not"]:not(:has(span)) { display: none !important; }
.tabulator .tabulator-row:has([tabulator-field="why not"]) .tabulator-cell.empty { display: none !important; }
.tabulator .tabulator-row:has([aria-checked="mixed"]) .tabulator-cell[tabulator-field="frame"] { flex: 1; }
.tabulator .tabulator-row:has([aria-checked="mixed"])
  :is([tabulator-field="stars"], [tabulator-field="matched"], [tabulator-field="fwhm"], [tabulator-field="rms"]) {
  display: none !important; }
.tabulator .tabulator-row [tabulator-field="_index"] + .tabulator-cell { padding-left: 16px !important; }
.tabulator .tabulator-header [tabulator-field="_index"] + .tabulator-col .tabulator-col-content {
  padding-left: 16px !important; }
.tabulator .tabulator-cell svg { height: 12px; }
.tabulator .tabulator-cell input { color: var(--starshift-text); font: inherit; outline: 0; }
.tabulator-edit-list { background: var(--starshift-raised) !important;
  border: 1px solid var(--starshift-strong) !important; border-radius: 6px;
  color: var(--starshift-text); font: 400 13px/18px Roboto, sans-serif !important; }
.tabulator-edit-list .tabulator-edit-list-item { color: var(--starshift-text) !important; padding: 5px 12px !important;
  outline: 0 !important; background: none !important; }
.tabulator-edit-list .tabulator-edit-list-item:is(.active, :hover) { background: var(--starshift-field) !important; }
.tabulator .tabulator-cell svg path { fill: var(--starshift-second) !important; }
"""
_DASH = "value == null || Number.isNaN(value) ? '\u2013' : "
ALL = "every state"
#: What a column is, in words and with its unit, for who points at its head.
HEADS = {
    "id": "Number of the star in the reference; empty where it is not in it",
    "x": "Place along a row, px",
    "y": "Place along a column, px",
    "over σ": "Peak of the filtered picture over its noise: what the threshold cuts",
    "sharp": "Sharpness: peak above its neighbours, over the filter's own",
    "round": "Roundness: 0 is round, beyond it is longer along one axis",
    "state": "What the star is in the frames used, or why the candidate is no star",
    "used": "Untick a frame to leave it out",
    "stars": "Stars found in the frame",
    "matched": "Stars of the reference found again in the frame",
    "fwhm": "Full width at half maximum of its stars, px",
    "rms": "What the transform leaves over, root of the mean square, px",
    "position": "Where the reference's middle, or the star in the box, lies in the frame, px",
    "shift": "What moves the frame onto the reference, x and y, px",
    "remains": "How far the frame still is off after its shift, px",
    "told by": "What the kind was read from",
    "exposure": "Exposure, seconds",
    "flux": "Light by the profile, ADU over the whole exposure",
    "SNR": "Flux over its error",
    "mag": "Magnitude: \u22122.5 log10 of the flux, and the zero point where one is set",
    "remark": "The worst that should be known of the flux, or why there is none",
    "compare": "Comparison stars: a click adds or removes one",
    "scatter": "Scatter of its magnitudes about their mean, thousandths of a magnitude",
    "expected": "Scatter that photons and sky alone would give, thousandths of a magnitude",
    "frames": "Frames in which it has a magnitude",
}
#: The card below the table, with cut-outs of 24 frames and three lines of words: it stays as high whatever it says,
#: for a table that gets other rows and another height at once may draw none of them.
BELOW = {"height": "312px", "max-height": "55%", "overflow-y": "auto", "flex": "0 0 auto", "scrollbar-width": "thin"}
# Places are listed with one digit after the point.
_ROUNDED = 0.1


def heads(table: pd.DataFrame) -> dict[str, str]:
    """What the columns of a table are, for their heads."""
    return {name: HEADS[name] for name in table.columns if name in HEADS}


def number(text: str) -> HTMLTemplateFormatter:
    """A number written by an expression in the browser, with a true minus, or a dash where there is none."""
    return HTMLTemplateFormatter(template=f"<%= {_DASH}({text}).replace(/^-(?=[0.]*$)/, '').replace('-', '\u2212') %>")


def fixed(digits: int) -> HTMLTemplateFormatter:
    """A number with so many digits after the point."""
    return number(f"value.toFixed({digits})")


_THREE = number("Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)")


def star_frame(stars: StarTable, tracks: Tracks | None, frame: int, region: Region | None = None) -> pd.DataFrame:
    """The candidates of a frame or of a region, the strongest first: a star's state, or why it is none."""
    ids, stars = np.full(len(stars), -1), judged(stars, tracks, frame)
    states = np.array([reason.word for reason in Reason], object)[stars.reason]
    # In a frame that is not used no star is followed, and none is missing in the reference.
    if tracks is not None and belongs(tracks, stars, frame) and tracks.used[frame]:
        followed = np.flatnonzero(tracks.row[frame] >= 0)
        rows = tracks.row[frame, followed]
        ids[rows] = followed
        states[stars.reason == Reason.STAR] = UNFOLLOWED
        states[rows] = np.where(tracks.complete[followed], "complete", "partial")
    x, y = places(stars)
    table = pd.DataFrame(
        {
            "id": [str(number) if number >= 0 else "" for number in ids],
            "x": x.round(1),
            "y": y.round(1),
            "over σ": strength(stars),
            "sharp": stars["sharpness"],
            "round": stars["roundness2"],
            "state": states,
        }
    )
    if region is not None:
        table = table[inside(in_frame(region, tracks, frame), x, y)]
    return table.sort_values("over σ", ascending=False, ignore_index=True)


class StarTab(Themed):
    """The star table.

    Parameters
    ----------
    on_pick : callable
        Called with the number of the frame listed, the id of a star clicked on or None, and the place of a candidate
        that has no id or None.
    card : PickedCard, optional
        Stands below the table while something is picked.
    """

    def __init__(
        self,
        on_pick: Callable[[int, int | None, tuple[float, float] | None], None],
        card: PickedCard | None = None,
    ) -> None:
        self._on_pick, self._card = on_pick, card
        self._theme = "dark" if card is None else card.theme
        self._all = pd.DataFrame()
        # What the rows were made of.
        self._made_of: tuple[StarTable | None, Tracks | None, int, Region | None] = (None, None, 0, None)
        self._picked: int | None = None
        self._place: tuple[float, float] | None = None
        self._state = pmui.Select(
            label="State", options=[ALL], value=ALL, size="small", margin=(12, 16, 4, 16), sizing_mode="stretch_width"
        )
        self._state.param.watch(lambda event: self._filter(), "value")
        self._said = pn.pane.HTML(margin=(0, 16, 4, 16), sizing_mode="stretch_width")
        self.panel = pn.Column(sizing_mode="stretch_both", margin=0)

    def _paint(self) -> None:
        # The table's own colours follow the page's.
        if self._card is not None:
            self._card.theme = self._theme

    def _filter(self) -> None:
        """Show the rows of the state that is chosen, and mark the one that is picked."""
        chosen = self._state.value
        table = self._all if chosen == ALL else self._all[self._all["state"] == chosen]
        sorters = self.table.sorters if self.panel.objects else []
        picked = self._picked_row(table)
        shown = first_rows(table, sorters, picked)
        self._said.object = rows_text(
            len(shown), len(table), len(self._all), sorters, chosen, in_region=self._made_of[3] is not None
        )
        shown = shown.reset_index(drop=True)
        if not self.panel.objects:
            self._make(shown)
        elif not shown.equals(self.table.value):
            self.table.value = shown
        self._mark()

    def _mark(self) -> None:
        """Mark the row of what is picked, where it is listed."""
        row = self._picked_row(self.table.value)
        chosen = [] if row is None else [row]
        if self.table.selection != chosen:
            self.table.selection = chosen

    def _picked_row(self, table: pd.DataFrame) -> int | None:
        """The number of the picked row among those of a table, from 0."""
        if self._picked is not None:
            found = np.flatnonzero(table["id"] == str(self._picked))
            return int(found[0]) if found.size else None
        if self._place is None or not len(table):
            return None
        away = np.hypot(table["x"] - self._place[0], table["y"] - self._place[1]).to_numpy()
        nearest = int(away.argmin())
        return nearest if away[nearest] < _ROUNDED and not table["id"].iloc[nearest] else None

    def _make(self, table: pd.DataFrame) -> None:
        numbers = ("id", "x", "y", "over σ", "sharp", "round")
        # As the rows are ordered before they are sent: by number, what has none last either way.
        by_number = {"sorter": "number", "sorterParams": {"alignEmptyValues": "bottom"}}
        self.table = pn.widgets.Tabulator(
            table, editors=dict.fromkeys(table.columns), show_index=False, selectable=1, layout="fit_columns",
            pagination=None, sizing_mode="stretch_both", margin=0, stylesheets=[TABLE_STYLE], theme="simple",
            header_tooltips=heads(table),
            text_align=dict.fromkeys(numbers, "right"), header_align=dict.fromkeys(numbers, "right"),
            widths={"id": 44, "x": 58, "y": 58, "over σ": 56, "sharp": 52, "round": 54},
            formatters={"x": fixed(1), "y": fixed(1), "over σ": _THREE, "sharp": fixed(2), "round": fixed(2)},
            configuration={"columns": [{"field": name, **by_number} for name in numbers]}, css_classes=["rows-stay"],
        )  # fmt: skip
        self.table.on_click(self._clicked)
        # Of more rows than are sent the browser orders those that it has: the first in that order must be among them.
        self.table.param.watch(lambda event: self._filter() if len(self._all) > STAR_ROWS else None, "sorters")
        self.panel.extend([self._state, self._said, self.table])
        if self._card is not None:
            self._card.panel.param.update(visible=False, styles={**self._card.panel.styles, **BELOW})
            self.panel.append(self._card.panel)

    def _clicked(self, event: Any) -> None:
        row, frame = self.table.value.iloc[event.row], self._made_of[2]
        if row["id"]:
            self._on_pick(frame, int(row["id"]), None)
        else:
            self._on_pick(frame, None, (float(row["x"]), float(row["y"])))

    def pick(self, star: int | None, place: tuple[float, float] | None = None) -> None:
        """Mark the row of a star, or that of the candidate at a place of the frame; None of both marks none."""
        self._picked, self._place = star, place
        if not self.panel.objects:
            return
        unsent = len(self._all) > STAR_ROWS and self._picked_row(self.table.value) is None
        if unsent and self._picked_row(self._all) is not None:
            self._filter()
        else:
            self._mark()

    def describe(self, scene: Scene) -> None:
        """Show the card of what is picked, and its room to the table where nothing is."""
        if self.panel.objects:
            self._card.show(scene)
            self._card.panel.visible = self._card.wanted

    def show(self, stars: StarTable | None, tracks: Tracks | None, frame: int, region: Region | None = None) -> None:
        """Show a frame's candidates, those of a region of the reference alone where one is given."""
        made_of = (stars, tracks, frame, region)
        if stars is None or same(made_of, self._made_of):
            return
        self._made_of = made_of
        self._all = star_frame(stars, tracks, frame, region)
        states = [ALL, *self._all["state"].unique()]
        if self._state.value not in states:
            states.append(self._state.value)
        self._state.options = states
        self._filter()


def first_rows(table: pd.DataFrame, sorters: Sequence[Mapping[str, str]], picked: int | None) -> pd.DataFrame:
    """As many rows as the browser gets: the first in the order that its visitor wants, and the one that is picked.

    Parameters
    ----------
    table : DataFrame
        All rows, the strongest first.
    sorters : sequence of mapping
        What the browser sorts by: ``field`` and ``dir`` ("asc" or "desc"); the first counts most.
    picked : int or None
        Number of the row that must be among them.
    """
    if len(table) <= STAR_ROWS:
        return table
    order = np.arange(len(table))
    for one in reversed(sorters):
        values = table[one["field"]].iloc[order]
        if one["field"] == "id":
            values = pd.to_numeric(values, errors="coerce")
        rank = values.rank(method="dense", ascending=one["dir"] == "asc", na_option="bottom")
        order = order[np.argsort(rank.to_numpy(), kind="stable")]
    chosen = order[:STAR_ROWS]
    if picked is not None and picked not in chosen:
        chosen = np.append(chosen, picked)
    return table.iloc[np.sort(chosen)]


def rows_text(
    shown: int, fitting: int, count: int, sorters: Sequence[Mapping[str, str]], state: str, *, in_region: bool
) -> str:
    """How many candidates are listed of how many, and where some are not, how to see them, as HTML."""
    if not count:
        words = "No candidate lies in the region." if in_region else "No candidate in this frame."
    elif shown < fitting:
        order = f"first by {sorters[0]['field']}" if sorters else "strongest"
        ways = "sort by another column or" if state != ALL else "sort by another column, choose a state or"
        others = f"To see the others, {ways} drag a region on the picture."
        words = f"The {shown:,} {order} of {fitting:,} candidates. {others}"
    elif fitting < count:
        words = f"{fitting:,} of {count:,} candidates."
    else:
        words = f"{count:,} candidate{'s' if count > 1 else ''}."
    return f'<div style="font:12px/16px Roboto,sans-serif;color:var(--starshift-second)">{words}</div>'
