from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from som.segmenters.sam.segmenter import SamSegmenter
from tests.som.segmenters.sam import tiny


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sam")
    return {
        "sam": tiny.save_original(folder / "sam_tiny.pth"),
        "slimsam": tiny.save_sam(folder / "slimsam"),
        "sam-hq": tiny.save_sam_hq(folder / "sam-hq"),
        "sam2": tiny.save_sam2(folder / "sam2"),
        "sam3": tiny.save_sam3(folder / "sam3"),
    }


@pytest.fixture(params=["sam", "slimsam", "sam-hq", "sam2", "sam3"])
def segmenter(request: pytest.FixtureRequest, checkpoints: dict[str, Path]) -> SamSegmenter:
    return SamSegmenter(request.param, weights=str(checkpoints[request.param]), device="cpu")


@pytest.fixture(scope="session")
def photo() -> NDArray[np.uint8]:
    whole: NDArray[np.uint8] = skimage.data.coffee()  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(whole[::2, ::2])


@pytest.fixture
def original() -> Any:
    return tiny.original()
