"""The command ``starshift``: run, info, stages, recipe, sample, app."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import __version__
from pipeline.frame import Failure, FrameError
from pipeline.knob import KnobError, nearest
from pipeline.stage import STAGES

if TYPE_CHECKING:
    from pipeline.graph.request import Ticket

DONE, LEFT_OUT, WRONG, INTERRUPTED = 0, 1, 2, 130
SIDES = (64, 12_000)
#: Spelt out, for to import the samples would slow every other command.
SAMPLES = "drift, rotation, codes, reduction, survival, large, colours"
CALIBRATION = ("bias", "dark", "flat")
LIGHTS = "files, folders or globs; a folder brings along those in it that are named after a kind, night or filter"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except KeyboardInterrupt:
        print("interrupted; what is whole stays, --resume goes on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; Python must not complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if options.debug:
            raise
        if _is_ours(error):
            print(error, file=sys.stderr)
            return WRONG
        fault = f"{type(error).__name__}: {error}".splitlines()[0]
        print(
            f"starshift: a fault of the program ({fault}): run it with --debug and report what it says", file=sys.stderr
        )
        return LEFT_OUT


def _is_ours(error: Exception) -> bool:
    from pipeline.recipe import RecipeError

    return isinstance(error, (FrameError, KnobError, RecipeError, OSError))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="starshift", description="From raw frames of a star field to offsets, maps, stacks and fluxes."
    )
    parser.add_argument("--version", action="version", version=f"Starshift {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="reduce a sequence of lights"))
    _add_info(commands.add_parser("info", help="what each file is"))
    stages = commands.add_parser("stages", help="stages and their knobs")
    stages.add_argument("stage", nargs="?", metavar="STAGE")
    stages.set_defaults(command=_stages)
    recipe = commands.add_parser("recipe", help="the default recipe, commented")
    recipe.add_argument("--preset", default="default", help="default, or one of the recipes that come with Starshift")
    recipe.add_argument("--out", type=Path, metavar="FILE")
    recipe.set_defaults(command=_recipe)
    _add_sample(commands.add_parser("sample", help="write a sample sequence with its truth"))
    app = commands.add_parser("app", help="open the page")
    app.add_argument("--data", type=Path, metavar="DIR")
    app.add_argument("--port", type=int, default=5006)
    app.set_defaults(command=_app)
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lights", nargs="*", metavar="LIGHTS", help=LIGHTS)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    for kind in CALIBRATION:
        what = f"{kind} frames: files, folders or globs; frames among LIGHTS are told apart by their headers and names"
        parser.add_argument(f"--{kind}", nargs="+", action="extend", default=[], metavar="P", help=what)
    recipe = parser.add_mutually_exclusive_group()
    recipe.add_argument("--recipe", type=Path, metavar="FILE")
    recipe.add_argument("--preset", metavar="NAME", help="a recipe that comes with Starshift")
    parser.add_argument("--set", action="append", default=[], metavar="STAGE.KNOB=VALUE", dest="options")
    parser.add_argument("--reference", metavar="FILE")
    parser.add_argument("--products", default="offsets,maps", help="a list of products, or all (default: offsets,maps)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes of a dask cluster on this machine")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a running dask scheduler")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with what the folder holds")
    again.add_argument("--overwrite", action="store_true", help="replace what an earlier run wrote")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(command=_run)


def _add_info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATHS")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(command=_info)


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="drift", metavar="NAME", help=f"one of {SAMPLES} (default: drift)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--frames", type=int)
    parser.add_argument("--size", metavar="WIDTHxHEIGHT")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--format", choices=("dng", "fits"))
    parser.set_defaults(command=_sample)


def _run(options: argparse.Namespace) -> int:
    from pipeline.graph import batch
    from pipeline.graph.output import OutputError, RunError
    from pipeline.graph.request import StaleError, Ticket
    from pipeline.graph.run import Graph

    recipe, lights, calibration = _recipe_of(options)
    wanted = _products(options.products)
    if options.workers is not None and not 1 <= options.workers <= 256:
        raise KnobError(f"--workers {options.workers}: wants a whole number from 1 to 256")
    night = Graph.open(lights, calibration=calibration)
    progress = None if options.quiet else _progress()
    ticket = Ticket()
    try:
        with _ended_by_signals(ticket):
            report = batch.run(
                night,
                recipe,
                options.out,
                wanted=wanted,
                workers=options.workers,
                scheduler=options.scheduler,
                resume=options.resume,
                overwrite=options.overwrite,
                progress=progress,
                ticket=ticket,
            )
    except StaleError:
        raise KeyboardInterrupt from None
    except RunError as error:
        print(error, file=sys.stderr)
        return WRONG
    except OutputError as error:
        print(error, file=sys.stderr)
        return LEFT_OUT
    return _tell(report, options)


@contextmanager
def _ended_by_signals(ticket: Ticket) -> Iterator[None]:
    """Let a first signal end the run between two steps, and a second one at once.

    An exception raised by a signal in the middle of a thread pool's own work would leave a thread that nobody ends.
    """

    def stop(*_: Any) -> None:
        if ticket.stale():
            os._exit(INTERRUPTED)
        ticket.cancel()

    # A job in the background of a shell has its interrupts ignored, and keeps it so.
    kinds = [kind for kind in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(kind) != signal.SIG_IGN]
    before = {kind: signal.signal(kind, stop) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _recipe_of(options: argparse.Namespace) -> tuple[Any, list[Path], dict[str, list[Path]]]:
    """The recipe as the options change it, the lights to run on, and the calibration frames by kind."""
    from pipeline import recipe as recipes

    if options.recipe is not None:
        recipe = recipes.load(options.recipe)
    else:
        recipe = recipes.preset(options.preset or "default")
    for option in options.options:
        recipe = recipes.with_option(recipe, option)
    lights = [Path(light) for light in options.lights]
    calibration = {kind: [Path(path) for path in getattr(options, kind)] for kind in CALIBRATION}
    if not lights and options.recipe is not None:
        lights = [options.recipe.parent / light for light in recipe.data.get("lights", ())]
        for kind, paths in calibration.items():
            calibration[kind] = paths or [options.recipe.parent / path for path in recipe.data.get(kind, ())]
    if options.reference is not None:
        recipe = recipe.with_knobs("frames", reference=options.reference)
        if Path(options.reference).is_file():
            lights.append(Path(options.reference))
    if not lights:
        raise KnobError("LIGHTS: none given: name the files or folders of the lights, before the options")
    return recipe, lights, calibration


def _products(text: str) -> tuple[str, ...]:
    from pipeline.products import PRODUCTS

    names = PRODUCTS if text == "all" else tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in PRODUCTS:
            raise KnobError(f"--products {name}: no such product{nearest(name, (*PRODUCTS, 'all'))}")
    if not names:
        raise KnobError("--products: none given: wants " + ", ".join((*PRODUCTS, "all")))
    return names


def _progress() -> Callable[[str, int, int], None]:
    """Progress on stderr: frames done and the time left."""
    start = time.monotonic()
    words = {"stars": "finding stars", "products": "writing products"}
    live = sys.stderr.isatty()

    def show(what: str, done: int, total: int) -> None:
        left = (time.monotonic() - start) / max(done, 1) * (total - done)
        text = (
            f"{words.get(what, what)}: {100 * done // max(total, 1)} %, step {done} of {total}, {_duration(left)} left"
        )
        print(f"\r{text:<78}" if live else text, end="" if live and done < total else "\n", file=sys.stderr, flush=True)

    return show


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _tell(report: dict[str, Any], options: argparse.Namespace) -> int:
    """Print what was done; the status tells whether something was left out."""
    lost = [frame for frame in report["frames"] if frame["state"] != "done"]
    for frame in (*lost, *report["left_out"]):
        print(_sentence(frame["file"], frame["reason"]), file=sys.stderr)
    for warning in report["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    if options.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        done = len(report["frames"]) - len(lost)
        print(f"{done} of {len(report['frames'])} frames done, reference {report['reference']}")
        print(f"{len(report['products'])} products in {options.out}")
    return LEFT_OUT if lost or report["left_out"] else DONE


def _sentence(file: str, reason: str) -> str:
    return reason if reason.startswith(file) else f"{file}: {reason}"


def _info(options: argparse.Namespace) -> int:
    from pipeline.graph.run import Graph

    night = Graph.open([Path(path) for path in options.paths])
    failed = [file for file in night.files if isinstance(file, Failure)]
    infos = [file for file in night.files if not isinstance(file, Failure)]
    rows = [_facts(info) for info in infos]
    if options.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        _print_table(rows)
    for file in failed:
        print(file.message, file=sys.stderr)
    return LEFT_OUT if failed else DONE


def _facts(info: Any) -> dict[str, Any]:
    return {
        "file": info.file,
        "kind": info.kind or "unknown",
        "size": f"{info.shape[1]} x {info.shape[0]}",
        "pattern": info.pattern,
        "exposure": info.exposure,
        "gain": info.gain if info.gain is not None else info.iso,
        "filter": info.filter,
        "binning": "" if info.binning is None else f"{info.binning[0]} x {info.binning[1]}",
        "night": info.night,
        "time": "" if info.time is None else info.time.isot,
        "told by": info.kind_reason,
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    names = list(rows[0])
    cells = [names, *(["" if row[name] is None else str(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    for line in cells:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _stages(options: argparse.Namespace) -> int:
    import pipeline.stages  # noqa: F401  (declares the stages)

    if options.stage is not None and options.stage not in STAGES:
        raise KnobError(f"{options.stage}: no such stage{nearest(options.stage, STAGES)}")
    for name, stage in STAGES.items():
        if options.stage not in (None, name):
            continue
        print(f"{name}\n    {stage.purpose}")
        for knob, spec in stage.knobs.items():
            default = spec.knob.none if spec.default is None else _plain(spec.default)
            print(f"    {knob} = {default}\n        {spec.knob.doc}; {spec.rule}")
    return DONE


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{item:g}" for item in value) or "[]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{}" if not value else str(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _recipe(options: argparse.Namespace) -> int:
    from pipeline import products, recipe

    text = recipe.dumps(recipe.preset(options.preset))
    if options.out is None:
        print(text, end="")
    else:
        products.write_text(options.out, text)
    return DONE


def _sample(options: argparse.Namespace) -> int:
    from pipeline import sample

    shape = None
    if options.size is not None:
        try:
            width, height = (int(side) for side in options.size.lower().split("x"))
        except ValueError:
            raise KnobError(f"--size {options.size}: wants WIDTHxHEIGHT in pixels, such as 900x600") from None
        if not (SIDES[0] <= width <= SIDES[1] and SIDES[0] <= height <= SIDES[1]):
            raise KnobError(f"--size {options.size}: wants sides from {SIDES[0]} to {SIDES[1]} pixels")
        shape = (height, width)
    if options.seed is not None and options.seed < 0:
        raise KnobError(f"--seed {options.seed}: wants a whole number of at least 0")
    try:
        spec = sample.named(options.name, options.frames, shape, options.seed, options.format)
    except ValueError as error:
        raise KnobError(f"sample {error}") from None
    written = sample.write(spec, options.out)
    print(f"{len(written)} files in {options.out}")
    return DONE


def _app(options: argparse.Namespace) -> int:
    app = Path(__file__).resolve().parent.parent / "app.py"
    command = [sys.executable, "-m", "panel", "serve", str(app), "--port", str(options.port), "--show"]
    if options.data is not None:
        command += ["--args", "--data", str(options.data)]
    os.execv(sys.executable, command)  # noqa: S606  (our own interpreter and file, no shell wanted)
