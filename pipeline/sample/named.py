"""The samples that come with Starshift. Each has a story: something to find that the truth confirms."""

from __future__ import annotations

from pipeline.sample.detector import Detector
from pipeline.sample.spec import SampleSpec, SkyObject


def _drift() -> SampleSpec:
    """The app's default: an evening with a colour camera on a mount that is not quite aligned."""
    fades = tuple(1.0 - 0.62 * max(0.0, 1.0 - abs(i - 13) / 6.0) for i in range(24))
    return SampleSpec(
        name="drift",
        story=(
            "A colour camera on a mount that follows the sky almost. File by file the stars drift to the right and turn"
            " a little about the middle. Clouds come through in 009 and 010 and take most stars with them, a satellite"
            " crosses 006, and before 016 somebody kicks the tripod: everything jumps by a tenth of the field. Two"
            " exposures are missing before 020. Some 600 pixels shine in every frame and never move. One star fades to"
            " less than half and comes back (an eclipsing binary), and one faint point moves against all the others:"
            " an asteroid."
        ),
        frames=24,
        shape=(900, 1350),
        pattern="RGGB",
        format="dng",
        seed=20260117,
        stars=520,
        faintest=2_500.0,
        brightest=900_000.0,
        colour_spread=0.35,
        red=1.55,
        blue=1.32,
        objects=(
            SkyObject("variable", (0.57, 0.36), 150_000.0, brightness=fades),
            SkyObject("asteroid", (0.35, 0.58), 22_000.0, motion=(1.7, 0.9)),
        ),
        fwhm=4.6,
        seeing={3: 4.9, 4: 5.2, 11: 4.3, 21: 5.0, 22: 5.6},
        drift=(3.8, -1.9),
        wander=0.35,
        rotation=0.018,
        distortion=1.6,
        jumps={15: (-116.0, 56.0)},
        gaps={19: 2},
        clouds={8: 0.35, 9: 0.12},
        satellites=(5,),
        sky=700.0,
        sky_colour=(1.15, 1.0, 0.85),
        gradient=(0.18, -0.12),
        hot=600,
        black=512,
        exposure=60.0,
        interval=75.0,
    )


def _rotation() -> SampleSpec:
    return SampleSpec(
        name="rotation",
        story=(
            "A monochrome camera on an alt-azimuth mount: the field turns by a third of a degree a frame, and the"
            " optics bend it, so that the offsets are no plane. A polynomial of order 3 describes them to a few"
            " thousandths of a pixel; the weighted mean of four neighbours passes on each star's noise."
        ),
        frames=12,
        shape=(720, 960),
        seed=20260118,
        stars=400,
        faintest=2_500.0,
        fwhm=4.0,
        wander=0.4,
        rotation=0.33,
        distortion=4.0,
        drift=(0.6, 0.4),
        sky=300.0,
        gradient=(0.1, 0.2),
        hot=150,
        bits=16,
    )


def _codes() -> SampleSpec:
    """One object for each thing that can become of a star; see the labels."""
    return SampleSpec(
        name="codes",
        story=(
            "A test sky in which something happens to everyone. The field drifts to the right: 'leaves' goes out at"
            " the edge, 'masked' drifts into a block of dead pixels. 'dims' sinks through the threshold from 004"
            " to 007 and can still be measured, 'fades' is gone from 007 to 009. 'bright' flares in 008 and fills its"
            " pixels. 'overrun' gets a brighter visitor, 'intruder', that stops on it; 'left' and 'right' close in on"
            " each other until both claim one point of light. 'mover' runs away. In 010 a cloud takes all, in 011 the"
            " seeing melts the pair 'near' and 'far'. And three hot spots look like stars that never drift."
        ),
        frames=12,
        shape=(480, 640),
        seed=20260119,
        stars=90,
        separation=24.0,
        faintest=12_000.0,
        brightest=300_000.0,
        objects=(
            SkyObject("leaves", (0.97, 0.35), 60_000.0),
            SkyObject("masked", (0.40, 0.52), 60_000.0),
            SkyObject("dims", (0.20, 0.20), 40_000.0, brightness=(1.0,) * 3 + (0.08, 0.052, 0.041, 0.034, 1.0)),
            SkyObject("fades", (0.30, 0.75), 40_000.0, brightness=(1.0,) * 6 + (0.0,) * 3 + (1.0,)),
            SkyObject("bright", (0.60, 0.25), 60_000.0, brightness=(1.0,) * 7 + (150.0, 1.0)),
            SkyObject("overrun", (0.70, 0.70), 15_000.0),
            SkyObject("intruder", (0.70, 0.70), 200_000.0, beside=(-34.0, 0.0), motion=(3.0, 0.0)),
            SkyObject("left", (0.50, 0.85), 40_000.0, beside=(-8.0, 0.0), motion=(0.9, 0.0)),
            SkyObject("right", (0.50, 0.85), 40_000.0, beside=(8.0, 0.0), motion=(-0.9, 0.0)),
            SkyObject("mover", (0.15, 0.45), 50_000.0, motion=(1.5, 3.5)),
            SkyObject("near", (0.80, 0.45), 60_000.0, beside=(-4.0, 0.0)),
            SkyObject("far", (0.80, 0.45), 60_000.0, beside=(4.0, 0.0)),
        ),
        fwhm=3.4,
        seeing={10: 9.5},
        drift=(2.6, -0.4),
        rotation=0.01,
        clouds={9: 0.0},
        sky=300.0,
        hot=60,
        clusters=3,
        bad=((0.425, 0.46, 0.455, 0.56),),
        bits=-32,
        saturation=60_000,
    )


def _reduction() -> SampleSpec:
    """A session with its calibration frames: what each of them is good for can be seen."""
    return SampleSpec(
        name="reduction",
        story=(
            "An observatory's CCD, with the bias, dark and flat frames of the afternoon and eight lights of the"
            " evening. On the raw lights the corners are dark, three rings of dust lie over the stars, one column sees"
            " two fifths of the light, and the first columns shine. The bias level falls all the while, from 1060 ADU"
            " in the first bias to 976 in the last light, and only the overscan at the right tells. Three stars are"
            " equally bright in truth: one stands under dust at first, one in the middle, one in a corner. On the raw"
            " lights they differ by a quarter; with all the frames in use they agree to a hundredth."
        ),
        frames=8,
        shape=(300, 472),
        seed=20260123,
        stars=110,
        faintest=6_000.0,
        brightest=900_000.0,
        objects=(
            SkyObject("under dust", (0.254, 0.49), 120_000.0),
            SkyObject("in the middle", (0.53, 0.62), 120_000.0),
            SkyObject("in the corner", (0.07, 0.9), 120_000.0),
        ),
        fwhm=3.6,
        seeing={3: 3.9, 6: 4.2},
        drift=(2.7, -1.6),
        wander=0.4,
        rotation=0.02,
        sky=400.0,
        hot=130,
        gain=1.8,
        read_noise=9.0,
        bits=16,
        black=1_060,
        saturation=60_000,
        exposure=120.0,
        interval=140.0,
        detector=Detector(
            bias=9,
            dark=7,
            flat=7,
            dark_exposure=120.0,
            overscan=32,
            structure=8.0,
            drift=2.8,
            current=0.15,
            vignetting=0.3,
            response=0.01,
            dust=((0.273, 0.502, 11.0, 0.18), (0.752, 0.201, 11.0, 0.1), (0.569, 0.769, 11.0, 0.12)),
            columns=((0.706, 0.4),),
        ),
    )


def _survival() -> SampleSpec:
    return SampleSpec(
        name="survival",
        story=(
            "Forty frames that drift, turn and bend, with half as many hot pixels as stars and two frames in the"
            " clouds. How many of the stars that stay in the field are still followed at the end?"
        ),
        frames=40,
        shape=(800, 1200),
        seed=20260120,
        stars=600,
        faintest=3_000.0,
        fwhm=4.2,
        drift=(1.9, -1.1),
        wander=0.3,
        rotation=0.03,
        distortion=2.5,
        clouds={14: 0.3, 15: 0.08},
        sky=400.0,
        gradient=(0.15, 0.1),
        hot=300,
        bits=16,
    )


def _large() -> SampleSpec:
    return SampleSpec(
        name="large",
        story="Eight frames of 24 megapixels as a full-frame camera takes them, with 1,700 stars: the benchmarks' sky.",
        frames=8,
        shape=(4000, 6000),
        pattern="RGGB",
        format="dng",
        seed=20260121,
        stars=1_700,
        faintest=8_000.0,
        brightest=1_500_000.0,
        colour_spread=0.3,
        red=1.6,
        blue=1.39,
        fwhm=5.0,
        drift=(5.3, -3.1),
        wander=0.3,
        rotation=0.012,
        distortion=4.0,
        sky=800.0,
        sky_colour=(1.1, 1.0, 0.9),
        gradient=(0.2, 0.1),
        hot=1_000,
        black=512,
        exposure=120.0,
        interval=130.0,
    )


def _colours() -> SampleSpec:
    return SampleSpec(
        name="colours",
        story=(
            "A colour camera that sees red and blue weaker than green, by factors it does not tell. On the raw mosaic"
            " every star is a checkerboard; with the right two factors all of them become round. The sky has a colour"
            " of its own, so a grey sky is the wrong aim."
        ),
        frames=4,
        shape=(600, 800),
        pattern="RGGB",
        format="dng",
        seed=20260122,
        stars=320,
        separation=15.0,
        faintest=8_000.0,
        brightest=500_000.0,
        colour_spread=0.15,
        red=1.83,
        blue=1.27,
        fwhm=5.0,
        drift=(2.3, 1.4),
        sky=500.0,
        sky_colour=(1.35, 1.0, 0.7),
        gradient=(0.1, 0.0),
        black=256,
    )


SAMPLES: dict[str, SampleSpec] = {
    spec.name: spec for spec in (_drift(), _rotation(), _codes(), _reduction(), _survival(), _large(), _colours())
}
