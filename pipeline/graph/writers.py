"""The products of a run: which results each is made of, for each frame or once, and in which files they are written."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import __version__, products, products_ccd
from pipeline.graph import photometry_writers, stack_writers
from pipeline.graph.output import Job

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from pipeline.frame import FrameInfo
    from pipeline.graph.run import Graph


MASTERS = ("master_bias", "master_dark", "master_flat")


@dataclass
class Work:
    """What a writer has at hand: the results of the run, and where its files go.

    Parameters
    ----------
    graph : Graph
        Makes the results.
    job : Job
        The run.
    frame : int or None
        Number of the frame; None for a product of the whole run.
    written : list of str
        Names of the files written, below the output folder.
    warnings : list of str
        What a user should know.
    """

    graph: Graph
    job: Job
    frame: int | None = None
    written: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def ask(self, stage: str, frame: int | None = None) -> Any:
        """A result of the run; of this frame when no other is named."""
        return self.graph.result(self.job.night, self.job.recipe, stage, self.frame if frame is None else frame)

    @property
    def light(self) -> FrameInfo:
        """The frame's facts."""
        return self.ask("frames").frames[self.frame]

    @property
    def stem(self) -> str:
        """What the names of this frame's products begin with."""
        return products.stems(self.ask("frames"))[self.frame]

    def header(self, of: FrameInfo | None = None) -> Header:
        """The cards of the light, or of another file, with what Starshift adds."""
        sequence = self.ask("frames")
        reference = sequence.frames[sequence.reference].file
        light = self.light if of is None else of
        return products.header_of(light, self.job.recipe.hash, reference, f"Starshift {__version__}")

    def write(self, name: str, writer: Callable[[Path], None]) -> None:
        """Have a file written, unless an earlier try of this run did that."""
        path = self.job.out / name
        if not (self.job.resume and path.exists()):
            writer(path)
        self.written.append(name)


@dataclass(frozen=True)
class Product:
    """How a product is written.

    Parameters
    ----------
    each : callable, optional
        Writes one frame's part of it.
    once : callable, optional
        Writes the whole run's part of it, after all frames.
    tracked : bool
        Whether it is made from the tracks, and so of the frames that they use.
    """

    each: Callable[[Work], None] | None = None
    once: Callable[[Work], None] | None = None
    tracked: bool = True


def _offset_table(work: Work) -> None:
    def write(path: Path) -> None:
        table = products.offset_table(work.ask("tracks"), work.ask("stars"), work.frame)
        products.write_offsets(path, table, work.header())

    work.write(f"{work.stem}.offsets_table.fits", write)


def _tables_of_the_run(work: Work) -> None:
    sequence, tracks = work.ask("frames"), work.ask("tracks")
    header = work.header(sequence.frames[sequence.reference])
    table = products.frame_table(sequence, work.ask("selection"), tracks)
    # They tell of all frames, so another try writes them anew.
    products.write_tracks(work.job.out / "tracks.fits", tracks, header)
    products.write_frames(work.job.out / "frames.ecsv", table)
    work.written += ["tracks.fits", "frames.ecsv"]


def _offset_map(work: Work) -> None:
    def write(path: Path) -> None:
        maps = work.ask("offset_map")
        work.warnings += [f"{work.light.file}: {warning}" for warning in maps.warnings]
        products.write_maps(path, maps, work.header())

    work.write(f"{work.stem}.offsets_map.fits", write)


def _masters(work: Work) -> None:
    infos = {info.path: info for info in work.ask("frames").calibration}
    for stage in MASTERS:
        made = work.ask(stage)
        masters = tuple(one for one in getattr(made, "masters", (made,)) if one.image is not None)
        for master, name in zip(masters, products_ccd.master_names(masters), strict=True):
            header = work.header(infos[master.path])
            work.write(name, functools.partial(products_ccd.write_master, master=master, header=header))


def _calibrated(work: Work) -> None:
    def write(path: Path) -> None:
        frame = work.ask("calibrated")
        work.warnings += frame.warnings
        products_ccd.write_calibrated(path, frame, work.header())

    work.write(f"{work.stem}.calibrated.fits", write)


#: By the product's name, in the order in which they are written.
WRITERS = {
    "offsets": Product(each=_offset_table, once=_tables_of_the_run),
    "maps": Product(each=_offset_map),
    "masters": Product(once=_masters, tracked=False),
    "calibrated": Product(each=_calibrated, tracked=False),
    "aligned": Product(each=stack_writers.aligned, once=stack_writers.blink),
    "sum": Product(each=stack_writers.spool_subtracted, once=stack_writers.total, tracked=False),
    "stack": Product(each=stack_writers.spool, once=stack_writers.stack),
    "photometry": Product(each=photometry_writers.fluxes, once=photometry_writers.light_curves),
}


def wanted(job: Job) -> list[Product]:
    """How a run's products are written, in WRITERS' order; a shift that no star was followed for needs no tracks."""
    made = [WRITERS[name] for name in WRITERS if name in job.products]
    free = job.recipe["shifts"]["method"] != "tracks" and job.recipe["aligned"]["model"] == "shift"
    by_shifts = (WRITERS["aligned"], WRITERS["stack"])
    return [replace(product, tracked=False) if free and product in by_shifts else product for product in made]
