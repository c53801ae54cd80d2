"""What the page copies runs elsewhere: a shell and a Python interpreter make the bytes of the page's own run."""

import os
import shutil
import subprocess
import sys
from math import inf
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import sample
from pipeline.graph import batch
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe, with_option
from pipeline.stage import STAGES
from ui.commands import command, option, quoted, script
from ui.session import Session

ROOT = Path(__file__).resolve().parent.parent
# What a shell, a glob, a pasted line, TOML and a Python string would each trip over.
HOSTILE = {
    "light_001.fits": "a 'quoted' $(touch owned) `touch owned`.fits",
    "light_002.fits": "-x; touch owned & [1]*?.fits",
    "light_003.fits": 'b"\\n"{#}\u00e9\u2028\x1b[201~\ntouch owned\n.fits',
    "light_004.fits": "\\$HOME~!.fits",
}
CHANGED = {
    "frames": {"order": "name", "reference": HOSTILE["light_002.fits"]},
    "stars": {"sharpness": (0.1234567890123, 0.95), "threshold": 7.1 + 1e-13},
    "tracks": {"recover": False},
    "selection": {
        "rejected": {HOSTILE["light_004.fits"]: 'it\'s "left out"; by hand'},
        "limits": {"fwhm": (0.5, inf)},
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("the night's $sky")
    sample.write_named("rotation", folder, frames=4, size=(240, 320))
    for name, hostile in HOSTILE.items():
        (folder / name).rename(folder / hostile)
    return folder


def opened(paths, root, recipe):
    session = Session(Graph(), root)
    session.open(Graph.open(paths, root), "night", recipe=recipe)
    return session


def run_by_page(session, out):
    batch.run(session.night, session.recipe, out)
    return contents(out)


def contents(out):
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.name != "report.json"}


def run_in_shell(line, place):
    assert "\n" not in line
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["bash", "-c", line], cwd=place, env=environment, check=False, capture_output=True, timeout=120)
    assert not (place / "owned").exists()
    return contents(place / "starshift-out")


def run_in_python(text, place):
    (place / "starshift_run.py").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "starshift_run.py"], cwd=place, env=environment, check=True, timeout=120)
    return contents(place / "starshift-out")


def same(one, other):
    return one.keys() == other.keys() and all(one[name] == other[name] for name in one)


def test_shell_line_and_script_make_the_bytes_of_the_pages_run_whatever_files_are_called(folder, tmp_path):
    session = opened([folder], folder, Recipe(CHANGED))
    assert session.night.files[0].file in HOSTILE.values()
    expected = run_by_page(session, tmp_path / "page")
    assert len(expected) > 6
    for name, run, text in (("shell", run_in_shell, command(session)), ("python", run_in_python, script(session))):
        (tmp_path / name).mkdir()
        made = run(text, tmp_path / name)
        assert expected.keys() == made.keys(), name
        assert [file for file in expected if expected[file] != made[file]] == [], name


def test_some_files_of_a_folder_are_named_one_by_one_and_a_whole_folder_by_itself(folder, tmp_path):
    files = sorted(folder.glob("*.fits"))
    assert command(opened([folder], folder, Recipe())).split(" --out ")[0] == f"starshift run {quoted(str(folder))}"
    part = opened(files[:3], folder, Recipe())
    line = command(part)
    assert all(quoted(str(path)) in line for path in files[:3])
    assert quoted(str(files[3])) not in line
    (tmp_path / "shell").mkdir()
    assert same(run_by_page(part, tmp_path / "page"), run_in_shell(line, tmp_path / "shell"))


def test_uploads_are_named_as_the_visitor_has_them(folder, tmp_path):
    session = Session(Graph(), tmp_path)
    for path in folder.glob("*.fits"):
        shutil.copy(path, session.uploads)
    session.open(Graph.open([session.uploads], session.uploads), "Uploaded frames")
    line = command(session)
    assert str(session.uploads) not in line
    expected = run_by_page(session, tmp_path / "page")
    place = tmp_path / "visitor"
    shutil.copytree(session.uploads, place)
    session.close()
    assert same(expected, run_in_shell(line, place))


@pytest.mark.parametrize("spec", [s for stage in STAGES.values() for s in stage.knobs.values()], ids=lambda s: s.name)
def test_every_knobs_default_goes_through_the_command_line_and_back(spec):
    given_options = option(spec, spec.default)
    assert given_options[0] == "--set"
    assert with_option(Recipe(), given_options[1]) == Recipe()


# A value of each kind that a knob can have.
TURNED = {
    "str": ("frames", "reference", "a 'b'.fits"),
    "choice": ("frames", "order", "name"),
    "words": ("frames", "kinds", {"a.fits": "dark"}),
    "float": ("stars", "threshold", 7.1 + 1e-13),
    "region": ("aligned", "crop", "3,4,60,70"),
    "bool": ("tracks", "recover", False),
    "shapes": ("mask", "shapes", [{"shape": "polygon", "points": [[1, 2], [30, 4.5], [5, 60]]}]),
    "int": ("background", "box_size", 64),
    "range": ("stars", "sharpness", (0.2, 0.9)),
    "ranges": ("selection", "limits", {"fwhm": (-inf, 4.2)}),
    "point": ("shifts", "box_center", (30.5, 40)),
    "points": ("shifts", "pre_shift", {"a.fits": (1.5, -2)}),
    "sizes": ("psf_photometry", "known", {"3": 11.25}),
    "sides": ("stack", "clip", (2, 3.5)),
    "numbers": ("psf_photometry", "apertures", (2.5, 6)),
    "ids": ("psf_photometry", "comparison", (3, 5)),
}


@pytest.mark.parametrize("kind", sorted({spec.kind for stage in STAGES.values() for spec in stage.knobs.values()}))
def test_a_turned_knob_of_every_kind_goes_through_the_script_and_the_command_line_and_back(kind, tmp_path):
    stage, knob, value = TURNED[kind]
    session = Session(Graph(), tmp_path)
    session.turn(stage, knob, value)
    names = {}
    exec(script(session).partition("# Headers are read")[0], names)
    assert names["RECIPE"] == session.recipe
    words = option(STAGES[stage].knobs[knob], session.recipe[stage][knob])
    assert with_option(Recipe(), words[1]) == session.recipe


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_files_left_out_by_hand_come_back_from_the_command_line_letter_by_letter(rejected):
    spec = STAGES["selection"].knobs["rejected"]
    recipe = with_option(Recipe(), option(spec, rejected)[1])
    assert dict(recipe["selection"]["rejected"]) == rejected


@settings(deadline=None, max_examples=30)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_shell_reads_a_quoted_word_back(word):
    line = f"printf %s {quoted(word)}"
    assert "\n" not in line
    assert "\x1b" not in line
    assert subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout == word.encode()


def test_a_name_that_is_no_text_is_spelt_byte_by_byte():
    assert quoted(os.fsdecode(b"sky\xff'.fits")) == r"$'sky\377\047.fits'"


def test_products_that_are_not_ticked_are_not_run(folder):
    session = opened([folder], folder, Recipe())
    assert "--products" not in command(session)
    assert command(session, ("maps",)).endswith("--products maps")
    assert "wanted=('maps',)" in script(session, ("maps",))
