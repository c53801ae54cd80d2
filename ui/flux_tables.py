"""Tables of photometry: the stars' fluxes, and the light curves with their comparison stars."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import panel as pn

from pipeline.photometry import LightCurves, Photometry
from ui import flux_facts
from ui.choice import Choice
from ui.part import column
from ui.tables import TABLE_STYLE, fixed, heads, number

if TYPE_CHECKING:
    from ui.light_curve import LightPlots

_FLUX = number("Math.abs(value) >= 1e6 ? value.toExponential(2).replace('e+', 'e') : value.toFixed(0)")
_SNR = number("value >= 100 ? value.toFixed(0) : value.toPrecision(3)")
# The last numbers keep away from the column's edge; seven columns stand closer than others do.
_LAST = """
.tabulator .tabulator-row .tabulator-cell { padding-left: 8px !important; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-content { padding-left: 8px !important; }
.tabulator .tabulator-row .tabulator-cell:is([tabulator-field="frames"], [tabulator-field="remark"]) {
  padding-right: 16px !important; }
.tabulator .tabulator-header .tabulator-col[tabulator-field="frames"] .tabulator-col-content {
  padding-right: 16px !important; }
"""
_MMAG = number("value >= 100 ? value.toFixed(0) : value.toPrecision(2)")


class FluxTable:
    """The table of fluxes, linked with the picture.

    Parameters
    ----------
    on_pick : callable
        Called with the ``id`` of a star clicked on.
    """

    def __init__(self, on_pick: Callable[[int], None]) -> None:
        self._on_pick = on_pick
        self._photometry: Photometry | None = None
        self._chosen: np.ndarray | None = None
        self._table: pn.widgets.Tabulator | None = None
        self.panel = pn.Column(sizing_mode="stretch_both", margin=(8, 0, 0, 0))

    def show(self, photometry: Photometry, picked: int | None, chosen: np.ndarray | None = None) -> None:
        """Show a frame's fluxes, those of stars chosen of all ids where given, and mark the star that is picked."""
        if photometry is not self._photometry or not _alike(chosen, self._chosen):
            self._photometry, self._chosen = photometry, chosen
            rows = flux_facts.flux_frame(photometry, chosen)
            if self._table is None:
                self._make(rows)
            else:
                self._table.value = rows
        _mark(self._table, picked)

    def _make(self, rows: pd.DataFrame) -> None:
        numbers = ("id", "x", "y", "flux", "SNR", "mag")
        self._table = pn.widgets.Tabulator(
            rows, editors=dict.fromkeys(rows.columns), show_index=False, selectable=1, layout="fit_columns",
            pagination=None, sizing_mode="stretch_both", margin=0, stylesheets=[TABLE_STYLE, _LAST], theme="simple",
            header_tooltips=heads(rows), css_classes=["rows-stay"],
            text_align=dict.fromkeys(numbers, "right"), header_align=dict.fromkeys(numbers, "right"),
            titles={"flux": "flux, ADU"},
            widths={"id": 42, "x": 54, "y": 54, "flux": 70, "SNR": 42, "mag": 60},
            formatters={"id": fixed(0), "x": fixed(1), "y": fixed(1), "flux": _FLUX, "SNR": _SNR, "mag": fixed(3)},
        )  # fmt: skip
        self._table.on_click(lambda event: self._on_pick(int(self._table.value["id"].iloc[event.row])))
        self.panel.append(self._table)


def _mark(table: pn.widgets.Tabulator, star: int | None) -> None:
    """Mark the row of a star, where it is listed."""
    rows = np.flatnonzero(table.value["id"] == (-1 if star is None else star)).tolist()
    if table.selection != rows:
        table.selection = rows


def _alike(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Whether the same stars are chosen."""
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


class CurveView:
    """Light curves, and the table in which comparison stars are ticked.

    Parameters
    ----------
    plots : LightPlots
        The plots above the table.
    clicks : Choice
        What a click on the picture does.
    on_pick, on_compare : callable
        Called with the ``id`` of a star whose row or whose tick is clicked on.
    """

    def __init__(
        self, plots: LightPlots, clicks: Choice, on_pick: Callable[[int], None], on_compare: Callable[[int], None]
    ) -> None:
        self._plots, self._on_pick, self._on_compare = plots, on_pick, on_compare
        self._curves: LightCurves | None = None
        self._chosen: np.ndarray | None = None
        self._table: pn.widgets.Tabulator | None = None
        self.panel = column(clicks, plots.panel, sizing_mode="stretch_width")

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self._plots.theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self._plots.theme = theme

    def show(self, curves: LightCurves, picked: int | None, frame: int, chosen: np.ndarray | None = None) -> None:
        """Draw the picked star's curve, and list all, or those chosen of all ids."""
        self._plots.show(curves, picked, frame, chosen)
        if curves is not self._curves or not _alike(chosen, self._chosen):
            self._curves, self._chosen = curves, chosen
            rows = flux_facts.curve_frame(curves, chosen)
            if self._table is None:
                self._make(rows)
            else:
                self._table.value = rows
        _mark(self._table, picked)

    def _make(self, rows: pd.DataFrame) -> None:
        numbers = ("id", "mag", "scatter", "expected", "frames")
        self._table = pn.widgets.Tabulator(
            rows, editors=dict.fromkeys(rows.columns), show_index=False, selectable=1, layout="fit_columns",
            pagination=None, height=280, sizing_mode="stretch_width", margin=0, stylesheets=[TABLE_STYLE, _LAST],
            theme="simple", header_tooltips=heads(rows), css_classes=["rows-stay"],
            text_align=dict.fromkeys(numbers, "right"), header_align=dict.fromkeys(numbers, "right"),
            titles={"compare": "◆", "scatter": "scatter, mmag"},
            widths={"compare": 34, "id": 50, "mag": 72, "scatter": 98, "expected": 76},
            formatters={"compare": {"type": "tickCross", "allowEmpty": True, "crossElement": False}, "id": fixed(0),
                        "mag": fixed(3), "scatter": _MMAG, "expected": _MMAG},
        )  # fmt: skip
        self._table.on_click(self._clicked)
        self.panel.append(self._table)

    def _clicked(self, event: Any) -> None:
        star = int(self._table.value["id"].iloc[event.row])
        (self._on_compare if event.column == "compare" else self._on_pick)(star)
