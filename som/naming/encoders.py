"""Models that put images and words into one space: CLIP, SigLIP and SigLIP 2."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from som.devices import precision
from som.errors import SomError
from som.segmenters import hub_files

BATCH = 32
# SigLIP was trained on texts filled up to this many tokens.
SIGLIP_TOKENS = 64


class Encoder:
    """One of these models.

    Attributes:
        name: of the checkpoint, which the cache of embeddings goes by.
        fingerprint: of the weights, so that another checkpoint under the same name is not mixed up.
        exclusive: whether scores compete (CLIP: one word fits best) or each stands for itself (SigLIP).
        scale: what the cosine is multiplied by to give a logit, and
        bias: what is added, as the model has learned them.
    """

    def __init__(self, checkpoint: str, device: Any) -> None:
        """Load a checkpoint.

        Args:
            checkpoint: name on the model hub, or a folder in transformers' format.
            device: torch device.

        Raises:
            SomError: no such checkpoint, or none of these models.
        """
        import transformers

        kind = hub_files.model_type(checkpoint)
        classes = {
            "clip": transformers.CLIPModel,
            "siglip": transformers.SiglipModel,
            "siglip2": transformers.Siglip2Model,
        }
        if kind not in classes:
            raise SomError(f"{checkpoint} is a {kind} model; names need one of: {', '.join(classes)}")
        self.name = checkpoint
        self._kind = kind
        self._model = hub_files.load(checkpoint, classes[kind]).to(device)
        self._tokens = hub_files.tokenizer(checkpoint)
        self._seen = hub_files.image_settings(
            checkpoint, hub_files.CLIP if kind == "clip" else hub_files.HALVES
        )
        self._device = device
        self.exclusive = kind == "clip"
        self.fingerprint = _fingerprint(self._model)
        self.scale = float(self._model.logit_scale.detach().exp())
        self.bias = 0.0 if self.exclusive else float(self._model.logit_bias.detach())

    def images(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of RGB images."""
        return self._in_batches(images, self._encode_images)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of texts."""
        return self._in_batches(texts, self._encode_texts)

    def _in_batches(self, items: Sequence[Any], encode: Any) -> NDArray[np.float32]:
        found = []
        for start in range(0, len(items), BATCH):
            with torch.inference_mode(), precision(self._device):
                features = encode(items[start : start + BATCH])
            features = getattr(features, "pooler_output", features).float()
            found.append(torch.nn.functional.normalize(features, dim=1).cpu().numpy())
        width = self._model.config.text_config.hidden_size
        return np.concatenate(found) if found else np.zeros((0, width), np.float32)

    def _encode_images(self, images: Sequence[NDArray[np.uint8]]) -> Any:
        if self._kind == "siglip2":  # takes patches of any shape of image
            from transformers import Siglip2ImageProcessorPil

            config = self._model.config.vision_config
            patches = Siglip2ImageProcessorPil(
                patch_size=config.patch_size, max_num_patches=config.num_patches
            )(list(images), return_tensors="pt")
            return self._model.get_image_features(**patches.to(self._device))
        side = self._model.config.vision_config.image_size
        how = Image.Resampling.BICUBIC
        small = [np.asarray(Image.fromarray(image).resize((side, side), how)) for image in images]
        pixels = torch.as_tensor(np.stack(small), device=self._device).permute(0, 3, 1, 2) / 255
        mean, std = (
            torch.tensor(self._seen[key], device=self._device).view(1, 3, 1, 1)
            for key in ("image_mean", "image_std")
        )
        return self._model.get_image_features(pixel_values=(pixels - mean) / std)

    def _encode_texts(self, texts: Sequence[str]) -> Any:
        length = SIGLIP_TOKENS
        if self.exclusive:
            length = self._model.config.text_config.max_position_embeddings
        tokens = self._tokens(
            list(texts), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).to(self._device)
        asked = {"input_ids": tokens["input_ids"]}
        if self.exclusive:
            asked["attention_mask"] = tokens["attention_mask"]
        return self._model.get_text_features(**asked)


def _fingerprint(model: Any) -> str:
    """Tells weights apart by one number of each tensor."""
    firsts = [float(values.detach().flatten()[0]) for values in model.text_model.parameters()]
    return hashlib.sha256(repr(firsts).encode()).hexdigest()[:16]
