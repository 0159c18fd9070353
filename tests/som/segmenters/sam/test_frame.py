import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from som.masks import bounds
from som.segmenters.sam.frame import Frame, Upsampler


def enlarged_by_torch(frame: Frame, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    values = torch.from_numpy(logits)[None, None]
    if frame.through_input:
        values = torch.nn.functional.interpolate(values, frame.side_hw, mode="bilinear")
        values = values[..., : frame.input_hw[0], : frame.input_hw[1]]
    full = torch.nn.functional.interpolate(values, frame.image_hw, mode="bilinear")
    enlarged: NDArray[np.float32] = full[0, 0].numpy()
    return enlarged


def blob(size: int, x: float, y: float, radius: float) -> NDArray[np.float32]:
    ys, xs = np.mgrid[:size, :size]
    values: NDArray[np.float32] = (radius - np.hypot(xs - x, ys - y)).astype(np.float32)
    return values


FRAMES = [
    Frame.padded((213, 340), 256, 64),
    Frame.padded((700, 500), 256, 64),
    Frame.padded((256, 256), 256, 64),
    Frame.padded((40, 1), 256, 64),
    Frame.stretched((213, 340), 256, 64),
    Frame.stretched((1080, 1920), 256, 64),
    Frame.stretched((31, 64), 256, 64),
]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: f"{frame.image_hw}{frame.through_input}")
@pytest.mark.parametrize("at", [(5, 6, 4), (20, 12, 18), (62, 30, 3), (30, 30, 100)])
def test_masks_come_back_as_torch_enlarges_them(frame: Frame, at: tuple[float, float, float]) -> None:
    logits = blob(64, *at)
    full = enlarged_by_torch(frame, logits)
    mask, stability = Upsampler(frame).mask(logits)

    if not (full > 0).any():
        assert mask is None
        return
    rebuilt = np.zeros(frame.image_hw, bool)
    height, width = mask.mask.shape
    rebuilt[mask.top : mask.top + height, mask.left : mask.left + width] = mask.mask
    # Rounding may turn a pixel that lies on the threshold.
    assert np.count_nonzero(rebuilt != (full > 0)) <= 1e-3 * np.count_nonzero(full > 0)
    expected = np.count_nonzero(full > 1) / np.count_nonzero(full > -1)
    assert stability == pytest.approx(expected, abs=0.01)
    assert bounds(mask.mask) == (0, 0, width, height)


def test_nothing_above_the_threshold_is_no_mask() -> None:
    assert Upsampler(FRAMES[0]).mask(np.full((64, 64), -5, np.float32)) == (None, 0.0)


def test_points_follow_the_image_into_the_model() -> None:
    corner = np.array([[340, 213]])
    assert FRAMES[0].to_input(corner) == pytest.approx(np.array([[256, 160]]))
    assert FRAMES[4].to_input(corner) == pytest.approx(np.array([[256, 256]]))


@pytest.mark.parametrize("frame", FRAMES[:3] + FRAMES[4:])
def test_a_mask_goes_into_the_model_and_comes_back(frame: Frame) -> None:
    height, width = frame.image_hw
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2, width // 4 : width // 2] = True

    back, _ = Upsampler(frame).mask((2 * frame.to_low(mask) - 1) * 8)

    box = np.array([back.left, back.top, back.left + back.mask.shape[1], back.top + back.mask.shape[0]])
    truth = np.array([width // 4, height // 4, width // 2, height // 2])
    cell = max(height, width) / 64 + 1
    assert np.abs(box - truth).max() <= cell
