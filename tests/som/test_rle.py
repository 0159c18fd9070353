"""Masks survive COCO's run-length encoding."""

import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from som.errors import DataError
from som.regions import Crop
from som.rle import encode_crop, mask_area


@given(
    crop=st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(lambda hw: arrays(bool, hw)),
    pad=st.tuples(*[st.integers(0, 5)] * 4),
)
def test_decodes_to_the_same_mask(crop: np.ndarray, pad: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = pad
    mask = np.pad(crop, ((top, bottom), (left, right)))
    encoded = encode_crop(Crop(crop, left, top), mask.shape)
    assert encoded["size"] == list(mask.shape)
    assert encoded["counts"] == sv.mask_to_rle(mask, compressed=True)
    assert mask_area(encoded["counts"]) == mask.sum()
    np.testing.assert_array_equal(sv.rle_to_mask(encoded["counts"], mask.shape[::-1]), mask)


@pytest.mark.parametrize("value", [False, True])
def test_large_uniform_masks(value: bool) -> None:
    mask = np.full((700, 900), value)
    assert encode_crop(Crop(mask, 0, 0), mask.shape)["counts"] == sv.mask_to_rle(mask, compressed=True)


@pytest.mark.parametrize("counts", ["o" * 100, "0 0", "\x00", "한"])
def test_what_is_no_run_lengths_has_no_area(counts: str) -> None:
    with pytest.raises(DataError, match="run lengths"):
        mask_area(counts)
