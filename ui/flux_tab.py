"""The tab of photometry: fluxes, the picked star beside its model, shapes, light curves; marks on the picture."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import panel as pn
import panel_material_ui as pmui

from pipeline.photometry import LightCurves, Photometry
from pipeline.stages.lightcurves import with_comparison
from ui import flux_facts
from ui.choice import Choice
from ui.colours import LOST, PALETTES
from ui.flux_marks import FluxMarks
from ui.flux_signs import legend
from ui.flux_tables import CurveView, FluxTable
from ui.part import column
from ui.pictures import frame_beside
from ui.region import stars_inside, to_reference
from ui.scene import Scene, same
from ui.session import Session
from ui.tab import WayElsewhere, why_unused
from ui.themed import Themed

if TYPE_CHECKING:
    from ui.picture import Picture
    from ui.shape_plots import ShapePlots
    from ui.star_model import StarModel

VIEWS = {"fluxes": "Fluxes", "model": "Star", "shapes": "Shapes", "curve": "Light curve"}
CLICKS = {"pick": "A click picks a star", "compare": "A click adds or removes ◆"}
#: What each view is made of.
MADE_OF = {view: ("centroids", "psf_photometry") for view in VIEWS} | {"curve": ("lightcurves", "psf_photometry")}
_WAITING = "The stars are being measured."
_ONE_FRAME = "This is one frame alone. A light curve needs the same stars in two frames or more: open a sequence."
_ONE_USED = (
    "Only one of these frames is used, and a light curve needs two or more: the tab Frames says why the others are not."
)


class FluxTab(Themed):
    """Photometry beside the picture and on it.

    Parameters
    ----------
    session : Session
        Told of stars picked, frames and comparison stars.
    theme : str
        "dark" or "light".
    image_of : callable
        A frame's normalized image where it is at hand.
    picture : Picture
        Where the stars are marked.
    on_view : callable
        Called when another view is opened, which may need other results.
    on_save : callable
        Called with "table" or "curves": what is seen shall be saved.
    """

    def __init__(
        self,
        session: Session,
        theme: str,
        *,
        image_of: Callable[[int], np.ndarray | None],
        picture: Picture,
        on_view: Callable[[], None],
        on_save: Callable[[str], None],
    ) -> None:
        self._session, self._theme, self._image_of = session, theme, image_of
        self._picture, self._on_view, self._on_save = picture, on_view, on_save
        self._scene = self._given = Scene()
        # Curves that were measured, the same against other comparison stars, and those, until the stage has made them.
        self._at_once: tuple[LightCurves | None, LightCurves | None, tuple[int, ...]] = (None, None, ())
        session.listen(lambda names: self.show(self._given) if "recipe" in names and self._at_once[1] else None)
        self._marks = FluxMarks(picture)
        self._parts: dict[str, Any] = {}
        self._drawn: dict[str, tuple] = {}
        # For each view which stars lie in the region, as it was last told.
        self._held: dict[str, np.ndarray] = {}
        look = {"theme": theme, "height": 32, "sizing_mode": "stretch_width"}
        self._view = Choice(label="Photometry", options=VIEWS, value="fluxes", margin=(8, 16, 0, 16), **look)
        self._view.param.watch(lambda event: self._switched(), "value")
        self._clicks = Choice(
            label="A click on the picture", options=CLICKS, value="pick", margin=(8, 16, 0, 16), **look
        )
        self._note = pn.pane.HTML("", margin=0, sizing_mode="stretch_width")
        self._elsewhere = WayElsewhere(session)
        self._body = column(sizing_mode="stretch_both", scroll="y-auto")
        self._saves = {what: self._button(what, words) for what, words in _SAVES.items()}
        line = {"border-top": "1px solid var(--starshift-hairline)"}
        self._foot = pn.Row(*self._saves.values(), margin=0, height=48, sizing_mode="stretch_width", styles=line)
        self.panel = pn.Column(
            self._view, self._note, self._elsewhere.button, self._body, self._foot, sizing_mode="stretch_both", margin=0
        )

    def _button(self, what: str, words: str) -> pmui.Button:
        return pmui.Button(
            label=words, variant="outlined", height=32, margin=(8, 0, 8, 16), on_click=lambda *_: self._on_save(what)
        )

    # What the shell asks

    @property
    def needs(self) -> tuple[str, ...]:
        """Results that the open view is made of."""
        curves = self._view.value == "curve" and self._count > 1
        return MADE_OF["curve"] if curves else MADE_OF["fluxes"]

    @property
    def _count(self) -> int:
        """Frames that are used."""
        tracks = self._scene["tracks"]
        return 0 if tracks is None else int(np.sum(tracks.used))

    def _chosen(self, view: str, count: int) -> np.ndarray | None:
        """Which of a view's stars, so many in all, lie in the region that is dragged; None where there is none."""
        region, tracks = self._session.region, self._scene["tracks"]
        if region is None or tracks is None:
            self._held.pop(view, None)
        elif tracks.x.shape[1] == count:
            self._held[view] = stars_inside(region, tracks)
        # New tracks come before what is measured of their stars, which has the numbers of those before.
        held = self._held.get(view)
        return held if held is not None and len(held) == count else None

    def _paint(self) -> None:
        self._view.theme = self._clicks.theme = self._theme
        for part in self._parts.values():
            if hasattr(part, "theme"):
                part.theme = self._theme
        self._write_note()

    def takes(self, star: int | None) -> bool:
        """Whether a click on a star of the picture is for the comparison stars, which are then changed."""
        wanted = self.panel.visible and self._view.value == "curve" and self._clicks.value == "compare"
        if not wanted or self._scene["lightcurves"] is None:
            return False
        if star is not None and star >= 0:
            self._compare(star)
        return True

    def hide(self) -> None:
        """Another tab is open: the picture shows the stars' states again."""
        if self._marks.shown:
            self._marks.hide()
            self._picture.show_other_marks("")

    def show(self, scene: Scene) -> None:
        """Show what there is of a scene."""
        self._given = self._scene = scene
        before, curves, chosen = self._at_once
        wanted = self._session.recipe["psf_photometry"]["comparison"]
        if curves is not None and scene["lightcurves"] is before and chosen == wanted:
            self._scene = scene = scene.with_result("lightcurves", curves, "")
        with pn.io.hold():
            self._write_note()
            self._mark()
            view = self._view.value
            words = self._missing(view)
            self._foot.visible = not words
            unused = words and why_unused(scene)
            self._elsewhere.offer(frame_beside(scene["tracks"].used, scene.frame) if unused else None)
            self._saves["curves"].visible = view == "curve"
            for name, part in self._parts.items():
                part.panel.visible = name == view and not words
            if not words:
                getattr(self, f"_show_{view}")(scene)

    # What the visitor does

    def _switched(self) -> None:
        self.show(self._scene)
        self._on_view()

    def _pick(self, star: int) -> None:
        self._session.change(picked=star, unpicked="")

    def _compare(self, star: int) -> None:
        curves = self._scene["lightcurves"]
        chosen = flux_facts.toggled(curves.comparison, star)
        if not chosen or not np.isfinite(curves.instrumental[:, star]).any():
            return
        # Other comparison stars need no new measurement, so the plot need not wait for the frames.
        self._at_once = self._given["lightcurves"], with_comparison(curves, chosen), chosen
        self._session.turn("psf_photometry", "comparison", chosen)
        self.show(self._given)

    def _know(self, star: int, magnitude: float | None) -> None:
        """Keep a star's magnitude in the filter of the frame shown, or forget it."""
        known = dict(self._session.recipe["psf_photometry"]["known"])
        self._session.turn("psf_photometry", "known", flux_facts.known_with(known, star, self._filter, magnitude))

    @property
    def _filter(self) -> str:
        sequence = self._scene["frames"]
        return "" if sequence is None else sequence.frames[self._scene.frame].filter

    # How it is drawn

    def _missing(self, view: str) -> str:
        """Why a view has nothing to show, "" where it has."""
        results = self._scene.results
        if view == "curve" and self._count == 1:
            return _ONE_FRAME if len(self._scene["tracks"].used) == 1 else _ONE_USED
        wanted = "lightcurves" if view == "curve" else "psf_photometry"
        if results.get(wanted) is not None:
            return ""
        stars = results.get("stars")
        if wanted in results or (stars is not None and not len(stars.kept)):
            return flux_facts.nothing_measured(self._scene)
        return _WAITING

    def _write_note(self) -> None:
        """Which stars are drawn how, where the gain comes from, and what a user should know."""
        colours = PALETTES[self._theme]
        look = f"padding:8px 16px 0;color:{colours.second};font:12px/16px Roboto,sans-serif"
        words = self._missing(self._view.value)
        if words:
            text = f'<div style="{look};padding-bottom:12px;font-size:14px;line-height:20px">{html.escape(words)}</div>'
        else:
            photometry, curves = self._scene["psf_photometry"], self._scene["lightcurves"]
            parts = [] if photometry is None else [_gain(photometry), *_zero_point(photometry)]
            warned = () if photometry is None else photometry.warnings
            if self._view.value == "curve" and curves is not None:
                # What is expected of a star's scatter is no better than the gain.
                warned = (*curves.warnings, *(text for text in warned if "gain" in text))
            text = (
                f'<div style="{look}">{"".join(f"<div>{one}</div>" for one in (*parts, *map(_warning, warned)))}</div>'
            )
        if self._note.object != text:
            self._note.object = text

    def _mark(self) -> None:
        """Mark the stars on the picture."""
        scene = self._scene
        photometry, tracks = scene["psf_photometry"], scene["tracks"]
        if photometry is None or not self.panel.visible:
            self.hide()
            return
        x, y = (photometry[f"centroid_{axis}"] for axis in "xy")
        kinds = flux_facts.kinds_of(photometry.reason, photometry.flag)
        curves = scene["lightcurves"]
        if self._view.value == "curve" and curves is not None:
            kinds[np.isin(photometry["id"], curves.comparison)] = "compared"
        key = (photometry, tracks if self._session.aligned else None, curves, self._view.value, scene.frame)
        if self._marks.shown and same(self._drawn.get("marks"), key):
            return
        self._drawn["marks"] = key
        if self._session.aligned and tracks is not None:
            x, y = to_reference(tracks, scene.frame, x, y)
        self._marks.show(np.array(x), np.array(y), kinds)
        self._picture.show_other_marks(legend(flux_facts.counts_of(kinds)))

    def _part(self, name: str, make: Callable[[], Any]) -> Any:
        """A view's part, made when it is first seen."""
        if name not in self._parts:
            self._parts[name] = make()
            self._body.append(self._parts[name].panel)
        return self._parts[name]

    def _show_fluxes(self, scene: Scene) -> None:
        table = self._part("fluxes", lambda: FluxTable(self._pick))
        photometry = scene["psf_photometry"]
        table.show(photometry, self._session.picked, self._chosen("fluxes", len(photometry)))

    def _show_model(self, scene: Scene) -> None:
        photometry, star = scene["psf_photometry"], self._session.picked
        part = self._part("model", self._make_model)
        if star is None:
            part.clear("Click on a star to see what its model leaves of it.")
            return
        normalized = scene["normalize"]
        image = normalized.image if normalized is not None else self._image_of(scene.frame)
        made = flux_facts.modelled(photometry, star, image, 1.0 if normalized is None else normalized.noise)
        if made is None:
            part.clear(flux_facts.why_not(photometry, star))
        else:
            part.show(star, made, photometry, self._filter)

    def _make_model(self) -> StarModel:
        from ui.star_model import StarModel

        return StarModel(self._theme, self._know)

    def _show_shapes(self, scene: Scene) -> None:
        part = self._part("shapes", self._make_shapes)
        centroids, photometry, normalized = scene["centroids"], scene["psf_photometry"], scene["normalize"]
        part.gallery.picked = self._session.picked
        region = self._session.region
        key = (centroids, photometry, normalized, scene.frame, region)
        if centroids is None or same(self._drawn.get("shapes"), key):
            return
        self._drawn["shapes"] = key
        chosen = self._chosen("shapes", len(photometry))
        image, noise = (None, 1.0) if normalized is None else (normalized.image, normalized.noise)
        part.show(centroids, photometry, scene["tracks"], scene.frame, image, noise, chosen, region)

    def _make_shapes(self) -> ShapePlots:
        from ui.shape_plots import ShapePlots

        return ShapePlots(self._theme, self._pick)

    def _show_curve(self, scene: Scene) -> None:
        part = self._part("curve", self._make_curve)
        curves = scene["lightcurves"]
        part.show(curves, self._session.picked, scene.frame, self._chosen("curve", len(curves.level)))

    def _make_curve(self) -> CurveView:
        from ui.light_curve import LightPlots

        plots = LightPlots(self._theme, lambda frame: self._session.change(frame=frame), self._pick)
        return CurveView(plots, self._clicks, self._pick, self._compare)


_SAVES = {"table": "Save the table", "curves": "Save the light curves"}


def _gain(photometry: Photometry) -> str:
    """Gain, read noise and what told them, and what the stars were weighted with."""
    gain = "Gain not known" if photometry.gain is None else f"Gain {photometry.gain:.3g}\u2009e\u207b/ADU"
    noise = "" if photometry.read_noise is None else f", read noise {photometry.read_noise:.3g}\u2009e\u207b"
    return html.escape(
        f"{gain}{noise}: {photometry.gain_source or 'nothing tells it'}. Weighted with a {photometry.psf}."
    )


def _zero_point(photometry: Photometry) -> list[str]:
    """The zero point and what told it, where there is one."""
    if not photometry.zero_point_source:
        return []
    error = f" ± {photometry.zero_point_err:.3f}" if photometry.zero_point_err else ""
    text = f"Zero point {photometry.zero_point:.3f}{error}\u2009mag: {photometry.zero_point_source}."
    return [html.escape(text.replace("-", "\u2212"))]


def _warning(text: str) -> str:
    return f'<span style="color:{LOST}">\u25b2</span> {html.escape(text[:1].upper() + text[1:])}.'
