"""Photometry that is seen, as files for the visitor: a frame's table, and light curves."""

from __future__ import annotations

import logging
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.frame import FrameInfo
from pipeline.photometry import LightCurves, Photometry
from pipeline.read import stem
from ui.scene import Scene

if TYPE_CHECKING:
    from ui.courier import Courier
    from ui.session import Session
    from ui.worker import Worker

LOG = logging.getLogger("starshift")


class FluxFiles:
    """Writes what is seen of photometry and brings it to the visitor.

    Parameters
    ----------
    session : Session
        Where its files may lie until they are downloaded, and whose recipe stands in their headers.
    courier : Courier
        Brings them.
    worker : Worker
        Hands messages back to the page.
    tell : callable
        Called with a sentence, and whether something is wrong.
    """

    def __init__(self, session: Session, courier: Courier, worker: Worker, tell: Callable[[str, bool], None]) -> None:
        self._session, self._courier, self._worker, self._tell = session, courier, worker, tell

    def save(self, what: str, scene: Scene) -> None:
        """Save a frame's "table" (ECSV and FITS) or the "curves" (ECSV and AAVSO's extended format), in one zip."""
        photometry, curves, sequence = scene["psf_photometry"], scene["lightcurves"], scene["frames"]
        if sequence is None or (photometry if what == "table" else curves) is None:
            self._tell("There is no photometry to save: open the tab Fluxes and wait until it is made.", True)
            return
        light, recipe = sequence.frames[scene.frame], self._session.recipe.hash
        reference, folder = sequence.frames[sequence.reference].file, self._session.uploads
        files = [info.file for info in sequence.frames]
        job = {
            "table": lambda: write_table(folder, photometry, light, recipe, reference),
            "curves": lambda: write_curves(folder, curves, files),
        }[what]
        threading.Thread(target=self._write, args=(job,), name="flux files", daemon=True).start()

    def _write(self, job: Callable[[], Path]) -> None:
        try:
            path = job()
        except OSError as error:
            LOG.warning("%s", error)
            problem = f"The files could not be written ({error.strerror}): free some space, then save again."
            self._worker.hand_back(self._tell, problem, True)
            return
        self._worker.hand_back(self._courier.save_file, path)


def write_table(folder: Path, photometry: Photometry, light: FrameInfo, recipe: str, reference: str) -> Path:
    """Write one frame's photometry as ECSV and as FITS, both in a zip.

    Parameters
    ----------
    folder : Path
        Where to write.
    photometry : Photometry
        What was measured.
    light : FrameInfo
        The frame.
    recipe, reference : str
        For the header: the recipe's hash and the reference's file.
    """
    from pipeline import __version__, products_photometry
    from pipeline.products import header_of

    table = products_photometry.photometry_table(photometry, light.file, "" if light.time is None else light.time.isot)
    name = f"{stem(light.file)}.photometry"
    products_photometry.write_photometry(folder / f"{name}.ecsv", table)
    header = header_of(light, recipe, reference, f"Starshift {__version__}")
    growth = products_photometry.growth_table(photometry)
    products_photometry.write_photometry_fits(folder / f"{name}.fits", table, growth, header)
    return _packed(folder / f"{name}.zip", (f"{name}.ecsv", f"{name}.fits"))


def write_curves(folder: Path, curves: LightCurves, files: list[str]) -> Path:
    """Write light curves as ECSV and in AAVSO's extended format, both in a zip.

    Parameters
    ----------
    folder : Path
        Where to write.
    curves : LightCurves
        Those of all stars.
    files : list of str
        File of each frame of the sequence.
    """
    from pipeline.products_photometry import write_lightcurves

    names = write_lightcurves(folder, curves, [files[frame] for frame in curves.frame])
    return _packed(folder / "lightcurves.zip", names)


def _packed(path: Path, names: tuple[str, ...]) -> Path:
    """Put files into a zip beside them; they go."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            packed.write(path.parent / name, name)
            (path.parent / name).unlink()
    return path
