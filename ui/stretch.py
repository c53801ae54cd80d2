"""How each kind of picture is drawn untouched: stretch, colours, unit; and the stretches themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bokeh.palettes import Cividis256, Greys256, Magma256, RdBu11, Viridis256, interp_palette

STRETCHES = {
    "asinh": "Asinh stretch",
    "log": "Logarithm",
    "linear": "Linear",
    "zscale": "Zscale",
    "percentiles": "Percentiles",
}
COLOURS = {"grey": "Grey", "viridis": "Viridis", "cividis": "Cividis", "magma": "Magma"}
LIMITS = (-2.0, 20.0)
SOFTENING = 0.42
PERCENTILES = (1.0, 99.5)
# Less than this is nothing.
_LEAST = 1e-9


@dataclass(frozen=True)
class View:
    """What a kind of picture looks like when nobody chose anything.

    Parameters
    ----------
    label : str
        Its name on the page.
    colours : str
        Name of its colour map; "grey" pictures follow the page's choice of stretch and colours.
    unit : str
        Unit of its values.
    from_zero : bool
        Whether the colours begin at zero.
    symmetric : bool
        Whether the colours reach equally far to both sides of zero.
    contours : bool
        Whether lines of equal value are drawn.
    even : bool
        A grey picture drawn evenly between its own low and high values: no sky's noise says what is dark in it.
    smooth : bool
        A picture of the sky without noise: between limits counted in that it would be one grey, so that its own low
        and high values are its limits until others are chosen.
    stars : bool
        Whether the frame's stars lie on it.
    home : bool
        Whether its pixels are those of the reference, where a frame's stars lie elsewhere.
    reach : float
        Of a symmetric picture: the colours reach so many times the spread of its values; 0 for the farthest of them.
    """

    label: str
    colours: str = "grey"
    unit: str = "ADU"
    from_zero: bool = False
    contours: bool = False
    symmetric: bool = False
    even: bool = False
    smooth: bool = False
    stars: bool = True
    home: bool = False
    reach: float = 0.0

    @property
    def sky(self) -> bool:
        """Whether limits are counted in the sky's noise, and the page's stretch and colours hold."""
        return self.colours == "grey" and not self.even

    @property
    def marked(self) -> bool:
        """Whether the frame's stars are marked on it: rings would hide a map, and lie elsewhere on another grid."""
        return self.sky and self.stars

    @property
    def is_map(self) -> bool:
        """Whether it is an offset map, its error, or a difference of two."""
        return self.unit == "px"


VIEWS = {
    "raw": View("Raw"),
    "calibrated": View("Calibrated"),
    "background": View("Background", smooth=True),
    "subtracted": View("Subtracted"),
    "normalized": View("Normalized"),
    "sum": View("Sum of all"),
    "master_bias": View("Master bias", even=True, stars=False),
    "master_dark": View("Master dark", even=True, stars=False),
    "master_flat": View("Master flat", unit="of its median", even=True, stars=False),
    "mask": View("Mask", unit="masked", even=True),
    "aligned": View("Aligned", stars=False, home=True),
    "difference": View("Difference", "difference", symmetric=True, stars=False, home=True, reach=8.0),
    "stack": View("Stack", stars=False, home=True),
    "stack_count": View("Frames stacked", "viridis", "frames", from_zero=True, stars=False, home=True),
    "stack_rejected": View("Values rejected", "magma", "frames", from_zero=True, stars=False, home=True),
    "x_offset": View("X offset", "viridis", "px", contours=True),
    "y_offset": View("Y offset", "viridis", "px", contours=True),
    "x_error": View("X error", "magma", "px", from_zero=True),
    "y_error": View("Y error", "magma", "px", from_zero=True),
    "x_difference": View("X difference", "difference", "px", symmetric=True),
    "y_difference": View("Y difference", "difference", "px", symmetric=True),
}


def limits_of(view: View, low: float, high: float) -> tuple[float, float]:
    """Values drawn with the first and the last colour, where the lowest and highest are known."""
    if view.symmetric:
        farthest = max(-low, high, _LEAST)
        return -farthest, farthest
    return (0.0 if view.from_zero else low), high


def palette(name: str) -> tuple[str, ...]:
    """256 colours as CSS text, dark to bright; "difference" is white in its middle.

    Parameters
    ----------
    name : str
        One of COLOURS, or "difference" (ColorBrewer's RdBu, from blue to red).
    """
    if name == "difference":
        half = len(RdBu11) // 2
        steps = [*RdBu11[:half], "#FFFFFF", *RdBu11[half + 1 :]]
        return tuple(interp_palette(steps, 256))
    return tuple({"grey": Greys256, "viridis": Viridis256, "cividis": Cividis256, "magma": Magma256}[name])


def shares(values: np.ndarray, stretch: str, low: float, high: float) -> np.ndarray:
    """Brightness from 0 to 1 of each value, as the browser computes it.

    Parameters
    ----------
    values : ndarray
        Pixel values.
    stretch : str
        One of STRETCHES.
    low, high : float
        Values that are drawn darkest and brightest.

    Returns
    -------
    ndarray of float
        NaN where a value is NaN. asinh(t / 0.42) / asinh(1 / 0.42) after Lupton et al. (1999), AJ 118, 1406.
    """
    t = np.clip((np.asarray(values, float) - low) / ((high - low) or 1.0), 0, 1)
    if stretch == "asinh":
        return np.arcsinh(t / SOFTENING) / np.arcsinh(1 / SOFTENING)
    if stretch == "log":
        return np.log1p(1000 * t) / np.log1p(1000)
    return t


def number(value: float, span: float = 0.0) -> str:
    """A value as written on the page: three significant digits of the span it lies in, a true minus sign.

    Where there is none, a dash.
    """
    if not np.isfinite(value):
        return "\u2013"
    scale = abs(span) or abs(value)
    if value == 0 or scale < 100 * _LEAST:
        return "0"
    decimals = int(np.clip(2 - np.floor(np.log10(scale)), 0, 6))
    rounded = round(value, decimals) + 0.0  # a rounded -0.0 becomes 0.0
    return f"{rounded:.{decimals}f}".replace("-", "−")
