"""The truth of a sample: where every star stands in every frame, how bright it is, how any pixel has moved."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from pipeline.frame import colour_planes

COLOUR_INDEX = {"red": 0, "green": 1, "blue": 2, "mono": 1}
TRUTH_FILE = "truth.npz"


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of a sample without looking at its pixels. Frame 0 is the reference.

    Parameters
    ----------
    name, story, pattern : str
        Of the sample.
    shape : tuple of int
        Rows and columns.
    x, y : ndarray of float64, shape (frames, stars)
        Positions, pixels, also outside the frame.
    flux : ndarray of float64, shape (frames, stars)
        Electrons under that frame's clouds, summed over pixels that all have green's response.
    colours : ndarray of float64, shape (stars, 3)
        Light of a star in red, green and blue, green = 1, before the camera weakens red and blue.
    factors : tuple of float
        The camera's hidden factors: red, blue.
    inside : ndarray of bool, shape (frames, stars)
        Whether the position lies on the frame.
    moving : ndarray of bool, shape (stars,)
        Objects that move against the stars.
    labels : dict of str to int
        Objects placed on purpose: label and column in the arrays.
    matrix : ndarray of float64, shape (frames, 2, 2)
        Rotation and scale from the reference, on undistorted coordinates about the frame's centre.
    displacement : ndarray of float64, shape (frames, 2)
        Displacement x, y from the reference, on the same coordinates.
    distortion : float
        Radial shift at the corner, pixels.
    fwhm, transparency : ndarray of float64, shape (frames,)
        Width of the stars, pixels; share of the light that came through.
    sky : ndarray of float64, shape (3,)
        Sky at the centre in red, green and blue as the camera sees it, electrons per pixel.
    gradient : tuple of float
        Relative rise of the sky over the width and the height.
    hot : ndarray of int64, shape (n,)
        Flat indices of the hot pixels, those of clusters too.
    hot_level : ndarray of float64, shape (n,)
        What they add, electrons.
    trails : ndarray of float64, shape (m, 6)
        Satellites: frame, x0, y0, x1, y1, electrons per pixel of length.
    gain, read_noise : float
        Electrons per ADU, electrons.
    pedestal : float
        Part of the background that comes from the camera, ADU.
    saturation : float
        Level at which a pixel is full, ADU above black.
    flat : ndarray of float32, shape (ny, nx)
        Part of the light that each pixel turns into electrons; of no pixel where all are alike.
    bias : ndarray of float32, shape (ny, nx)
        The bias over its level, ADU; of no pixel where it is even.
    bias_level : ndarray of float64, shape (frames,)
        That level, ADU as stored; empty where it is ``pedestal``.
    dark : float
        Electrons that gather without light in a usual pixel of a light.
    overscan : int
        Columns at the right that see no light.
    """

    name: str
    story: str
    pattern: str
    shape: tuple[int, int]
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    colours: np.ndarray
    factors: tuple[float, float]
    inside: np.ndarray
    moving: np.ndarray
    labels: dict[str, int]
    matrix: np.ndarray
    displacement: np.ndarray
    distortion: float
    fwhm: np.ndarray
    transparency: np.ndarray
    sky: np.ndarray
    gradient: tuple[float, float]
    hot: np.ndarray
    hot_level: np.ndarray
    trails: np.ndarray
    gain: float
    read_noise: float
    pedestal: float
    saturation: float
    flat: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    bias: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    bias_level: np.ndarray = field(default_factory=lambda: np.empty(0))
    dark: float = 0.0
    overscan: int = 0

    @property
    def hot_mask(self) -> np.ndarray:
        """True where a pixel is hot, shape (ny, nx)."""
        mask = np.zeros(self.shape, bool)
        mask.flat[self.hot] = True
        return mask

    def response(self) -> np.ndarray:
        """Electrons of each star per electron of its flux, in the camera's red, green and blue, shape (stars, 3)."""
        red, blue = self.factors
        return self.colours / (red, 1.0, blue)

    def offset_field(
        self, frame: int, x: np.ndarray, y: np.ndarray, reference: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """How far the sky seen at a pixel of one frame has moved from where the reference has it.

        Parameters
        ----------
        frame : int
            The frame in which the pixels lie.
        x, y : array_like of float64
            Pixels of that frame; any shapes that broadcast.
        reference : int
            The frame to compare with.

        Returns
        -------
        tuple of ndarray of float64
            Here minus reference in x and in y, pixels.
        """
        x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        there = self.to_frame(reference, *self.to_sky(frame, x, y))
        return x - there[0], y - there[1]

    def to_sky(self, frame: int, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Undistorted coordinates about the centre of frame 0 of what stands at (x, y) in a frame."""
        u, v = undistort(x, y, self.shape, self.distortion)
        u, v = u - self.displacement[frame, 0], v - self.displacement[frame, 1]
        inverse = np.linalg.inv(self.matrix[frame])
        return inverse[0, 0] * u + inverse[0, 1] * v, inverse[1, 0] * u + inverse[1, 1] * v

    def to_frame(self, frame: int, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixel of a frame at which the sky's (u, v) stands; the inverse of ``to_sky``."""
        matrix, (dx, dy) = self.matrix[frame], self.displacement[frame]
        return distort(
            matrix[0, 0] * u + matrix[0, 1] * v + dx,
            matrix[1, 0] * u + matrix[1, 1] * v + dy,
            self.shape,
            self.distortion,
        )

    def background(self, colour: str = "green") -> np.ndarray:
        """The sky in one colour at every pixel of any frame, ADU above black, float64, shape (ny, nx)."""
        level = self.sky[COLOUR_INDEX[colour]] / self.gain
        return level * slope(self.shape, self.gradient) + self.pedestal

    def nearest(self, frame: int = 0) -> np.ndarray:
        """Distance of each star to its nearest neighbour in a frame, pixels, shape (stars,)."""
        from scipy.spatial import cKDTree

        points = np.column_stack([self.x[frame], self.y[frame]])
        return cKDTree(points).query(points, k=2)[0][:, 1]

    def save(self, path: str | Path) -> None:
        """Write to an npz file without pickles."""
        record = {item.name: getattr(self, item.name) for item in fields(self)}
        labels = record.pop("labels")
        np.savez(
            path, label_names=np.array(list(labels), str), label_stars=np.array(list(labels.values()), int), **record
        )

    @classmethod
    def load(cls, path: str | Path) -> Truth:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            record = {name: stored[name] for name in stored.files}
        names, stars = record.pop("label_names"), record.pop("label_stars")
        for name, value in record.items():
            if name in ("factors", "gradient", "shape"):
                record[name] = tuple(value.tolist())
            elif value.ndim == 0:
                record[name] = value.item()
        return cls(labels=dict(zip(names.tolist(), stars.tolist(), strict=True)), **record)


def slope(shape: tuple[int, int], gradient: tuple[float, float]) -> np.ndarray:
    """Sky over its level at the centre: a plane, float64, shape (ny, nx)."""
    ny, nx = shape
    rise = gradient[0] * (np.arange(nx) / (nx - 1) - 0.5)
    return 1.0 + rise[None, :] + gradient[1] * (np.arange(ny) / (ny - 1) - 0.5)[:, None]


def distort(u: np.ndarray, v: np.ndarray, shape: tuple[int, int], amplitude: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixel of the undistorted point (u, v) about the centre: r' = r + amplitude (r / corner)^3."""
    xc, yc = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    stretch = 1.0 + amplitude * (u * u + v * v) / np.hypot(xc, yc) ** 3
    return xc + u * stretch, yc + v * stretch


def undistort(x: np.ndarray, y: np.ndarray, shape: tuple[int, int], amplitude: float) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of ``distort``: Newton's method on the radius, to rounding."""
    xc, yc = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    k = amplitude / np.hypot(xc, yc) ** 3
    u, v = np.asarray(x - xc), np.asarray(y - yc)
    seen = u * u + v * v
    # Solve s (1 + k seen s^2) = 1 for the shrinking factor s.
    shrink = np.ones_like(seen)
    for _ in range(8):
        cube = k * seen * shrink * shrink
        shrink = shrink - (shrink * (1.0 + cube) - 1.0) / (1.0 + 3.0 * cube)
    return u * shrink, v * shrink


def plane_colours(pattern: str) -> list[tuple[int, int, int, int]]:
    """First row, first column, step and colour's index of each colour plane."""
    step = 1 if pattern == "none" else 2
    return [(row, column, step, COLOUR_INDEX[name]) for name, row, column in colour_planes(pattern)]
