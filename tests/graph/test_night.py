"""What names the files that are open."""

import os

import numpy as np
import pytest
from astropy.io import fits

from pipeline.graph.run import Graph


def night_of(folder):
    return Graph.open([folder])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "lights").mkdir()
    write(tmp_path / "lights" / "one.fits", 10)
    return tmp_path / "lights"


def write(path, level, time=1_700_000_000):
    fits.writeto(path, np.full((40, 50), level, np.int16), overwrite=True)
    os.utime(path, (time, time))


def test_the_same_files_are_the_same_night(folder):
    assert night_of(folder).key == night_of(folder).key


def test_a_file_that_is_written_anew_makes_another_night_though_it_is_as_large_as_before(folder):
    before = night_of(folder).key
    write(folder / "one.fits", 20, time=1_700_000_060)
    assert night_of(folder).key != before


def test_a_file_that_went_after_it_was_opened_makes_another_night_and_breaks_nothing(folder):
    before, opened = night_of(folder).key, night_of(folder)
    (folder / "one.fits").unlink()
    assert opened.key != before
