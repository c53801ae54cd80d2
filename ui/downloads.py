"""What of the frames on screen can be saved at once: stars, tracks, fluxes, light curves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipeline.read import stem
from ui import series

if TYPE_CHECKING:
    from ui.courier import Courier
    from ui.flux_files import FluxFiles
    from ui.recipe_menu import Tell
    from ui.results import Results
    from ui.session import Session

#: What photometry's files are made of, the last to come last.
FLUXES = {"table": ("psf_photometry",), "curves": ("psf_photometry", "lightcurves")}
NOTHING_YET = "There is nothing to save yet: open frames, and wait until they are followed."
ON_ITS_WAY = "The stars are being measured; the file comes by itself."
LEFT = "Another frame is shown: choose the download again for its fluxes."


class Downloads:
    """Saves what is seen; photometry that nothing on screen shows is made first.

    Parameters
    ----------
    session : Session
        What is shown.
    courier : Courier
        Brings the texts.
    fluxes : FluxFiles
        Writes photometry.
    results : Results
        Has what is on screen, and is asked for what is missing.
    tell : callable
        Shows a sentence, and whether something is wrong.
    """

    def __init__(self, session: Session, courier: Courier, fluxes: FluxFiles, results: Results, tell: Tell) -> None:
        self._session, self._courier, self._fluxes = session, courier, fluxes
        self._results, self._tell = results, tell
        self._due = ""
        session.listen(self._changed)

    @property
    def entries(self) -> list[tuple[str, Callable[[], Any]]]:
        """Entries of the menu: what is saved, and the function that saves it."""
        return [
            ("Stars of this frame (CSV)", self._stars),
            ("Tracks of all frames (CSV)", self._tracks),
            ("Fluxes of this frame (ECSV, FITS)", lambda: self.ask("table")),
            ("Light curves (ECSV, AAVSO)", lambda: self.ask("curves")),
        ]

    @property
    def needs(self) -> tuple[str, ...]:
        """Results that a file waits for."""
        return FLUXES.get(self._due, ())

    def withdraw(self) -> None:
        """Wait for nothing any more."""
        self._due = ""

    def show(self, stage: str) -> None:
        """Save what waited for a result that is there now, or say why there is none."""
        if stage not in self.needs[-1:]:
            return
        due, self._due = self._due, ""
        scene = self._results.scene
        if scene[stage] is None:
            self._tell(self._results.why.get(stage, NOTHING_YET), True)
        else:
            self._fluxes.save(due, scene)

    def ask(self, what: str) -> None:
        """Have the "table" of fluxes or the "curves" of the recipe's own knobs made, and saved as soon as they are."""
        if self._session.night is None:
            self._tell(NOTHING_YET, True)
            return
        self._due = what
        if self._results.scene[self.needs[-1]] is None:
            self._tell(ON_ITS_WAY, False)
        # What is on screen may be of the knobs before the last turn.
        self._results.scene = self._results.scene.without(self.needs)
        self._results.ask()

    def _changed(self, names: frozenset[str]) -> None:
        if "frame" in names and "night" not in names and self._due == "table":
            self._tell(LEFT, True)
        if "night" in names or ("frame" in names and self._due == "table"):
            self.withdraw()

    def _stars(self) -> None:
        here = self._results.scene
        if here["stars"] is None or here["frames"] is None:
            self._tell(NOTHING_YET, True)
            return
        name = stem(here["frames"].frames[here.frame].file)
        self._courier.save(f"{name}.stars.csv", series.stars_text(here["stars"]))

    def _tracks(self) -> None:
        found = self._results.scene["tracks"]
        if found is None:
            self._tell(NOTHING_YET, True)
        else:
            self._courier.save("tracks.csv", series.tracks_text(found))
