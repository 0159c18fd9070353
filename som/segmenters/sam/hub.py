"""SAM and its relatives through transformers: by name on its hub, or by folder."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from som import devices
from som.errors import SegmenterError
from som.segmenters import hub_files
from som.segmenters.sam.families import Family, family_of
from som.segmenters.sam.frame import Frame
from som.segmenters.sam.model import Encoded, Prompts
from som.segmenters.sam.original import TorchMasks


class HubSam:
    """A transformers model of the SAM family as a `PromptModel`."""

    def __init__(self, model: Any, family: Family, seen: dict[str, Any], device: Any) -> None:
        """Take a model in evaluation mode.

        Args:
            model: `SamModel`, `SamHQModel`, `Sam2Model`, `Sam3TrackerModel` or `EdgeTamModel`.
            family: which of them.
            seen: its image processor's settings: `image_mean`, `image_std`, and `size` with
                "longest_edge" for those that pad.
            device: torch device to run on.
        """
        self.name = family.name
        self.model = model.to(device).eval()
        self.device = device
        self.points_per_batch = devices.prompts_at_once(device)
        self._mean = torch.tensor(seen["image_mean"], device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(seen["image_std"], device=device).view(1, 3, 1, 1)
        self._pads = family.model_class in ("SamModel", "SamHQModel")
        prompts = model.config.prompt_encoder_config
        self._side = int(prompts.image_size)
        self._low = 4 * self._side // int(prompts.patch_size)

    def encode(self, image: NDArray[np.uint8]) -> Encoded:
        """`PromptModel.encode`."""
        fit = Frame.padded if self._pads else Frame.stretched
        frame = fit((image.shape[0], image.shape[1]), self._side, self._low)
        height, width = frame.input_hw
        small = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
        pixels = torch.as_tensor(np.array(small), device=self.device).permute(2, 0, 1)[None]
        pixels = (pixels / 255 - self._mean) / self._std
        room = (0, self._side - width, 0, self._side - height)
        pixels = torch.nn.functional.pad(pixels, room)
        with torch.inference_mode(), devices.precision(self.device):
            found = self.model.get_image_embeddings(pixels)
        return Encoded(_as_float(found), frame)

    def decode(self, encoded: Encoded, prompts: Prompts, *, multimask: bool) -> TorchMasks:
        """`PromptModel.decode`."""
        if prompts.masks is not None and len(prompts) > 1:
            # These models take one mask prompt an image.
            each = [
                self.decode(encoded, prompts[i : i + 1], multimask=multimask)
                for i in range(len(prompts))
            ]
            return TorchMasks.joined(each)
        asked: dict[str, Any] = {"multimask_output": multimask, **self._features(encoded.features)}
        frame = encoded.frame
        if prompts.points_xy is not None:
            asked["input_points"] = self._tensor(frame.to_input(prompts.points_xy))[None]
            asked["input_labels"] = torch.as_tensor(prompts.labels, device=self.device)[None]
        if prompts.boxes_xyxy is not None:
            corners = frame.to_input(prompts.boxes_xyxy.reshape(-1, 2, 2)).reshape(-1, 4)
            asked["input_boxes"] = self._tensor(corners)[None]
        if prompts.masks is not None:
            asked["input_masks"] = self._tensor(prompts.masks)[None]
        with torch.inference_mode():
            reply = self.model(**asked)
        return TorchMasks(reply.pred_masks[0], reply.iou_scores[0])

    def _features(self, features: Any) -> dict[str, Any]:
        if isinstance(features, tuple):  # SAM-HQ adds what its encoder saw on the way.
            return {"image_embeddings": features[0], "intermediate_embeddings": features[1]}
        return {"image_embeddings": features}

    def _tensor(self, values: NDArray[np.float32]) -> Any:
        return torch.as_tensor(values, dtype=torch.float32, device=self.device)


def load_hub(name: str, family: Family, device: Any, *, compiled: bool = False) -> HubSam:
    """Load a checkpoint in transformers' format; only safetensors, never pickled weights.

    Args:
        name: on the model hub, or a folder with config.json and model.safetensors.
        family: which models are expected.
        device: torch device.
        compiled: whether `torch.compile` prepares the image encoder.

    Raises:
        SegmenterError: no such checkpoint, no network, another family's, or a package is missing.
    """
    import transformers

    found = hub_files.model_type(name)
    if found not in family.model_types:
        other = family_of(found)
        hint = f"use --segmenter {other}" if other else f"a {family.name} checkpoint is needed"
        raise SegmenterError(f"{name} is a {found} model; {hint}")
    model = hub_files.load(name, getattr(transformers, family.model_class))
    if compiled:
        model.vision_encoder = torch.compile(model.vision_encoder)
    usual = hub_files.HALVES if family.name == "sam3" else hub_files.IMAGENET
    return HubSam(model, family, hub_files.image_settings(name, usual), device)


def _as_float(features: Any) -> Any:
    if isinstance(features, list | tuple):
        return type(features)(_as_float(part) for part in features)
    return features.float()
