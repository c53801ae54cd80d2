"""Masters as files: each card tells its own number."""

import numpy as np
import pytest
from astropy.io import fits

from pipeline.masters import Master
from pipeline.products_ccd import write_master

IMAGE = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize(
    ("kind", "cards"),
    [
        ("bias", {"IMAGETYP": "Master Bias", "NFRAMES": 2, "BUNIT": "adu", "PAIRNOIS": 5.25}),
        ("dark", {"IMAGETYP": "Master Dark", "NFRAMES": 2, "BUNIT": "adu", "BIASIN": True}),
        ("flat", {"IMAGETYP": "Master Flat", "NFRAMES": 2, "BUNIT": "", "PHOTGAIN": 1.75}),
    ],
)
def test_a_master_says_what_it_is_and_how_sure(tmp_path, kind, cards):
    gain = 1.75 if kind == "flat" else None
    master = Master(
        kind, IMAGE, ("a.fits", "b.fits"), with_bias=True, single_noise=8.5, pair_noise=5.25, noise=4.0, gain=gain
    )
    write_master(tmp_path / "master.fits", master, fits.Header({"OBSERVER": "nobody"}))
    image, header = fits.getdata(tmp_path / "master.fits", header=True)
    np.testing.assert_array_equal(image, IMAGE)
    assert {name: header.get(name) for name in cards} == cards
    assert header["OBSERVER"] == "nobody"
    assert {"PAIRNOIS", "BIASIN", "PHOTGAIN"} & set(header) == {"PAIRNOIS", "BIASIN", "PHOTGAIN"} & set(cards)
    assert list(header["HISTORY"])[-2:] == ["of a.fits", "of b.fits"]
