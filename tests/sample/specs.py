"""Small skies that the tests of the samples share."""

from dataclasses import replace

from pipeline.sample import SampleSpec, SkyObject

LONE = SampleSpec(
    name="lone",
    frames=3,
    shape=(64, 96),
    stars=0,
    objects=(SkyObject("star", (0.37, 0.61), 50_000.0),),
    fwhm=3.7,
    drift=(2.31, -1.17),
    clouds={2: 0.4},
)
BENT = SampleSpec(
    name="bent",
    frames=6,
    shape=(300, 400),
    stars=80,
    drift=(4.3, -2.2),
    rotation=0.7,
    scale=1.0004,
    distortion=-5.0,
    wander=0.4,
    jumps={3: (37.0, -21.0)},
    gaps={4: 3},
)
MOSAIC = replace(LONE, name="mosaic", pattern="GRBG", format="dng", red=1.7, blue=1.2, black=300)
