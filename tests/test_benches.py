"""Each lesson's live panel answers: a knob is turned in it, and what the stage makes is another thing then."""

import dataclasses
import hashlib
import time
from collections.abc import Mapping

import numpy as np
import pytest
from astropy.io import fits

from pipeline import sample
from pipeline.stage import STAGES
from ui import bench
from ui.knobs import drawn
from ui.order import ORDER

# In a panel nothing else runs; a stage that is not done by then does not answer.
SECONDS = 60


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A small sequence with bias, dark and flat frames beside it, which some stages need."""
    folder = tmp_path_factory.mktemp("night")
    sample.write_named("rotation", folder, frames=4, size=(240, 320))
    (folder / "truth.npz").unlink()
    light = fits.getheader(folder / "light_001.fits")
    shape = fits.getdata(folder / "light_001.fits").shape
    random = np.random.default_rng(3)
    y, x = np.indices(shape)
    kinds = {
        "Bias Frame": (0.0, np.full(shape, 100.0)),
        "Dark Frame": (float(light["EXPTIME"]), np.full(shape, 103.0)),
        "Flat Field": (2.0, 100 + 20_000 * (1 - 1e-6 * ((x - shape[1] / 2) ** 2 + (y - shape[0] / 2) ** 2))),
    }
    for kind, (exposure, level) in kinds.items():
        for number in range(3):
            pixels = np.clip(random.normal(level, 3 + 0.1 * number), 0, 60_000).astype(np.uint16)
            # Something for the ways to combine to differ in.
            pixels[5 + number, 7] = 50_000
            hdu = fits.PrimaryHDU(pixels)
            hdu.header.update({"IMAGETYP": kind, "EXPTIME": exposure, "FILTER": light.get("FILTER", "")})
            hdu.writeto(folder / f"{kind.split()[0].lower()}_{number}.fits")
    return folder


@pytest.fixture
def opened(night, monkeypatch):
    """The panel of a lesson on that night."""
    made = []

    class Watched(bench.Bench):
        def __init__(self, session, name):
            super().__init__(session, name)
            made.append(self)

    monkeypatch.setattr(bench, "Bench", Watched)
    monkeypatch.setattr(bench, "sample_folder", lambda name: night)
    monkeypatch.setattr("panel.io.push_notebook", lambda *panels: None)

    def show(name):
        bench.stage_panel(name, sample="rotation")
        return made[-1]

    yield show
    for one in made:
        one.close()


def digest(value, hashed=None):
    """What a result holds, whatever it is made of."""
    hashed = hashlib.blake2b() if hashed is None else hashed
    if isinstance(value, np.ndarray):
        hashed.update(repr((value.shape, value.dtype)).encode() + np.ascontiguousarray(value).tobytes())
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            digest(getattr(value, field.name), hashed)
    elif isinstance(value, Mapping):
        for key in value:
            hashed.update(repr(key).encode())
            digest(value[key], hashed)
    elif isinstance(value, (list, tuple)):
        for one in value:
            digest(one, hashed)
    else:
        hashed.update(repr(value).encode())
    return hashed.hexdigest()


def others(spec):
    """Values of a knob that are not its default."""
    if spec.kind == "bool":
        return [not spec.default]
    if spec.kind == "choice":
        return [word for word in spec.choices if word != spec.default]
    if spec.kind == "range":
        low, high = spec.default or (spec.knob.low or 0.0, spec.knob.high or 1.0)
        return [[low + 0.4 * (high - low), high]]
    if spec.kind not in ("float", "int"):
        return []
    low = spec.knob.low if spec.knob.low is not None else 1
    high = spec.knob.high if spec.knob.high is not None else low + 100
    number = spec.default or low
    odd = 2 if spec.knob.odd else 1
    near = [number + odd, number - odd] if spec.kind == "int" else [1.5 * number, 0.6 * number]
    tried = [*near, low, high if high < 1e4 else low + 4 * odd]
    return [value for value in tried if low <= value <= high and value != spec.default]


def shown(panel, name):
    """The key and the result of a stage in a panel; a stage that has no view of its own is asked for."""
    session = panel.session
    if name in ORDER:
        return panel.results.scene.keys.get(name), panel.results.scene[name]
    key = session.graph.key(session.night, session.recipe, name, session.frame)
    return key, session.graph.result(session.night, session.recipe, name, session.frame)


def settled(panel, name, before):
    """The result after a turn, or None where the stage could not make one."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and panel.stages.state(name).state != "failed":
        key, result = shown(panel, name)
        if key not in (before, None, ""):
            return result
        if name not in ORDER:
            return None
        time.sleep(0.01)
    return None


def turns(panel, name):
    """Knobs to try: the stage's own first, then those of the stages before it, nearest first."""
    for stage in (name, *reversed([one for one in panel.stages.names if one != name])):
        for spec in STAGES[stage].knobs.values():
            if not drawn(spec).hidden:
                yield from ((stage, spec.name, value) for value in others(spec))


def test_the_lesson_of_maps_opens_on_a_frame_that_has_one(opened):
    panel = opened("offset_map")
    maps = panel.results.scene["offset_map"]
    assert panel.session.frame == panel.player.frame == 3
    assert np.ptp(maps.x) > 0.1
    note = panel.picture._notes[0]
    assert (note.state, note.detail) == ("", "")
    assert panel.picture.cuts[0].data["values"]


@pytest.mark.parametrize("name", STAGES)
def test_a_knob_turned_in_a_lessons_panel_changes_what_its_stage_makes(opened, name):
    panel = opened(name)
    key, before = shown(panel, name)
    assert before is not None, panel.stages.state(name)
    known = digest(before)
    for stage, knob, value in turns(panel, name):
        panel.stages.panel(stage)._handle_msg({"knob": knob, "value": value, "live": False})
        after = settled(panel, name, key)
        if after is not None and digest(after) != known:
            assert panel.session.recipe[stage][knob] != STAGES[stage].knobs[knob].default
            return
        panel.session.undo()
        if after is not None:
            settled(panel, name, shown(panel, name)[0])
    pytest.fail("no knob of this panel changes its result")
