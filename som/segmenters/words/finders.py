"""Open-vocabulary models: phrases in, boxes or masks out."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from som.devices import precision
from som.errors import SegmenterError
from som.regions import Crop
from som.segmenters import hub_files
from som.segmenters.sam.frame import Frame, Upsampler

Pixels = NDArray[np.uint8]
# Tokens of a phrase that the models' text encoders take.
OWL_TOKENS, SAM3_TOKENS = 16, 32


class Hits(NamedTuple):
    """What was found.

    Attributes:
        boxes_xyxy: float32 (n, 4), pixels of the image.
        scores: float32 (n,) 0..1.
        phrases: int (n,), which phrase each is for.
        masks: one crop each, where the model gives masks.
    """

    boxes_xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    phrases: NDArray[np.intp]
    masks: list[Crop] | None = None


class Finder(Protocol):
    """An open-vocabulary model; `threshold` is the score from which its authors trust it."""

    name: str
    threshold: float

    def find(self, image: Pixels, phrases: Sequence[str], threshold: float) -> Hits:
        """Whatever on an RGB image (H, W, 3) a phrase describes, scored at least `threshold`."""
        ...


class GroundingDino:
    """Grounding DINO and MM Grounding DINO (Liu et al., 2023): all phrases in one pass."""

    name, threshold = "grounding-dino", 0.3

    def __init__(self, checkpoint: str, device: Any) -> None:
        """Load a checkpoint by name or folder."""
        from transformers import AutoModelForZeroShotObjectDetection

        self._model = hub_files.load(checkpoint, AutoModelForZeroShotObjectDetection).to(device)
        self._tokens = hub_files.tokenizer(checkpoint)
        self._seen = hub_files.image_settings(
            checkpoint, {**hub_files.IMAGENET, "size": {"shortest_edge": 800, "longest_edge": 1333}}
        )
        self._device = device

    def find(self, image: Pixels, phrases: Sequence[str], threshold: float) -> Hits:
        """`Finder.find`."""
        # One sentence; each phrase ends with a full stop, and none inside it may do so.
        words = [phrase.lower().replace(".", " ").strip() for phrase in phrases]
        text = " ".join(f"{phrase}." for phrase in words)
        tokens = self._tokens(text, return_tensors="pt", return_offsets_mapping=True)
        spans = tokens.pop("offset_mapping")[0].numpy()
        height, width = image.shape[:2]
        size = self._seen["size"]
        scale = min(
            size.get("shortest_edge", 800) / min(height, width),
            size.get("longest_edge", 1333) / max(height, width),
        )
        pixels = _tensor(image, (round(height * scale), round(width * scale)), self._seen, self._device)
        with torch.inference_mode(), precision(self._device):
            out = self._model(pixel_values=pixels, **{k: v.to(self._device) for k, v in tokens.items()})
        likely = out.logits[0].float().sigmoid().cpu().numpy()[:, : len(spans)]
        scores, start = np.zeros((len(likely), len(words)), np.float32), 0
        for i, phrase in enumerate(words):
            inside = (spans[:, 0] >= start) & (spans[:, 1] <= start + len(phrase))
            own = inside & (spans[:, 1] > spans[:, 0])
            if own.any():
                scores[:, i] = likely[:, own].max(axis=1)
            start += len(phrase) + 2
        boxes = _corners(out.pred_boxes[0].float().cpu().numpy()) * np.tile([width, height], 2)
        return _best(boxes, scores, threshold)


class Owl:
    """OWLv2 and OWL-ViT (Minderer et al., 2022 and 2023): one query a phrase."""

    name, threshold = "owl", 0.2

    def __init__(self, checkpoint: str, device: Any) -> None:
        """Load a checkpoint by name or folder."""
        from transformers import AutoModelForZeroShotObjectDetection

        self._model = hub_files.load(checkpoint, AutoModelForZeroShotObjectDetection).to(device)
        self._tokens = hub_files.tokenizer(checkpoint)
        self._seen = hub_files.image_settings(checkpoint, hub_files.CLIP)
        # Version 2 pads images to a square, version 1 stretches them.
        self._pads = self._model.config.model_type == "owlv2"
        self._side = int(self._model.config.vision_config.image_size)
        self._device = device

    def find(self, image: Pixels, phrases: Sequence[str], threshold: float) -> Hits:
        """`Finder.find`."""
        tokens = _padded(self._tokens, list(phrases), OWL_TOKENS)
        height, width = image.shape[:2]
        covers = (max(height, width),) * 2 if self._pads else (width, height)
        if self._pads:
            square = np.full((covers[1], covers[0], 3), 128, np.uint8)
            square[:height, :width] = image
            image = square
        pixels = _tensor(image, (self._side, self._side), self._seen, self._device)
        with torch.inference_mode(), precision(self._device):
            out = self._model(
                pixel_values=pixels,
                input_ids=tokens["input_ids"].to(self._device),
                attention_mask=tokens["attention_mask"].to(self._device),
            )
        scores = out.logits[0].float().sigmoid().cpu().numpy()[:, : len(phrases)]
        boxes = _corners(out.pred_boxes[0].float().cpu().numpy()) * np.tile(covers, 2)
        boxes = boxes.clip(0, np.tile([width, height], 2))
        return _best(boxes, scores, threshold)


class Sam3Concepts:
    """SAM 3's concept prompts (Carion et al., 2025): masks of everything that a phrase names."""

    name, threshold = "sam3", 0.5

    def __init__(self, checkpoint: str, device: Any) -> None:
        """Load a checkpoint by name or folder."""
        from transformers.models.sam3.modeling_sam3 import Sam3Model

        self._model = hub_files.load(checkpoint, Sam3Model).to(device)
        self._tokens = hub_files.tokenizer(checkpoint)
        self._seen = hub_files.image_settings(checkpoint, hub_files.HALVES)
        self._side = int(self._model.config.vision_config.backbone_config.image_size)
        self._device = device

    def find(self, image: Pixels, phrases: Sequence[str], threshold: float) -> Hits:
        """`Finder.find`; the image is encoded once for all phrases."""
        height, width = image.shape[:2]
        pixels = _tensor(image, (self._side, self._side), self._seen, self._device)
        boxes, scores, which, masks = [], [], [], []
        with torch.inference_mode():
            seen = self._model.get_vision_features(pixels)
            for i, phrase in enumerate(phrases):
                tokens = _padded(self._tokens, [phrase], SAM3_TOKENS).to(self._device)
                out = self._model(
                    vision_embeds=seen,
                    input_ids=tokens["input_ids"],
                    attention_mask=tokens["attention_mask"],
                )
                likely = out.pred_logits[0].sigmoid() * out.presence_logits[0].sigmoid()
                keep = (likely >= threshold).nonzero().flatten()
                low = out.pred_masks[0, keep].float().cpu().numpy()
                frame = Frame.stretched((height, width), self._side, low.shape[-1] if len(low) else 1)
                for row, logits in zip(keep.tolist(), low, strict=True):
                    mask, _ = Upsampler(frame).mask(logits)
                    if mask is not None:
                        masks.append(mask)
                        boxes.append(out.pred_boxes[0, row].float().cpu().numpy())
                        scores.append(float(likely[row]))
                        which.append(i)
        scaled = np.array(boxes, np.float32).reshape(-1, 4) * np.tile([width, height], 2)
        return Hits(
            scaled.astype(np.float32), np.array(scores, np.float32), np.array(which, np.intp), masks
        )


# What `config.json` says -> who can read it.
FINDERS: dict[str, Any] = {
    "grounding-dino": GroundingDino,
    "mm-grounding-dino": GroundingDino,
    "owlv2": Owl,
    "owlvit": Owl,
    "sam3": Sam3Concepts,
    "sam3_video": Sam3Concepts,
}


def load_finder(checkpoint: str, device: Any) -> Finder:
    """The model that a checkpoint holds.

    Args:
        checkpoint: name on the model hub, or a folder in transformers' format.
        device: torch device.

    Raises:
        SegmenterError: there is none, or it finds nothing by words.
    """
    found = hub_files.model_type(checkpoint)
    if found not in FINDERS:
        raise SegmenterError(
            f"{checkpoint} is a {found} model; words need one of: {', '.join(sorted(set(FINDERS)))}"
        )
    finder: Finder = FINDERS[found](checkpoint, device)
    return finder


def _tensor(image: Pixels, size_hw: tuple[int, int], seen: dict[str, Any], device: Any) -> Any:
    """Pixels as models take them: (1, 3, h, w), normalised."""
    small = Image.fromarray(image).resize(size_hw[::-1], Image.Resampling.BILINEAR)
    pixels = torch.as_tensor(np.array(small), device=device).permute(2, 0, 1)[None] / 255
    mean, std = (
        torch.tensor(seen[key], device=device).view(1, 3, 1, 1) for key in ("image_mean", "image_std")
    )
    return (pixels - mean) / std


def _padded(tokenizer: Any, texts: list[str], length: int) -> Any:
    return tokenizer(
        texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
    )


def _corners(centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes by centre and size to boxes by corners."""
    half = centres[:, 2:] / 2
    return np.concatenate([centres[:, :2] - half, centres[:, :2] + half], axis=1)


def _best(boxes: NDArray[Any], scores: NDArray[np.float32], threshold: float) -> Hits:
    """Each box with the phrase that it fits best, where that is good enough."""
    which = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), which]
    keep = best >= threshold
    return Hits(boxes[keep].astype(np.float32), best[keep], which[keep])
