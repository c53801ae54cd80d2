"""What of the frames on screen can be saved at once: stars, tracks, fluxes, light curves."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.read import stem
from ui import series
from ui.courier import Courier
from ui.flux_files import FluxFiles
from ui.scene import Scene


def entries(courier: Courier, fluxes: FluxFiles, scene: Callable[[], Scene]) -> list[tuple[str, Callable[[], None]]]:
    """Entries of the menu: what is saved, and the function that saves it.

    Parameters
    ----------
    courier : Courier
        Brings the texts.
    fluxes : FluxFiles
        Writes photometry.
    scene : callable
        Gives what is on screen.
    """

    def stars() -> None:
        here = scene()
        if here["stars"] is not None:
            name = stem(here["frames"].frames[here.frame].file)
            courier.save(f"{name}.stars.csv", series.stars_text(here["stars"]))

    def tracks() -> None:
        found = scene()["tracks"]
        if found is not None:
            courier.save("tracks.csv", series.tracks_text(found))

    return [
        ("Stars of this frame (CSV)", stars),
        ("Tracks of all frames (CSV)", tracks),
        ("Fluxes of this frame (ECSV, FITS)", lambda: fluxes.save("table", scene())),
        ("Light curves (ECSV, AAVSO)", lambda: fluxes.save("curves", scene())),
    ]
