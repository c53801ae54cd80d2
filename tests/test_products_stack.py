"""Pictures of a blink, small and grey."""

import numpy as np
import pytest

from pipeline.products_stack import BLINK_SIDE, blink_frame


@pytest.mark.parametrize("side", [300, 900, 1700, 2500])
def test_an_even_sky_blinks_even_grey_whatever_the_colours_of_its_pixels_and_its_size(side):
    mosaic = np.tile(np.array([[100, 400], [400, 900]], np.float32), (20, side // 2))
    small = blink_frame(mosaic, 10.0)
    assert max(small.shape) <= BLINK_SIDE
    assert np.ptp(small) == 0 or side <= BLINK_SIDE
