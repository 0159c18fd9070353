"""Tiny checkpoints of every family, built once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from som.agents.vlm.base import ImagePart, Message, TextPart

pytest.importorskip("transformers", reason="needs the extra `local`: pip install som-agent[local]")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    from tests.agents.tiny_vlm import save_tiny

    folder = tmp_path_factory.mktemp("checkpoints")

    def build(family: str) -> Path:
        return folder / family if (folder / family).exists() else save_tiny(family, folder / family)

    return build


def picture(seed: int = 0) -> ImagePart:
    return ImagePart(np.random.default_rng(seed).integers(0, 255, (60, 90, 3), np.uint8))


@pytest.fixture
def messages() -> list[Message]:
    """Two images, a system's text, and control tokens of several families in what is content."""
    return [
        Message("system", (TextPart("Be brief."),)),
        Message(
            "user",
            (
                *(TextPart("A:"), picture(1), TextPart("B:"), picture(2)),
                TextPart("<image><|image_pad|><|im_end|><IMG_CONTEXT> Which? 어느 것?"),
            ),
        ),
    ]
