"""Combining, aligning and stacking whole nights, beside ccdproc on the same files in the same run."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np

from benchmarks.samples import FOLDER
from benchmarks.table import Row, Timing, measured, seconds, within
from pipeline import sample

FRAMES, MANY, LIGHTS = 20, 100, 10
#: Shapes by size: rows and columns; 4000 x 6000 are 24 megapixels.
SHAPES = {"small": (1000, 1500), "full": (4000, 6000)}
MOST_MEMORY = 1.5e9
#: Keeps one process within its bounds, whatever the machine has.
CCDPROC_MEMORY = 2e9


def rows(options: argparse.Namespace) -> list[Row]:
    """Combining against ccdproc, memory, and a night from raw frames to its stack."""
    shape = SHAPES["full" if options.whole else "small"]
    size = f"{shape[0] * shape[1] / 1e6:g} megapixels"
    folder = FOLDER / f"ccd_{shape[0]}"
    files = _frames(folder / "frames", FRAMES, shape)
    made = _combining(files, size, options.whole)
    made += _memory(folder, shape, size)
    return made + _night(folder, shape, size)


def _frames(folder: Path, number: int, shape: tuple[int, int]) -> list[Path]:
    """Raw frames of noise with some far values, plain FITS of 16 bits; the first ones serve any number."""
    from astropy.io import fits

    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"frame_{i:03}.fits" for i in range(number)]
    for i, path in enumerate(files):
        if not path.is_file():
            rng = np.random.default_rng(i)
            image = rng.normal(1000, 20, shape)
            image.ravel()[rng.integers(0, image.size, image.size // 10_000)] += 20_000
            fits.PrimaryHDU(image.astype(np.uint16), fits.Header({"IMAGETYP": "Light Frame"})).writeto(path)
    return files


def ours(files: list[Path], how: str) -> np.ndarray:
    """Files combined by our kernel, read by bands."""
    from pipeline.kernels.combine import combined
    from pipeline.read import read_infos
    from pipeline.read.rows import RowReaders, opened

    with RowReaders.of_files(read_infos(files)) as readers:
        return combined(opened(readers)[0], how)[0]


def _theirs(files: list[Path], how: str) -> np.ndarray:
    import ccdproc

    clipping = {} if how == "median" else {
        "sigma_clip": True, "sigma_clip_low_thresh": 3, "sigma_clip_high_thresh": 3, "sigma_clip_func": np.ma.median,
    }  # fmt: skip
    method = "median" if how == "median" else "average"
    with warnings.catch_warnings(action="ignore"):
        stack = ccdproc.combine(
            [str(path) for path in files], method=method, unit="adu", mem_limit=CCDPROC_MEMORY, dtype=np.float32,
            **clipping,
        )  # fmt: skip
    return stack.data


def _combining(files: list[Path], size: str, whole: bool) -> list[Row]:
    ours(files[:2], "median")
    found: dict[str, np.ndarray] = {}

    def keep(name: str, image: np.ndarray) -> None:
        found[name] = image

    repeats = 1 if whole else 2
    mine = measured(lambda: keep("ours", ours(files, "median")), 3)
    other = measured(lambda: keep("theirs", _theirs(files, "median")), repeats)
    apart = float(np.abs(found["ours"] - found["theirs"]).max())
    ratio = other.wall / mine.wall
    title = f"{FRAMES} frames of {size}, from their files"
    print(f"  median: {mine}, ccdproc {other}", flush=True)
    made = [
        Row(
            f"median of {title}", "15 times ccdproc", str(mine), f"ccdproc {_brief(other)}: x {ratio:.0f}", ratio >= 15
        ),
        within("median: largest difference from ccdproc", 0, 1e-3, apart, "ADU"),
    ]
    for how in ("mean", "clipped", "winsorized"):
        made.append(Row(f"{how} of {title}", "", str(measured(lambda how=how: ours(files, how), 2))))
    return made


def _brief(timing: Timing) -> str:
    return seconds(timing.wall)


def peak_memory() -> int:
    """Bytes that this process has held at most; the kernel's other figure counts the process that started it too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


_COMBINE = """
import sys
from pathlib import Path
from benchmarks.ccd import ours, peak_memory
ours(sorted(Path(sys.argv[1]).glob("*.fits"))[: int(sys.argv[2])], "median")
print(peak_memory())
"""
_RUN = """
import sys
from benchmarks.ccd import peak_memory
from pipeline.cli import main
status = main(sys.argv[1:])
print(peak_memory(), flush=True)
sys.exit(status)
"""


def _child(program: str, *arguments: str) -> int:
    """Run a program in a process of its own; returns the memory that it held at most."""
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def _memory(folder: Path, shape: tuple[int, int], size: str) -> list[Row]:
    """Largest memory of a process that combines few and many frames; the many are the few by other names."""
    many = folder / "many"
    many.mkdir(exist_ok=True)
    for i in range(MANY):
        link = many / f"frame_{i:03}.fits"
        if not link.exists():
            link.hardlink_to(folder / "frames" / f"frame_{i % FRAMES:03}.fits")
    made = []
    for number, where in ((FRAMES, folder / "frames"), (MANY, many)):
        largest = _child(_COMBINE, str(where), str(number))
        made.append(
            Row(
                f"memory, median of {number} frames of {size}", f"{MOST_MEMORY / 1e9:g} GB", f"{largest / 1e9:.2f} GB",
                met=largest < MOST_MEMORY,
            )
        )  # fmt: skip
    shutil.rmtree(many)
    return made


def _night(folder: Path, shape: tuple[int, int], size: str) -> list[Row]:
    """Raw frames to aligned frames and their stack, by the command, in a process of its own."""
    lights = folder / "lights"
    if not (lights / sample.TRUTH_FILE).is_file():
        sample.write_named("drift", lights, frames=LIGHTS, size=shape)
    out = folder / "out"
    held = []

    def run() -> None:
        shutil.rmtree(out, ignore_errors=True)
        held.append(_child(_RUN, "run", str(lights), "--out", str(out), "--products", "aligned,stack", "--quiet"))

    timing = measured(run, 3)
    shutil.rmtree(out)
    # Only frames of 24 megapixels have a target.
    met = timing.wall <= 8 if shape == SHAPES["full"] else None
    siril = _siril(lights, folder / "siril")
    return [
        Row(
            f"{LIGHTS} raw frames of {size}, with the start of the command: aligned and stacked", "8 s",
            seconds(timing.wall), f"memory {max(held) / 1e9:.2f} GB; {siril}", met,
        )
    ]  # fmt: skip


#: What the Siril manual's own scripts do with raw lights of a colour camera: debayer, register, stack by median.
_SIRIL = """requires 1.0.0
cd {lights}
convert light -debayer -out={work}
cd {work}
register light
stack r_light med -nonorm -out=result
"""


def _siril(lights: Path, work: Path) -> str:
    """What Siril takes for the same frames, where it is installed."""
    program = shutil.which("siril-cli")
    if program is None:
        return "Siril is not installed"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    script = work / "night.ssf"
    script.write_text(_SIRIL.format(lights=lights.resolve(), work=work.resolve()), encoding="utf-8")
    timing = measured(lambda: subprocess.run([program, "-s", str(script)], capture_output=True, check=True), 1)
    made = any(work.glob("result.fit*"))
    shutil.rmtree(work)
    return f"Siril {_brief(timing)}" if made else "Siril made no stack"
