"""One star's card: what became of it, its cut-outs and measures."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import panel as pn
import panel_material_ui as pmui

from ui.colours import HALO, LOST, PALETTES, PICKED, REFERENCE, Palette
from ui.map_facts import round_below
from ui.part import column
from ui.star_facts import Limits, Profile, gaussian
from ui.stretch import LIMITS, shares
from ui.themed import Themed

_A_ROW = 12
UNSEEN = "Frame {} is not in memory: step to it to see the star there."
# The profile's plot: its size, and where its axes are, screen pixels.
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 176, 116, 42, 16
# From the curve to the end of the words beside it, screen pixels.
_LABEL = 74


class StarCard(Themed):
    """What is known of one star, as words, cut-outs and numbers.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_pick : callable, optional
        Called with the number of the next or the previous star, and with None when the card is closed.
    """

    def __init__(self, theme: str = "dark", on_pick: Callable[[int | None], None] | None = None) -> None:
        self._theme, self._on_pick = theme, on_pick
        self._shown: tuple | None = None
        self._why = ""
        self._pane = pn.pane.HTML("", margin=0, sizing_mode="stretch_width")
        self._title = pn.pane.HTML("", margin=(12, 0, 0, 16), height=28, sizing_mode="stretch_width")
        self._previous = self._button("chevron_left", "Previous star", lambda: self._step(-1))
        self._next = self._button("chevron_right", "Next star", lambda: self._step(1))
        close = self._button("close", "Close the star's card", lambda: self._pick(None))
        self._head = pn.Row(
            self._title, self._previous, self._next, close,
            margin=(0, 12, 0, 0), sizing_mode="stretch_width", visible=False,
        )  # fmt: skip
        line = {"border-top": "1px solid var(--starshift-hairline)"}
        self.panel = column(self._head, self._pane, sizing_mode="stretch_width", styles=line)

    def _button(self, icon: str, words: str, act: Callable[[], None]) -> pmui.IconButton:
        return pmui.IconButton(
            icon=icon, description=words, icon_size="18px", margin=(9, 0, 0, 0), width=34, on_click=lambda *_: act()
        )

    def _step(self, by: int) -> None:
        if self._shown is not None and self._shown[0] is not None:
            self._pick(self._shown[0] + by)

    def _pick(self, star: int | None) -> None:
        if self._on_pick is not None:
            self._on_pick(star)

    def _paint(self) -> None:
        self._draw()

    def show(
        self,
        star: int | None,
        state: str,
        sentence: str,
        measures: Sequence[tuple[str, str, str]],
        cutouts: Sequence[np.ndarray | None] = (),
        *,
        noise: float = 1.0,
        reference: int = 0,
        frame: int = 0,
        count: int = 1,
        limits: Mapping[str, Limits] | None = None,
        profile: Profile | None = None,
    ) -> None:
        """Fill the card.

        Parameters
        ----------
        star : int or None
            The star's id; None for a candidate, which has none.
        state : str
            "complete", "partial" or "lost"; of a candidate "rejected", "not in ref." or "not found".
        sentence : str
            What became of it, in words.
        measures : sequence of (str, str, str)
            Name, value and unit.
        cutouts : sequence of ndarray or None
            Small square pieces around it, one a frame, without their sky; None where it was not measured, without
            pixels where the frame's image is not at hand.
        noise : float
            Of a sky pixel, for the stretch of the cut-outs.
        reference, frame : int
            Numbers of the frames that are outlined.
        count : int
            How many stars there are.
        limits : mapping of str to Limits, optional
            Those of the knobs, by the names of measures.
        profile : Profile, optional
            The star's, in the frame.
        """
        pieces = tuple(cutouts), noise, reference, frame
        self._shown = (star, state, sentence, tuple(measures), pieces, limits or {}, profile)
        self._previous.disabled = star is None or star <= 0
        self._next.disabled = star is None or star >= count - 1
        self._draw()

    @property
    def words(self) -> str:
        """What stands on it, as HTML."""
        return f"{self._title.object if self._head.visible else ''} {self._pane.object}"

    def seen(self, star: int, frame: int) -> int:
        """How many cut-outs are on the card of this star of this frame; 0 where it shows another."""
        if self._shown is None:
            return 0
        pieces, *_, shown = self._shown[4]
        return seen_of(pieces) if (self._shown[0], shown) == (star, frame) else 0

    def clear(self, why: str = "") -> None:
        """Empty the card, and say why, where nobody asked for it."""
        self._shown, self._why = None, why
        self._draw()

    def _draw(self) -> None:
        colours = PALETTES[self._theme]
        self._head.visible = self._shown is not None
        if self._shown is None:
            look = f"padding:16px;color:{colours.second};font:14px/20px Roboto,sans-serif"
            words = f"{html.escape(self._why)} Click on a star to see what became of it.".strip()
            self._pane.object = f'<div style="{look}">{words}</div>'
            return
        star, state, sentence, measures, pieces, limits, profile = self._shown
        chip = (
            f'<span style="background:{colours.field};border-radius:12px;padding:2px 10px;font-size:13px">'
            f"{html.escape(state)}</span>"
        )
        name = "Candidate" if star is None else f"Star {star}"
        self._title.object = (
            f'<div style="display:flex;gap:10px;align-items:center;color:{colours.text};'
            f'font:14px/24px Roboto,sans-serif">{_rings(self._theme)}<b>{name}</b>{chip}</div>'
        )
        wrong = "".join(f"<div>{html.escape(one.words.capitalize())}.</div>" for one in limits.values() if one.words)
        self._pane.object = (
            f'<div style="padding:0 16px 4px;color:{colours.text};font:12px/16px Roboto,sans-serif">'
            f'<div style="color:{colours.second};margin:2px 0 8px">{html.escape(sentence)}{wrong}</div>'
            f"{cutout_strip(*pieces, colours)}"
            f'<div style="display:flex;gap:20px;margin-top:8px">{_plot(profile, colours)}'
            f"{_table([one for one in measures if profile is None or one[0] != 'fwhm'], limits, colours)}</div></div>"
        )


def _rings(theme: str) -> str:
    """The sign that the picture has at the star."""
    edge = f'<circle cx="9" cy="9" r="8.6" fill="{HALO}"/>'
    lines = f'<g stroke="{PICKED}" stroke-width="1.6"><circle cx="9" cy="9" r="7"/><circle cx="9" cy="9" r="3.4"/></g>'
    halo = edge if theme == "light" else ""
    return f'<svg width="18" height="18" fill="none" aria-hidden="true">{halo}{lines}</svg>'


def seen_of(cutouts: Sequence[np.ndarray | None]) -> int:
    """How many of a star's cut-outs have pixels."""
    return sum(one is not None and one.size > 0 for one in cutouts)


def cutout_strip(
    cutouts: Sequence[np.ndarray | None], noise: float, reference: int, frame: int, colours: Palette
) -> str:
    """Small pictures in rows, one a frame, as HTML; a cross where there is none, a dot where no image is at hand."""
    cells = []
    for k, cutout in enumerate(cutouts):
        if k % _A_ROW == 0:
            cells.append(f'<span style="color:{colours.second};line-height:28px">{k + 1}</span>')
        outline = REFERENCE if k == reference else colours.text if k == frame else "transparent"
        look = f"width:28px;height:28px;outline:2px solid {outline};outline-offset:1px;border-radius:2px;display:block"
        if cutout is None or not cutout.size:
            sign, colour, words = ("×", LOST, "") if cutout is None else ("·", colours.second, UNSEEN.format(k + 1))
            look += f";color:{colour};text-align:center;line-height:28px"
            cells.append(f'<span title="{words}" style="{look}">{sign}</span>')
        else:
            picture = png(shares(cutout, "asinh", LIMITS[0] * noise, _white(cutout, LIMITS[1] * noise)))
            cells.append(f'<img alt="frame {k + 1}" src="{picture}" style="{look};image-rendering:pixelated">')
    columns = f"22px repeat({_A_ROW},28px)"
    return f'<div style="display:grid;grid-template-columns:{columns};gap:3px 2px">{"".join(cells)}</div>'


def _white(cutout: np.ndarray, least: float) -> float:
    """What is drawn white: the star's own height, for a bright neighbour's would leave nothing of a faint star."""
    third = len(cutout) // 3
    core = cutout[third : len(cutout) - third, third : cutout.shape[1] - third]
    return float(np.max(core, where=np.isfinite(core), initial=least))


def _plot(profile: Profile | None, colours: Palette) -> str:
    """The star's pixels and a Gaussian of its width, ADU against distance, as a drawing."""
    if profile is None:
        return ""
    right, floor = float(np.ceil(profile.distance.max())), min(0.0, float(profile.value.min()))
    # A bright neighbour's pixels, farther out, would leave nothing of a faint star.
    core = profile.value[profile.distance <= 1.5 * profile.fwhm]
    top = 1.08 * max(float(core.max(initial=0.0)), profile.height, 1e-9)
    across, down = (_WIDTH - _LEFT - 4) / right, (_HEIGHT - _BOTTOM - 6) / (top - floor)

    def place(distance: float, value: float) -> tuple[float, float]:
        return _LEFT + distance * across, _HEIGHT - _BOTTOM - (value - floor) * down

    seen = profile.value <= top
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.2"/>'
        for x, y in map(place, profile.distance[seen], profile.value[seen])
    )
    along = np.linspace(0, right, 60)
    curve = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, along, profile.height * gaussian(along, profile.fwhm)))
    step = round_below(top / 2)
    levels = [step * k for k in range(int(top / step) + 1)]
    values = "".join(f'<text x="{_LEFT - 6}" y="{place(0, one)[1] + 4:.1f}">{one:g}</text>' for one in levels)
    grid = "".join(f'<path d="M{_LEFT} {place(0, one)[1]:.1f}H{_WIDTH}"/>' for one in levels)
    ends = "".join(
        f'<text x="{place(one, 0)[0]:.1f}" y="{_HEIGHT - 2}">{one}</text>' for one in range(0, int(right), 2)
    )
    x, y = place(profile.fwhm / 2, profile.height / 2)
    # Beside the curve, or above it at the edge where a wide star leaves no room there.
    label = (
        f'x="{x + 10:.1f}" y="{y:.1f}"' if x + _LABEL < _WIDTH else f'x="{_WIDTH}" y="{y - 8:.1f}" text-anchor="end"'
    )
    return (
        f'<div><div style="color:{colours.second}">Profile, ADU against px</div>'
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" style="font:11px Roboto,sans-serif;display:block" role="img" '
        f'aria-label="Profile, fwhm {profile.fwhm:.2f} px"><g stroke="{colours.grid}" fill="none">{grid}</g>'
        f'<g fill="{colours.second}"><g text-anchor="end">{values}</g><g text-anchor="middle">{ends}</g>{dots}</g>'
        f'<polyline points="{curve}" fill="none" stroke="{HALO}" stroke-width="3.2"/>'
        f'<polyline points="{curve}" fill="none" stroke="{PICKED}" stroke-width="1.6"/>'
        f'<text {label} fill="{colours.text}">fwhm {profile.fwhm:.2f}</text></svg></div>'
    )


def _table(measures: Sequence[tuple[str, str, str]], limits: Mapping[str, Limits], colours: Palette) -> str:
    """The measures, those with limits above the others."""
    rows = "".join(
        f'<span style="color:{colours.second}">{html.escape(name)}</span>'
        f'<span>{html.escape(value)} <span style="color:{colours.second}">{html.escape(unit)}</span></span>'
        f"{_bar(limits[name], colours) if name in limits else '<span></span>'}"
        for name, value, unit in sorted(measures, key=lambda measure: measure[0] not in limits)
    )
    grid = "display:grid;grid-template-columns:auto auto 44px;gap:0 8px;align-items:center;flex:1;align-content:start"
    title = f'<div style="color:{colours.second};grid-column:1/-1">Measures and limits</div>' if limits else ""
    return f'<div style="{grid};font-variant-numeric:tabular-nums">{title}{rows}</div>' if measures else ""


def _bar(limits: Limits, colours: Palette) -> str:
    """A measure as a dot on a line whose bright part lies between the knob's limits."""
    start, end, place = (2 + 40 * share for share in (limits.start, limits.end, limits.place))
    inside = PICKED if not limits.words else LOST
    return (
        f'<svg width="44" height="12" aria-hidden="true" stroke-width="2"><path d="M2 6H42" stroke="{colours.strong}"/>'
        f'<path d="M{start:.1f} 6H{end:.1f}" stroke="{colours.accent}"/>'
        f'<circle cx="{place:.1f}" cy="6" r="3.4" fill="{inside}" stroke="{HALO}" stroke-width="1"/></svg>'
    )


def png(brightness: np.ndarray) -> str:
    """A grey picture from values between 0 and 1 as a data address; NaN is black."""
    from PIL import Image as Picture

    grey = (255 * np.nan_to_num(np.clip(brightness, 0, 1))).astype(np.uint8)
    written = io.BytesIO()
    Picture.fromarray(grey).save(written, "png")
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()
