"""Cut-outs of stars of all brightnesses, each with its peak and its centre; a click on one picks its star."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import param

from pipeline.photometry import Centroids
from pipeline.tables import Tracks
from ui.colours import HALO, PARTIAL, PICKED
from ui.flux_facts import WORDS, cutout, gallery_rows, kinds_of, star_of
from ui.flux_signs import sign
from ui.part import Part, text
from ui.region import Region, in_frame, inside
from ui.star_card import png
from ui.stretch import LIMITS, shares

_CELL, _HALF = 72, 12
_STYLE = """
.gallery { flex-direction: column; align-items: stretch; padding: 12px 16px 0; font-size: 12px; line-height: 16px; }
.gallery-head { display: flex; justify-content: space-between; color: var(--second); margin-bottom: 8px; }
.gallery-grid { display: grid; grid-template-columns: repeat(5, 72px); gap: 6px 7px; }
.gallery button { display: block; width: 72px; height: auto; min-width: 0; padding: 0; border-radius: 3px; }
.gallery button:disabled { color: var(--second); }
.gallery button[aria-pressed="true"] { background: none; outline: 2px solid var(--picked); outline-offset: 1px; }
.gallery img { width: 100%; height: 100%; image-rendering: pixelated; border-radius: 2px; display: block; }
.gallery .cut { position: relative; width: 72px; height: 72px; }
.gallery .cut svg { position: absolute; left: 0; top: 0; width: 72px; height: 72px; }
.gallery .name { display: flex; gap: 4px; align-items: center; height: 18px; }
.gallery .name svg { width: 14px; height: 14px; }
"""
_LEGEND = (
    f'<span style="color:{PARTIAL}">□</span> peak pixel&ensp;'
    f'<span style="color:{PICKED};text-shadow:0 0 1px {HALO}">+</span> centre'
)


class StarGallery(Part):
    """The cut-outs.

    Parameters
    ----------
    on_star : callable
        Called with the ``id`` of the star that is clicked on.
    """

    cells = param.List([])
    title = param.String("")
    legend = param.String(_LEGEND)
    picked = param.Integer(None, allow_None=True)

    _esm = text("gallery.js")

    def __init__(self, on_star: Callable[[int], None], **params: Any) -> None:
        self._on_star = on_star
        super().__init__(stylesheets=[_STYLE], sizing_mode="stretch_width", margin=0, **params)

    def _handle_msg(self, data: Any) -> None:
        star = data.get("star")
        if star is not None and any(cell["star"] == star for cell in self.cells):
            self._on_star(int(star))

    def show(
        self, centroids: Centroids, tracks: Tracks | None, frame: int, image: np.ndarray, noise: float,
        region: Region | None = None,
    ) -> None:  # fmt: skip
        """Show a frame's stars, or those of a region of the reference, the brightest first."""
        kinds, cells, among = kinds_of(centroids.reason, centroids.flag), [], np.arange(len(centroids))
        if region is not None:
            among = among[inside(in_frame(region, tracks, frame), centroids["peak_x"], centroids["peak_y"])]
        for row in gallery_rows(centroids, among):
            star, kind = star_of(tracks, frame, int(centroids["row"][row])), str(kinds[row])
            name = "not followed" if star is None else f"star {star}"
            drawn = f'<div class="cut">{_picture(centroids, row, image, noise)}</div>'
            foot = f'<div class="name">{sign(kind)}<span>{"" if star is None else star}</span></div>'
            words = WORDS[kind] if star is not None else "no star of the reference"
            cells.append({"star": star, "label": f"{name}, {kind}", "words": words, "html": drawn + foot})
        title = f"{len(cells)} of {len(among)} stars, from the brightest to the faintest"
        self.param.update(cells=cells, title=title)


def _picture(centroids: Centroids, row: int, image: np.ndarray, noise: float) -> str:
    """A star's cut-out with a square on its peak pixel and a cross at its centre."""
    peak = [float(centroids[f"peak_{axis}"][row]) for axis in "xy"]
    centre = [float(centroids[f"centroid_{axis}"][row]) for axis in "xy"]
    piece = cutout(image, *peak, _HALF)
    top = max(LIMITS[1] * noise, float(np.nanmax(piece)) if np.isfinite(piece).any() else 0.0)
    picture = png(shares(piece, "asinh", LIMITS[0] * noise, top))
    pixel = _CELL / (2 * _HALF + 1)
    corner = pixel * _HALF
    x, y = (corner + pixel * (0.5 + one - other) for one, other in zip(centre, peak, strict=True))
    cross = f'<path d="M{x - 5:.1f} {y:.1f}h10M{x:.1f} {y - 5:.1f}v10" ' if np.isfinite(x + y) else ""
    marks = "".join(f'{cross}stroke="{ink}" stroke-width="{width}"/>' for ink, width in ((HALO, 3), (PICKED, 1.2)))
    place = f'x="{corner:.1f}" y="{corner:.1f}" width="{pixel:.1f}" height="{pixel:.1f}"'
    return (
        f'<img alt="" src="{picture}"><svg viewBox="0 0 {_CELL} {_CELL}" aria-hidden="true">'
        f'<rect {place} fill="none" stroke="{PARTIAL}"/>{marks if cross else ""}</svg>'
    )
