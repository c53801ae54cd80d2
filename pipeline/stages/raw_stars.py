"""The bright stars of frames as read: whether they leave their places, and how sharp they can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline.frame import Frame
from pipeline.stages.first_look import first_look, first_sky

if TYPE_CHECKING:
    from pipeline.kernels.bright import BrightStars

#: Stars that tell how a frame lies, at least, and the neighbours that tell it of a place.
LEAST_STARS = 8
#: A well-sampled star's peak is at most 1.8 times its highest neighbour (fwhm 2.2 pixels, centred on the pixel).
CONTRAST = 2.5


class StarMotion:
    """Where in the field the bright stars of a sample's first clear frame left their pixels in the others."""

    def __init__(self, samples: Sequence[Frame]) -> None:
        from pipeline.kernels.bright import bright_stars

        self.places, self.left = np.empty((0, 2)), np.zeros(0, bool)
        first, heights, light = None, [], []
        for frame in samples:
            picture, noise, size = _picture(frame)
            stars = bright_stars(picture, noise)
            if first is None and stars.x.size >= LEAST_STARS:
                first = stars
                reach = int(np.ceil(max(1.5, 1.5 * float(np.median(stars.fwhm)))))
            if first is not None:
                heights.append(stars.peak)
                light.append(_light(picture, first, reach))
        if first is None:
            return
        # A frame that shows far fewer stars is clouded; a star that is faint or missing there has not moved.
        clear = [k for k in range(1, len(light)) if heights[k].size >= max(LEAST_STARS, heights[0].size / 2)]
        if len(clear) < 2:
            return
        away = np.zeros(first.x.size, int)
        for k in clear:
            number = min(heights[k].size, heights[0].size)
            clearness = np.median(heights[k][:number]) / np.median(heights[0][:number])
            away += ~(light[k] > 0.5 * min(clearness, 1.0) * light[0])
        self.left = away >= max(2, len(clear) / 3)
        self.places = np.column_stack([first.x, first.y]) * size + (size - 1) / 2

    @property
    def any(self) -> bool:
        """Whether at least half of the field's stars left their places."""
        return bool(self.left.size and self.left.mean() >= 0.5)

    def at(self, indices: np.ndarray, nx: int) -> np.ndarray:
        """For each pixel, whether most of the eight nearest bright stars left their places."""
        from scipy.spatial import cKDTree

        places = np.column_stack([indices % nx, indices // nx])
        near = cKDTree(self.places).query(places, k=LEAST_STARS)[1]
        return self.left[near].mean(axis=1) > 0.5


def _picture(frame: Frame) -> tuple[np.ndarray, float, int]:
    """A frame without its sky, binned by 2 where it is a mosaic; its noise, and the bin's size."""
    if frame.pattern == "none":
        look = first_look(frame)
        return look.image, float(np.sqrt(np.mean(look.noise**2))), 1
    from pipeline.kernels.bright import binned_frame
    from pipeline.kernels.spline import subtract_surface
    from pipeline.stages.background import colour_numbers

    sky, numbers = first_sky(frame), colour_numbers(frame.pattern).ravel()
    mesh = np.stack(list(sky.mesh.values()))[numbers].mean(axis=0, dtype=np.float64)
    noise = np.array([np.median(one) for one in sky.noise.values()])[numbers]
    image = subtract_surface(
        binned_frame(frame.pixels, frame.mask),
        None,
        np.full((2, 2), frame.black.mean(), np.float32),
        mesh[None],
        np.zeros((2, 2), np.uint8),
        np.ones((2, 2), np.float32),
        np.full((2, 2), -np.inf, np.float32),
        sky.box_size // 2,
    )
    return image, float(np.sqrt(np.mean(noise**2))) / 2, 2


def _light(picture: np.ndarray, stars: BrightStars, reach: int) -> np.ndarray:
    """Sum of the pixels within ``reach`` of each star's place, bad ones left out."""
    grid = np.arange(-reach, reach + 1)
    row = np.clip(np.rint(stars.y).astype(int)[:, None, None] + grid[:, None], 0, picture.shape[0] - 1)
    column = np.clip(np.rint(stars.x).astype(int)[:, None, None] + grid, 0, picture.shape[1] - 1)
    return np.nansum(picture[row, column], axis=(1, 2), dtype=np.float64)


def star_contrast(frame: Frame) -> tuple[float, dict[str, float]]:
    """How much a star of this frame can stand above its highest neighbour, with a margin, and the colours' factors."""
    from pipeline.kernels.bright import bright_stars
    from pipeline.stages.normalize import colour_factors

    factors = colour_factors(frame, first_sky(frame))
    look = first_look(frame, **factors)
    stars = bright_stars(look.image, float(look.noise.max()))
    if stars.x.size < LEAST_STARS:
        return CONTRAST, factors
    return max(CONTRAST, 1.3 * float(np.percentile(stars.contrast, 98))), factors
