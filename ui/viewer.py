"""Stages, picture and player of a session: what the page and a notebook's panel have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import panel as pn
from bokeh.document import Document

from pipeline import cutouts, preview
from pipeline.frame import FrameError, Sequence
from pipeline.knob import KnobError
from pipeline.read import stem
from pipeline.stage import STAGES
from pipeline.tables import Tracks
from ui import marks
from ui.file_frame import as_left_out
from ui.knobs import histogram, measures
from ui.picking import Picking
from ui.picture import Picture
from ui.pictures import FOLLOWS, MADE_OF, PARTED, Pixels, frame_beside, prepare, stages_of
from ui.player import Player
from ui.region import Region, in_frame, in_reference, to_reference, transform_of
from ui.results import Results
from ui.scene import Scene
from ui.session import Session
from ui.stage_list import StageList
from ui.star_candidate import star_at
from ui.worker import Worker

# Stages whose picture is shown while their row is open.
REDUCED = ("master_bias", "master_dark", "master_flat", "calibrated", "aligned", "stack")
NOT_USED = "not used"
ALIGNED = "x and y as in the reference"
UNALIGNED = "drawn as it is: its stars were not found"
_NO_TAILS = (np.empty((0, 1)), np.empty((0, 1)), np.empty(0, int))


class Viewer:
    """The parts that show a session, drawn from it.

    Parameters
    ----------
    session : Session
        What is shown.
    document : Document or None
        Where it is shown; None in a notebook.
    theme : str
        "dark" or "light".
    names : iterable of str
        Stages that are listed and asked for.
    """

    def __init__(
        self, session: Session, document: Document | None, *, theme: str = "dark", names: Iterable[str] = tuple(STAGES)
    ) -> None:
        self.session, self.theme = session, theme
        self.worker = Worker(document)
        # A knob under the hand shows its value already; the list is told with the results.
        self._turning = False
        self._cuts_cleared = 0
        # The kind of picture that an open row brought, and the one before it.
        self._led, self._left = "", "subtracted"
        self._tailed: tuple[int, int, bool] | None = None
        self.picture = Picture(theme)
        self.picking = Picking(session, self.picture)
        self.picture.offer([kind for kind, made_of in MADE_OF.items() if FOLLOWS.get(made_of, made_of) in names])
        self.picture.on_pick(self.pick)
        self.picture.on_pick_home(self._pick_home)
        self.picture.on_kinds(self._choose_kinds)
        self.picture.on_region(self._drag_region)
        self.picture.on_frame(lambda frame: session.change(frame=frame))
        self.player = Player(0, lambda frame: session.change(frame=frame), channel=self.picture.channel, theme=theme)
        self.player.on_align(lambda aligned: session.change(aligned=aligned))
        self.stages = StageList(
            self._turn,
            names=tuple(names),
            channel=self.picture.channel,
            on_open=self._unfold,
            on_explain=self.explain,
            on_cancel=lambda name: self.cancel(),
            on_fold=self.fold,
            on_mend=self._mend,
        )
        self.results = Results(
            session,
            self.worker,
            self.stages,
            show=self._show,
            prepare=self._prepare,
            looked_at=self.looked_at,
            on_stopped=lambda stopped: self.picture.set_stopped(stopped),
            on_sum=lambda done, count: self.picture.set_progress("sum", f"{done} of {count} frames are added up."),
        )
        session.listen(self._changed)

    # What a page or a notebook adds

    def explain(self, name: str) -> None:
        """Show a stage's explanation."""

    def fold(self) -> None:
        """Fold the stages away."""

    def open_others(self) -> None:
        """Let the visitor open other frames."""

    def cancel(self) -> None:
        """Withdraw what is being made."""
        self.results.cancel()

    def show_side(self, scene: Scene, stage: str) -> None:
        """Show a new result beside the picture."""

    def looked_at(self) -> set[str]:
        """Stages that something beside the pictures shows."""
        return {self.stages.open, *stages_of(self.picture.swiped)}

    # What the visitor does

    def _unfold(self, name: str) -> None:
        opened = "" if self.stages.open == name else name
        self.stages.unfold(opened)
        self._show_made(opened)
        self.results.ask()

    def _show_made(self, stage: str) -> None:
        """Show what an open stage of the reduction makes, and what was seen before when another is opened."""
        first = self.picture.kinds[0]
        sequence = self.results.scene["frames"]
        given = set() if sequence is None else {f"master_{info.kind}" for info in sequence.calibration}
        if stage in REDUCED and (stage in given or not stage.startswith("master")):
            if first != self._led:
                self._left = first
            self._led = stage
            self.picture.choose(stage)
        elif self._led and first == self._led:
            self._led = ""
            self.picture.choose(self._left)

    def _turn(self, stage: str, knob: str, value: Any, live: bool, *since: Any) -> None:
        self._turning = True
        try:
            if since:
                self.session.gather(stage, knob, *since)
            self.session.turn(stage, knob, value, live)
            if not live and preview.STAGE in self.looked_at():
                # The stack waits until the hand lets go, also where that changes nothing.
                self.results.ask()
        except KnobError as error:
            place, _, rule = str(error).partition(": ")
            self.stages.fail(stage, FrameError(place, rule, "The knob keeps its value"))
        finally:
            self._turning = False

    def _mend(self, stage: str) -> None:
        """Take the next step for a stage that failed: its knobs back, else other frames."""
        changed = self.session.recipe.changed().get(stage, {})
        if changed:
            usual = {name: STAGES[stage].knobs[name].default for name in changed}
            self.session.use(self.session.recipe.with_knobs(stage, **usual))
        else:
            self.open_others()

    def pick(self, star: int | None, place: tuple[float, float] | None = None) -> None:
        """Pick a star that is clicked on in the picture, or a candidate at a place of it; None of both lets go."""
        self.picking.pick(self.results.scene, star, place)

    def _pick_home(self, x: float, y: float, reach: float) -> None:
        tracks = self.results.scene["tracks"]
        self.pick(None if tracks is None else star_at(tracks, (x, y), reach))

    def _choose_kinds(self, kinds: tuple[str, ...]) -> None:
        swiped = self.picture.swiped
        if swiped and kinds == self.session.kinds:
            # Nothing but what stands left of the line may be new.
            self.results.again(stages_of(swiped))
            self.results.ask()
        self.session.change(kinds=tuple(kinds))

    def _drag_region(self, box: Region | None) -> None:
        """Keep a region that was dragged on the picture as it lies in the reference."""
        if box is not None and not self.session.aligned and not self.picture.dragged_home:
            box = in_reference(box, self.results.scene["tracks"], self.session.frame)
        self.session.change(region=box)

    def close(self) -> None:
        """End what belongs to this visitor."""
        self.worker.close()
        self.results.close()
        self.session.close()

    # What is drawn from the session

    def _changed(self, names: frozenset[str]) -> None:
        session = self.session
        if "night" in names:
            self.player.stop()
        elif "frame" in names:
            session.placed = True
        if "frame" in names:
            self.results.again(tuple(set(PARTED) & set(stages_of(session.kinds))))
        with pn.io.hold():
            if "recipe" in names and not self._turning:
                self.stages.show(session.recipe, None)
            if "frame" in names:
                self.player.frame = session.frame
                self._show_facts(self.results.scene["frames"])
                self.show_side(self.results.scene, "frame")
            if names & {"picked", "candidate"}:
                self.picking.changed(self.results.scene)
                self.show_side(self.results.scene, "picked")
            if names & {"region", "night"}:
                self._show_region(self.results.scene)
                self.show_side(self.results.scene, "region")
            if "aligned" in names:
                self.player.aligned = session.aligned
                self._align(self.results.scene)
                self._show_marks(self.results.scene, old=False)
                self._show_region(self.results.scene)
        if "kinds" in names:
            self.results.again(stages_of(session.kinds))
            self.show_side(self.results.scene, "kinds")
        seen = self.looked_at()
        follows = {"region"} if preview.STAGE in seen else set()
        follows |= {"picked"} if cutouts.STAGE in seen else set()
        if names & ({"night", "recipe", "frame", "kinds"} | follows):
            self.results.ask()

    def _prepare(self, scene: Scene, stage: str) -> list[Pixels]:
        return prepare(scene, stage, dict.fromkeys((*self.session.kinds, *self.picture.swiped)))

    def _show(self, scene: Scene, arrived: Mapping[str, list[Pixels] | None], making: str) -> None:
        if "frames" in arrived and self._go_home(scene["frames"]):
            return
        with pn.io.hold():
            self._align(scene)
            for stage, pixels in arrived.items():
                self._show_pictures(scene, stage, pixels)
                self._show_summary(scene, stage)
            if arrived.keys() & {"frames", "selection", "tracks"}:
                self._show_sequence(scene)
            if "tracks" in arrived:
                self.picking.follow(scene)
                for stage in stages_of(self.picture.kinds):
                    if scene[stage] is None and stage in self.results.why:
                        # Now it is known which frame has what this one has not.
                        self._show_pictures(scene, stage, None)
            if "stars" in arrived or "tracks" in arrived:
                self._show_marks(scene, old=making == "tracks")
                self._show_region(scene)
            if "offset_map" in arrived and scene["offset_map"] is not None and scene["tracks"] is not None:
                self.picture.set_map_facts(*marks.map_facts(scene["offset_map"]))
                self.picture.set_map_stars(*marks.map_stars(scene["offset_map"], scene["tracks"], scene.frame))
            for stage in arrived:
                # What shows stars shows tracks too, and need not be drawn twice.
                if stage != "stars" or "tracks" not in arrived:
                    self.show_side(scene, stage)
            if not making:
                self.player.tell_shown(scene.frame)

    def _go_home(self, sequence: Sequence | None) -> bool:
        """Show the reference first where nobody chose a frame: the first one may be a map, or of a closed shutter."""
        if self.session.placed or sequence is None:
            return False
        self.session.placed = True
        if sequence.reference == self.session.frame:
            return False
        # What is there of the other frame is not shown.
        self.results.forget()
        self.session.change(frame=sequence.reference)
        return True

    def _show_pictures(self, scene: Scene, stage: str, pixels: list[Pixels] | None) -> None:
        for one in pixels or ():
            if one.pyramid is None:
                self.picture.forget(one.kind, one.why, one.elsewhere)
            else:
                self.picture.show_pyramid(one.kind, one.pyramid, one.key)
        if pixels is None:
            for kind in (kind for kind, made_of in MADE_OF.items() if made_of == stage):
                tracks = scene["tracks"] if scene.unused else None
                elsewhere = None if tracks is None else frame_beside(tracks.used, scene.frame)
                self.picture.forget(kind, as_left_out(self.results.why.get(stage, "")), elsewhere)

    def _show_sequence(self, scene: Scene) -> None:
        sequence = scene["frames"]
        if sequence is None:
            # Nothing of other files stays on screen.
            self.player.set_frames([], 0)
            self.player.set_facts()
            return
        labels = [info.file for info in sequence.frames]
        told = [scene[stage].reason for stage in ("tracks", "selection") if scene[stage] is not None]
        why = next((reason for reason in told if len(reason) == len(labels)), sequence.unusable)
        self.player.set_frames(labels, sequence.reference, [i for i, reason in enumerate(why) if reason])
        self._show_facts(sequence)

    def _show_facts(self, sequence: Sequence | None) -> None:
        if sequence is not None and self.session.frame < len(sequence.frames):
            info = sequence.frames[self.session.frame]
            time = "" if info.time is None else f"{info.time.strftime('%H:%M:%S')} UT"
            self.picture.set_caption(f"frame {self.session.frame + 1}", time)
            exposure = "" if info.exposure is None else f"{info.exposure:g}\u2009s"
            self.player.set_facts(stem(info.file), info.filter, time, exposure)

    def _show_marks(self, scene: Scene, *, old: bool) -> None:
        stars, tracks = scene["stars"], scene["tracks"]
        if stars is None:
            self.picture.set_markers({"x": np.empty(0), "y": np.empty(0)})
            self.picture.set_tracks(*_NO_TAILS)
            self.picture.set_picked(None)
            self._tailed = None
            return
        self.picture.set_markers(self._placed(marks.markers(stars, tracks, scene.frame, old=old), tracks, scene.frame))
        if not self.session.live:
            self._clear_cut(stars.threshold)
        hints = {"rejected": marks.why_rejected(marks.judged(stars, tracks, scene.frame))}
        if tracks is not None:
            hints["lost"] = marks.why_marked_lost(tracks, scene.frame)
            if self._tailed != (id(tracks), scene.frame, self.session.aligned):
                self._tailed = (id(tracks), scene.frame, self.session.aligned)
                # Where frames are aligned a star stays at its place, and leaves no tail.
                self.picture.set_tracks(*(_NO_TAILS if self.session.aligned else marks.tails(tracks, scene.frame)))
        self.picture.set_hints(hints)
        self.picking.ring(scene)

    def _clear_cut(self, threshold: float) -> None:
        # The server's markers are up to date: the browser need not cut them. The number makes equal data an event.
        self._cuts_cleared += 1
        none = dict.fromkeys(("threshold", "sharpness", "roundness"))
        bounds = {name: list(self.session.recipe["stars"][name]) for name in ("sharpness", "roundness")}
        cut = {**none, "resolved": threshold, "bounds": bounds, "sequence": self._cuts_cleared}
        self.picture.knobs.data = {"cut": [cut]}

    def _placed(self, columns: dict[str, np.ndarray], tracks: Tracks | None, frame: int) -> dict[str, np.ndarray]:
        """Markers where their stars are drawn."""
        if self.session.aligned and tracks is not None:
            columns["x"], columns["y"] = to_reference(tracks, frame, columns["x"], columns["y"])
        return columns

    def _align(self, scene: Scene) -> None:
        """Have frames drawn where their stars are in the reference, where that is wanted and known."""
        tracks = scene["tracks"] if self.session.aligned else None
        transform = transform_of(tracks, scene.frame)
        note = NOT_USED if scene.unused else ""
        if tracks is not None:
            # The reference lies as it is: its places are its own.
            note = UNALIGNED if transform is None else ALIGNED if scene.frame != tracks.reference else ""
        self.player.note = note
        self.picture.align(transform, () if transform is None else tracks.shape)

    def _show_region(self, scene: Scene) -> None:
        home = region = self.session.region
        if region is not None and not self.session.aligned:
            region = in_frame(region, scene["tracks"], scene.frame)
        self.picture.set_region(region, home)

    def _show_summary(self, scene: Scene, stage: str) -> None:
        if stage not in STAGES:
            return
        panel = self.stages.panel(stage)
        panel.summary = marks.summary(stage, scene[stage])
        if stage == "stars":
            stars = scene[stage]
            counted = {} if stars is None else measures(STAGES[stage])
            panel.histograms = {
                name: histogram(STAGES[stage].knobs[name], marks.measured(stars, measure))
                for name, measure in counted.items()
            }
