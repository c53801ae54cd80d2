"""A recipe is data: it is checked, it survives a round trip, and its errors name line, value and the nearest name."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import recipe as recipes
from pipeline.knob import LONGEST_SHOWN, KnobError, Point, Sides
from pipeline.recipe import Recipe, RecipeError
from pipeline.shapes import FARTHEST
from pipeline.stage import STAGES


def values(spec):
    knob = spec.knob
    low = knob.low if knob.low is not None else -1e6
    high = knob.high if knob.high is not None else 1e6
    number = st.floats(low, high, allow_nan=False).map(lambda value: value + 0.0)
    whole = st.integers(round(low), round(high)).filter(lambda value: not knob.odd or value % 2)
    word = st.text(st.characters(categories=("L", "N", "Zs"), include_characters="._-/"), max_size=12)
    kinds = {
        "float": number,
        "int": whole,
        "bool": st.booleans(),
        "str": word,
        "choice": st.sampled_from(spec.choices or ("",)),
        "range": st.tuples(number, number).map(lambda pair: tuple(sorted(pair))),
        "sides": st.tuples(number, number).map(lambda ends: Sides(*ends)),
        "words": st.dictionaries(word, word, max_size=3),
        "numbers": st.lists(number, max_size=3).map(tuple),
        "ids": st.lists(whole, max_size=3).map(tuple),
        "shapes": st.lists(SHAPES, max_size=3).map(tuple),
        "point": st.tuples(number, number).map(lambda ends: Point(*ends)),
        "points": st.dictionaries(word, st.tuples(number, number).map(lambda ends: Point(*ends)), max_size=2),
        "sizes": st.dictionaries(st.from_regex(knob.names, fullmatch=True) if knob.names else word, number, max_size=2),
        "region": st.sampled_from([*spec.choices, (0, 4, 10, 20)]),
        "ranges": st.dictionaries(word, st.tuples(number, number).map(lambda pair: tuple(sorted(pair))), max_size=2),
    }
    strategy = kinds[spec.kind]
    return st.none() | strategy if knob.none else strategy


PLACE = st.floats(-9e5, 9e5).map(lambda value: value + 0.0)
SIZE = st.floats(0.5, 9e3)
SHAPES = st.one_of(
    st.builds(
        lambda x, y, a, b: {"shape": "rectangle", "x0": x, "y0": y, "x1": x + a, "y1": y + b}, PLACE, PLACE, SIZE, SIZE
    ),
    st.builds(
        lambda x, y, a, b: {"shape": "ellipse", "x": x, "y": y, "a": a, "b": b, "theta": 0.0}, PLACE, PLACE, SIZE, SIZE
    ),
    st.lists(st.tuples(PLACE, PLACE), min_size=3, max_size=5).map(
        lambda points: {"shape": "polygon", "points": tuple(points)}
    ),
)


@st.composite
def any_recipe(draw):
    knobs = {}
    for name, stage in STAGES.items():
        knobs[name] = {knob: draw(values(spec)) for knob, spec in stage.knobs.items() if draw(st.booleans())}
    return Recipe(knobs)


@settings(max_examples=40, deadline=None)
@given(any_recipe())
def test_a_recipe_survives_its_file(recipe):
    back = recipes.loads(recipes.dumps(recipe))
    assert (back.knobs, back.hash) == (recipe.knobs, recipe.hash)


@pytest.mark.parametrize("name", ["default", *recipes.PRESETS])
def test_every_preset_loads(name):
    assert set(recipes.preset(name).knobs) == set(STAGES)


def test_the_classic_recipes_hold_the_notebooks_values():
    thresholds = {"classic-12800": (5, 2000, 3.5), "classic-6400": (6, 1200, 4), "classic-andromeda": (7, 600, 10)}
    for name, (fwhm, threshold, proximity) in thresholds.items():
        recipe = recipes.preset(name)
        assert recipe["candidates"]["fwhm"] == fwhm
        assert recipe["stars"]["threshold_adu"] == threshold
        assert recipe["tracks"]["proximity"] == proximity
        assert (recipe["normalize"]["red"], recipe["normalize"]["blue"]) == (1.6, 1.39)
        assert recipe["background"]["filter_size"] == 11
        assert recipe["offset_map"]["method"] == "quadrants"


def test_equal_knobs_make_one_recipe_however_they_are_written():
    assert recipes.loads("[stars]\nthreshold = 5").hash == recipes.loads("[stars]\nthreshold = 5.0").hash


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[stars]\nthreshold = 0", ["line 2", "stars.threshold = 0", "sigma"]),
        ("[stars]\nbrightest = 3\nthreshhold = 5", ["line 3", "threshhold", "did you mean threshold"]),
        ("format = 1\n\n[star]\n", ["line 3", "[star]", "did you mean stars"]),
        ("[stars]\nthreshold = true", ["line 2", "stars.threshold = True"]),
        ("[stars]\nthreshold = nan", ["line 2", "stars.threshold = nan"]),
        ("[stars]\nsharpness = [1.0, 0.1]", ["line 2", "low and high"]),
        ("[tracks]\nmethod = 'magic'", ["line 2", "predict", "previous"]),
        ("format = 2", ["line 1", "format 2", "reads 1"]),
        ("[stars\n", ["not TOML"]),
        ("stars = 3", ["line 1", "[stars]"]),
        ("[data]\nlights = 'here'", ["line 2", "data.lights", "list of paths"]),
        ("format = true", ["line 1", "format True"]),
        ("[stars]\nthreshold = " + "9" * 5001, ["night.toml"]),
        ("[selection.limits]\n" + ".".join("a" * 3000) + " = 1", ["night.toml"]),
        ("[data]\nlight = ['here']", ["line 2", "did you mean lights"]),
        ("[tracks]\nthreshold_x = 1\n[stars.threshold_x]\na = 1", ["line 2", "tracks.threshold_x"]),
        ("[stars]\n'bright ones' = 1", ["line 2", "stars.bright ones: no such knob"]),
        ("[stars.limits]\na = 1", ["line 1", "stars.limits: no such knob"]),
        ("# \u2028 a remark\n[stars]\nthreshold = 0", ["line 3"]),
        ("[stars]\nbrightest = 0x" + "f" * 5000, ["line 2", "stars.brightest = a value too large", "100000"]),
        ("format = 0x" + "f" * 5000, ["line 1", "a value too large", "reads 1"]),
        (
            "[psf_photometry]\napertures = [" + "1," * 101 + "]",
            ["line 2", "apertures = [1, 1", "\u2026", "at most 50"],
        ),
        ("[mask]\nshapes = [" + "{shape='rectangle',x0=0,y0=0,x1=5,y1=5}," * 501 + "]", ["line 2", "mask.shapes"]),
        ("[mask]\nshapes = [{shape='polygon',points=[" + "[1,2]," * 10001 + "]}]", ["line 2", "mask.shapes"]),
        ("[aligned]\ncrop = [0, 0, 1000001, 5]", ["line 2", "aligned.crop"]),
    ],
)
def test_an_error_names_the_line_and_what_would_be_right(text, parts):
    with pytest.raises(RecipeError) as caught:
        recipes.loads(text, name="night.toml")
    assert all(part in str(caught.value) for part in [*parts, "night.toml"]), str(caught.value)


LONG_NAME = "a." * 5000 + "a"


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG_NAME} = 1",
        f"[{LONG_NAME}]",
        LONG_NAME.replace("a", "'a'").replace(".", " . ") + " = 1",
        f'x = {{p = """\n""", {LONG_NAME} = 1, q = "x"}}',
        f'x = {{p = """a"""", {LONG_NAME} = 1, q = "x"}}',
        f"x = {{p = '''a''''', {LONG_NAME} = 1, q = 'x'}}",
    ],
    ids=[
        "name",
        "head",
        "quoted",
        "behind a text",
        "behind a text that ends in a quote",
        "behind one that ends in two",
    ],
)
def test_a_name_of_thousands_of_parts_is_never_read_part_by_part(text, monkeypatch):
    monkeypatch.setattr(recipes.tomllib, "loads", lambda text: pytest.fail("is read"))
    with pytest.raises(RecipeError, match="sections in sections"):
        recipes.loads(text)


def test_dots_in_texts_remarks_and_numbers_are_no_parts_of_a_name():
    name = "1.2.3." * 20 + "fits"
    recipe = recipes.loads(f"# {name}\n[selection.rejected]\n'{name}' = '{name}'\n[stars]\nsharpness = [0.25, 1.5]\n")
    assert recipe["selection"]["rejected"] == {name: name}
    assert recipes.with_option(Recipe(), f"frames.reference={name}")["frames"]["reference"] == name


# Each took from minutes to hours when the time grew with the square of the length.
LONG = 400_000
HOSTILE = {
    "a quote that never ends": 'x = "' + '\\"' * LONG,
    "a long text that never ends": 'x = """' + '\\"""' * (LONG // 2) + "\\",
    "single quotes": "x = '''" + "''\\" * (LONG // 3),
    "quotes": "\"'" * LONG,
    "a long name behind many lines": "[stars]\n" + "\n" * LONG + "k" * LONG + " = 1",
    "a long name in many heads": "[stars]\n" + "[[stars.a]]\n" * (LONG // 12) + "[tracks]\n" + "k" * LONG + " = 1",
    "a long section": "[" + "k" * 2 * LONG + "]",
    "a long entry of data": "[data]\n" + "k" * 2 * LONG + " = 1",
    "sections": "".join(f"[k{number}]\n" for number in range(LONG // 10)),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_as_large_as_a_recipe_can_be_is_refused_at_once_and_in_a_short_sentence(text):
    with pytest.raises(RecipeError) as caught:
        recipes.loads(text, name="night.toml")
    assert len(str(caught.value)) < LONGEST_SHOWN + 300


def test_what_belongs_to_files_is_taken_from_another_recipe_and_nothing_else_is():
    of_files = {(stage, knob) for stage, knobs in recipes.OF_FILES.items() for knob in knobs}
    named = ("str", "words", "points", "sizes", "ids")
    assert of_files == {
        (name, knob) for name, stage in STAGES.items() for knob, spec in stage.knobs.items() if spec.kind in named
    }
    tonight = {
        "frames": {"reference": "a.fits", "kinds": {"b.fits": "dark"}},
        "selection": {"rejected": {"c.fits": "cloud"}},
        "shifts": {"box_centers": {"n": (5, 6)}, "box_sizes": {"n": 40}, "pre_shift": {"a.fits": (1, 2)}},
        "psf_photometry": {"known": {"3 V": 9.5}, "comparison": [1, 4]},
    }
    night = Recipe({**tonight, "stars": {"threshold": 9}}, {"lights": ("here",)})
    assert night.with_files_of(Recipe()) == Recipe({"stars": {"threshold": 9}}, night.data)
    assert Recipe({"tracks": {"proximity": 3}}).with_files_of(night) == Recipe({**tonight, "tracks": {"proximity": 3}})


def test_nothing_lies_farther_out_than_a_rectangle_can_reach():
    shape = {"shape": "rectangle", "x0": 0, "y0": 0, "x1": FARTHEST, "y1": 5}
    recipe = Recipe({"mask": {"shapes": [shape]}, "aligned": {"crop": [0, 0, FARTHEST, 5]}})
    assert recipe["aligned"]["crop"][2] == recipe["mask"]["shapes"][0]["x1"]
    for stage, knobs in (
        ("mask", {"shapes": [{**shape, "x1": FARTHEST + 1}]}),
        ("aligned", {"crop": [0, 0, FARTHEST + 1, 5]}),
    ):
        with pytest.raises(KnobError, match="wants"):
            Recipe().with_knobs(stage, **knobs)


@pytest.mark.parametrize("value", ["{" * 5000, "{" + LONG_NAME + "=1}", "0x" + "f" * 19000, "1e99999"])
def test_an_option_of_any_size_and_depth_gets_a_sentence_as_its_answer(value):
    for place in ("selection.limits", "stars.brightest", "stars.threshold", "mask.shapes"):
        with pytest.raises(KnobError, match="wants") as caught:
            recipes.with_option(Recipe(), f"{place}={value}")
        assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("option", "stage", "knob", "value"),
    [
        ("stars.threshold=7", "stars", "threshold", 7.0),
        ("stars.threshold=auto", "stars", "threshold", None),
        ("stars.sharpness=0.2,0.9", "stars", "sharpness", (0.2, 0.9)),
        ("stars.sharpness=[0.2, 0.9]", "stars", "sharpness", (0.2, 0.9)),
        ("tracks.method = previous", "tracks", "method", "previous"),
        ("tracks.recover=false", "tracks", "recover", False),
        ("frames.reference=light 2.fits", "frames", "reference", "light 2.fits"),
        ("stars.brightest=100", "stars", "brightest", 100),
    ],
)
def test_an_option_sets_its_knob(option, stage, knob, value):
    assert recipes.with_option(Recipe(), option)[stage][knob] == value


@pytest.mark.parametrize(
    "option", ["stars", "stars.threshold", "star.threshold=5", "stars.thresh=5", "stars.threshold=x"]
)
def test_a_wrong_option_is_refused_with_a_reason(option):
    with pytest.raises(KnobError, match=r"wants|did you mean"):
        recipes.with_option(Recipe(), option)


def test_a_recipe_file_that_cannot_be_read_is_said_so(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        recipes.load(tmp_path / "none.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="UTF-8"):
        recipes.load(binary)


def test_a_recipe_saved_by_a_windows_editor_loads(tmp_path):
    path = tmp_path / "bom.toml"
    path.write_bytes(b"\xef\xbb\xbf[stars]\nthreshold = 7\n")
    assert recipes.load(path)["stars"]["threshold"] == 7.0


def test_what_is_no_file_is_never_read_as_a_recipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", "/dev/zero", tmp_path):
        with pytest.raises(RecipeError, match="no file"):
            recipes.load(path)


@pytest.mark.parametrize(
    ("stage", "knobs"), [("frames", {"reference": "\ud800"}), ("selection", {"rejected": {"a.fits": "\udcff"}})]
)
def test_what_no_file_could_hold_is_no_text(stage, knobs):
    with pytest.raises(KnobError, match="wants a t"):
        Recipe().with_knobs(stage, **knobs)


def test_sides_need_no_order():
    recipe = recipes.with_option(Recipe(), "stack.clip=4,2.5")
    assert recipe["stack"]["clip"] == (4.0, 2.5)
    assert recipes.loads(recipes.dumps(recipe)) == recipe
