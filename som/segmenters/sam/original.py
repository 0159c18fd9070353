"""The `segment-anything` package's own models, from its own checkpoints (Kirillov et al., 2023)."""

import pickle
import zipfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from som import devices
from som.errors import SegmenterError
from som.segmenters.sam._torchvision import import_segment_anything
from som.segmenters.sam.frame import Frame
from som.segmenters.sam.model import Encoded, Prompts

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
# Neither shows in the weights: how many attention heads the mask decoder has.
DECODER_HEADS = 8


class OriginalSam:
    """A model of the `segment-anything` package as a `PromptModel`."""

    name = "sam"

    def __init__(self, sam: Any, device: Any, *, compiled: bool = False) -> None:
        """Take a `segment_anything.modeling.Sam`, in evaluation mode.

        Args:
            sam: the model.
            device: torch device to run on.
            compiled: whether `torch.compile` prepares the image encoder; it pays over many images.
        """
        self.sam = sam.to(device).eval()
        self.device = device
        self.points_per_batch = devices.prompts_at_once(device)
        self._encoder = torch.compile(sam.image_encoder) if compiled else sam.image_encoder

    def encode(self, image: NDArray[np.uint8]) -> Encoded:
        """`PromptModel.encode`."""
        side = self.sam.image_encoder.img_size
        low = self.sam.prompt_encoder.mask_input_size[0]
        frame = Frame.padded((image.shape[0], image.shape[1]), side, low)
        small = Image.fromarray(image).resize(frame.input_hw[::-1], Image.Resampling.BILINEAR)
        pixels = torch.as_tensor(np.array(small), device=self.device).permute(2, 0, 1)[None]
        with torch.inference_mode(), devices.precision(self.device):
            features = self._encoder(self.sam.preprocess(pixels.float()))
        return Encoded(features.float(), frame)

    def decode(self, encoded: Encoded, prompts: Prompts, *, multimask: bool) -> "TorchMasks":
        """`PromptModel.decode`."""
        points = boxes = masks = None
        with torch.inference_mode():
            if prompts.points_xy is not None:
                where = self._tensor(encoded.frame.to_input(prompts.points_xy))
                points = where, torch.as_tensor(prompts.labels, device=self.device)
            if prompts.boxes_xyxy is not None:
                boxes = self._tensor(encoded.frame.to_input(prompts.boxes_xyxy.reshape(-1, 2, 2)))
            if prompts.masks is not None:
                masks = self._tensor(prompts.masks)[:, None]
            sparse, dense = self.sam.prompt_encoder(points=points, boxes=boxes, masks=masks)
            logits, scores = self.sam.mask_decoder(
                image_embeddings=encoded.features,
                image_pe=self.sam.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=multimask,
            )
        return TorchMasks(logits, scores)

    def _tensor(self, values: NDArray[np.float32]) -> Any:
        return torch.as_tensor(values, dtype=torch.float32, device=self.device)


class TorchMasks:
    """`Masks` that are still tensors on the model's device."""

    def __init__(self, logits: Any, scores: Any) -> None:
        """Take logits (n, m, h, w) and scores (n, m)."""
        self._logits = logits.flatten(0, 1)
        self.scores: NDArray[np.float32] = scores.float().cpu().numpy()

    def logits(self, rows: Any) -> NDArray[np.float32]:
        """`Masks.logits`."""
        picked = self._logits[torch.as_tensor(np.asarray(rows), device=self._logits.device)]
        values: NDArray[np.float32] = picked.float().cpu().numpy()
        return values

    @classmethod
    def joined(cls, parts: "Sequence[TorchMasks]") -> "TorchMasks":
        """The masks of several calls as those of one."""
        scores = torch.as_tensor(np.concatenate([part.scores for part in parts]))
        every = torch.cat([part._logits for part in parts])
        return cls(every.unflatten(0, tuple(scores.shape)), scores)


def load_original(path: Path, device: Any, *, compiled: bool = False) -> OriginalSam:
    """Read a checkpoint in the format of the `segment-anything` package.

    The architecture (vit_b, vit_l, vit_h or any other size) is read off the weights.

    Args:
        path: a ``.pth`` file of weights; nothing else in it is ever executed.
        device: torch device.
        compiled: see `OriginalSam`.

    Raises:
        SegmenterError: no such file, not a file of weights, or weights of another model.
        ImportError: `segment_anything` is not installed.
    """
    weights = _read(path)
    package = import_segment_anything()
    try:
        sam = _build(package.modeling, weights)
        sam.load_state_dict(weights)
    except (KeyError, RuntimeError, ValueError, ZeroDivisionError) as error:
        raise SegmenterError(_not_ours(path, weights)) from error
    return OriginalSam(sam, device, compiled=compiled)


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise SegmenterError(f"no checkpoint {path}; give a .pth file, or vit_b, vit_l or vit_h")
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, zipfile.BadZipFile, OSError, ValueError) as error:
        raise SegmenterError(f"{path} is cut off or no file of weights; fetch it again") from error
    except pickle.UnpicklingError as error:
        raise SegmenterError(
            f"{path} is not loaded: it is no file of weights, or holds more than weights"
        ) from error
    if isinstance(weights, Mapping) and isinstance(weights.get("model"), Mapping):
        weights = weights["model"]
    if not isinstance(weights, Mapping):
        raise SegmenterError(f"{path} holds no weights by name")
    return weights


def _build(modeling: Any, weights: Mapping[str, Any]) -> Any:
    """The architecture whose weights these are."""
    patch = weights["image_encoder.patch_embed.proj.weight"]
    grid = weights["image_encoder.pos_embed"].shape[1]
    width, patch_size = patch.shape[0], patch.shape[2]
    side = grid * patch_size
    depth = 1 + max(
        int(name.split(".")[2]) for name in weights if name.startswith("image_encoder.blocks.")
    )
    reach = [weights[f"image_encoder.blocks.{i}.attn.rel_pos_h"].shape for i in range(depth)]
    # A block that sees the whole grid has a relative position for each pair of its rows.
    everywhere = tuple(i for i in range(depth) if reach[i][0] == 2 * grid - 1)
    windows = [(length + 1) // 2 for length, _ in reach if length != 2 * grid - 1]
    hidden = weights["image_encoder.blocks.0.mlp.lin1.weight"].shape[0]
    channels = weights["image_encoder.neck.0.weight"].shape[0]
    tokens = weights["mask_decoder.mask_tokens.weight"].shape[0]
    return modeling.Sam(
        image_encoder=modeling.ImageEncoderViT(
            img_size=side,
            patch_size=patch_size,
            embed_dim=width,
            depth=depth,
            num_heads=width // reach[0][1],
            mlp_ratio=hidden / width,
            out_chans=channels,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=windows[0] if windows else 0,
            global_attn_indexes=everywhere,
        ),
        prompt_encoder=modeling.PromptEncoder(
            embed_dim=channels,
            image_embedding_size=(grid, grid),
            input_image_size=(side, side),
            mask_in_chans=weights["prompt_encoder.mask_downscaling.3.weight"].shape[0],
        ),
        mask_decoder=modeling.MaskDecoder(
            transformer_dim=channels,
            transformer=modeling.TwoWayTransformer(
                depth=_count(weights, "mask_decoder.transformer.layers."),
                embedding_dim=channels,
                mlp_dim=weights["mask_decoder.transformer.layers.0.mlp.lin1.weight"].shape[0],
                num_heads=DECODER_HEADS,
            ),
            num_multimask_outputs=tokens - 1,
            iou_head_depth=_count(weights, "mask_decoder.iou_prediction_head.layers."),
            iou_head_hidden_dim=weights["mask_decoder.iou_prediction_head.layers.0.weight"].shape[0],
        ),
        pixel_mean=list(MEAN),
        pixel_std=list(STD),
    )


def _count(weights: Mapping[str, Any], prefix: str) -> int:
    rest = (name[len(prefix) :] for name in weights if name.startswith(prefix))
    return 1 + max(int(name.split(".")[0]) for name in rest)


def _not_ours(path: Path, weights: Mapping[str, Any]) -> str:
    """Say what the weights are, where that can be told."""
    for sign, what in (
        ("hf_mlp", "SAM-HQ: use --segmenter sam-hq with a model in transformers' format"),
        ("image_encoder.patch_embed.seq", "MobileSAM: use --segmenter edgetam or slimsam instead"),
        ("image_encoder.trunk", "SAM 2: use --segmenter sam2 with a model in transformers' format"),
        ("sam_mask_decoder", "SAM 2: use --segmenter sam2 with a model in transformers' format"),
        ("vision_encoder", "a model in transformers' format: give its folder, with config.json"),
    ):
        if any(sign in name for name in weights):
            return f"{path} looks like {what}"
    return f"{path} holds no weights of a segment-anything model (vit_b, vit_l, vit_h)"
