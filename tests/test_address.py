"""An address brings back what was seen; one that comes from anywhere opens nothing outside the data root."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.knob import LONGEST_SHOWN
from pipeline.recipe import Recipe
from pipeline.stage import STAGES
from ui.address import Address, place_seen
from ui.address_text import LONGEST, TABS, AddressError, Place, address_of, place_of
from ui.colours import STATES
from ui.look import ARROWS, TRACKS, Look
from ui.open_dialog import SAMPLES
from ui.picture import Picture
from ui.pictures import MADE_OF
from ui.session import Session
from ui.stretch import COLOURS, STRETCHES


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data root beside a folder that nobody may open, with links to it in the root."""
    base = tmp_path_factory.mktemp("address")
    for folder in ("root/night 1/#&=?", "outside"):
        (base / folder).mkdir(parents=True)
    (base / "outside" / "light.fits").write_bytes(b"x")
    (base / "root" / "link").symlink_to(base / "outside")
    (base / "root" / "circle").symlink_to(base / "root" / "circle")
    (base / "root" / "file.fits").write_bytes(b"x")
    return base / "root"


WRONG_LOOKS = [
    *("stretch=", "stretch=asinh,log", "colours=" + "rainbow" * 2000, "colours=<script>", "tracks=yes", "arrows=up"),
    *("invert=1", "aligned=true", "aligned=" + "y" * 9000, "states=", "states=complete,,lost", "states=below," * 900),
    *(
        f"limits={text}"
        for text in ("", "1", "5,1", "1,1", "nan,5", "-inf,inf", "0,1e9", "1,2,3", "a,b", "9" * 9000 + ",1")
    ),
    *(
        f"region={text}"
        for text in ("0,1,2", "0,nan,0,5", "0,inf,0,5", "9,1,0,5", "0,5,5,5", "0,1,0,1e300", "[0,1,0,1]")
    ),
]
WRONG_KNOBS = [
    *(f"stars.threshold={text}" for text in ("nan", "inf", "-1", "true", "[" * 9000, "9" * 9000, "")),
    *(f"stars.sharpness={text}" for text in ("1,0", "nan,1", "1", "a,b")),
    *("stars.threshhold=5", "stars.=5", ".=1", "__class__.__init__=1", "selection.rejected=[]"),
    *("frames.kinds=__import__('os')", "s" * 9000 + ".threshold=5", "mask.shapes=" + "[{" * 5000),
]
WRONG_VIEWS = [
    *(f"frame={text}" for text in ("0", "-1", "1.5", "\u0663", "9" * 11, "9" * 9000)),
    *(f"pictures={text}" for text in ("", "subtracted,raw,raw", "x_difference", "raw," * 2500)),
    *(f"zoom={text}" for text in ("1,2", "nan,nan,nan", "0,0,0", "1e999,0,5")),
    *(f"candidate={text}" for text in ("1", "1,2,3", "inf,5", "a,b", "9" * 9000 + ",1")),
    *("stage=<script>alert(1)</script>", "tab=javascript:alert(1)", "n" * 9000 + "=1", "star=x", "nothing=1", "="),
]
REFUSED = [
    *("sample=../drift", "sample=", "stars", "&&", "a=1&" * 500, "%ff=%ff", "x" * 9000, "x" * (LONGEST + 1)),
]
pixels = st.integers(-99, 99_999).map(lambda tenths: tenths / 10)
looks = st.builds(
    Look,
    stretch=st.sampled_from(list(STRETCHES)),
    colours=st.sampled_from(list(COLOURS)),
    invert=st.booleans(),
    tracks=st.sampled_from(TRACKS),
    aligned=st.booleans(),
    region=st.none()
    | st.tuples(st.sets(pixels, min_size=2, max_size=2), st.sets(pixels, min_size=2, max_size=2)).map(
        lambda ends: (*sorted(ends[0]), *sorted(ends[1]))
    ),
    arrows=st.sampled_from(ARROWS),
)
places = st.builds(
    Place,
    sample=st.sampled_from(list(SAMPLES)),
    frame=st.none() | st.integers(0, 999),
    star=st.none() | st.integers(0, 99_999),
    candidate=st.none() | st.tuples(pixels, pixels),
    recipe=st.builds(
        lambda threshold, low, names: Recipe(
            {"stars": {"threshold": threshold, "sharpness": (low, 1.5)}, "selection": {"rejected": names}}
        ),
        st.none() | st.floats(0.5, 1000),
        st.floats(0, 1),
        st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.text(max_size=9), max_size=3
        ),
    ),
    kinds=st.sampled_from([1, 2, 4]).flatmap(lambda n: st.tuples(*[st.sampled_from(list(MADE_OF))] * n)),
    stage=st.sampled_from(["", *STAGES]),
    tab=st.sampled_from(TABS),
    look=looks,
)


@settings(deadline=None, max_examples=60)
@given(places)
def test_an_address_brings_back_the_place_it_was_made_from(place):
    text = address_of(place)
    assert text.isascii()
    assert not set(text) & set(" \"'<>#\\^`{|}\n")
    assert place_of(text, Path("/")) == (place, [])


def test_what_nobody_changed_needs_no_words():
    assert address_of(Place()) == ""
    assert place_of("", Path("/")) == (Place(), [])


def test_a_folder_below_the_root_comes_back_whatever_it_is_called(root):
    for folder in (".", "night 1", "night 1/#&=?"):
        place = Place(sample="", folder=folder)
        assert place_of(address_of(place), root) == (place, [])


def test_uploads_leave_only_knobs_and_view_in_the_address():
    look = Look(colours="magma", region=(1.0, 9.0, 1.0, 9.0))
    place = Place(sample="", frame=3, star=7, tab="Map", recipe=Recipe({"stars": {"threshold": 9.0}}), look=look)
    assert address_of(place) == "tab=Map&colours=magma&stars.threshold=9.0"


@settings(deadline=None, max_examples=60)
@given(st.sets(pixels, min_size=2, max_size=2), st.sets(st.sampled_from(STATES)))
def test_what_the_browser_writes_of_limits_and_states_is_read(ends, states):
    limits, states = tuple(sorted(ends)), tuple(one for one in STATES if one in states)
    # As address.js writes them.
    text = f"limits={','.join(f'{one:.1f}' for one in limits)}&states={','.join(states) or 'none'}"
    assert place_of(text, Path("/")) == (Place(look=Look(limits=limits, states=states)), [])


def test_what_an_address_leaves_out_is_what_a_page_opens_with(graph, tmp_path):
    session, usual = Session(graph, tmp_path), Look()
    assert Picture().look == usual
    assert (session.aligned, session.region, session.arrows) == (usual.aligned, usual.region, usual.arrows)


def test_a_look_that_is_asked_for_again_reaches_the_browser_again():
    picture = Picture()
    look = Look(stretch="log", colours="magma", invert=True, tracks="all")
    heard = []
    picture.look_asked.on_change("data", lambda attribute, old, new: heard.append(new["look"][0]["limits"]))
    for asked in (replace(look, limits=(1.0, 5.0)), look, look):
        picture.take_look(asked)
        assert picture.look == look
    assert heard == [[1.0, 5.0], None, None]


def test_a_recipe_too_long_for_an_address_is_left_out_of_it():
    many = {f"light_{i:05d}.fits": "clouds" for i in range(2000)}
    text = address_of(Place(frame=2, recipe=Recipe({"selection": {"rejected": many}})))
    assert text == "frame=3"


@pytest.mark.parametrize(
    "folder",
    ["..", "../outside", "/etc", "%2e%2e/outside", "%2E%2E%2Foutside", "night%201/../../outside", "link", "circle",
     "%252e%252e", "..%5Coutside", "a%00b", "%00", "a" * 5000, "file.fits", "nothing", "~root", "%c0%ae%c0%ae/outside",
     "\uff0e\uff0e/outside"],
)  # fmt: skip
def test_no_address_leads_out_of_the_data_root(root, folder):
    with pytest.raises(AddressError):
        place_of(f"folder={folder}", root)


@pytest.mark.parametrize(
    "text",
    REFUSED,
    ids=lambda text: text[:30],
)
def test_an_address_that_asks_for_what_cannot_be_is_refused_in_one_short_sentence(root, text):
    with pytest.raises(AddressError) as refused:
        place_of(text, root)
    assert 0 < len(str(refused.value)) <= LONGEST_SHOWN + 300


@pytest.mark.parametrize("text", [*WRONG_KNOBS, *WRONG_LOOKS, *WRONG_VIEWS], ids=lambda text: text[:30])
def test_what_cannot_be_is_left_out_and_named_and_all_else_is_shown(root, text):
    arrived = []
    rest = "folder=night%201&frame=3&tracks.proximity=7&states=complete"
    Address(root, lambda *found: arrived.append(found))._handle_msg({"text": f"{text}&{rest}"})
    ((place, why),) = arrived
    assert place == place_of(rest, root)[0]
    assert place.recipe.changed() == {"tracks": {"proximity": 7.0}}
    assert text.partition("=")[0][:LONGEST_SHOWN] in why
    assert why.startswith("The address asks for something that cannot be had")
    assert len(why) <= 2 * LONGEST_SHOWN + 300


def test_a_misspelt_entry_is_told_the_nearest(root):
    for text, word in (
        ("stars.threshhold=5", "threshold"), ("star.threshold=5", "stars"), ("colours=virids", "viridis")
    ):  # fmt: skip
        assert place_of(text, root)[1][0].endswith(f"did you mean {word}")


def test_of_several_wrong_entries_the_first_is_named(root):
    arrived = []
    Address(root, lambda *found: arrived.append(found))._handle_msg(
        {"text": "&".join([*WRONG_KNOBS[:2], WRONG_LOOKS[0]])}
    )
    assert "for 3 things that cannot be had: the first is stars.threshold = nan: wants" in arrived[0][1]


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=200) | st.text("abcdefrs.=&%,0123456789/[]{}\"'", max_size=200))
def test_any_text_is_a_place_or_is_refused(text):
    try:
        place, _ = place_of(text, Path("/nowhere"))
    except AddressError:
        return
    assert isinstance(place, Place)


@pytest.mark.parametrize(
    "message", [None, 3, [], {}, {"text": None}, {"text": 7}, {"long": 10**6}, {"text": "folder=.."}]
)
def test_whatever_the_browser_sends_the_page_opens_with_its_defaults_and_says_why(root, message):
    arrived = []
    address = Address(root, lambda place, why: arrived.append((place, why)))
    address._handle_msg(message)
    assert arrived[0][0] == Place()
    assert "cannot be shown" in arrived[0][1]


def test_links_that_stay_below_the_root_are_followed(root):
    os.symlink(root / "night 1", root / "tonight")
    assert place_of("folder=tonight", root)[0].folder == "night 1"


@pytest.mark.parametrize(
    ("placed", "reference", "named"), [(False, None, None), (True, None, 2), (True, 2, None), (True, 0, 2)]
)
def test_the_frame_is_named_that_somebody_chose_and_that_is_not_the_reference(
    graph, tmp_path, placed, reference, named
):
    session = Session(graph, tmp_path)
    session.frame, session.placed = 2, placed
    sequence = None if reference is None else SimpleNamespace(reference=reference)
    assert place_seen(Place(), session, Picture(), sequence).frame == named
