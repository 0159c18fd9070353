"""Tiny models of the SAM family with random weights, saved in the real formats."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers

from som.segmenters.sam._torchvision import import_segment_anything

SIDE, PATCH, WIDTH = 128, 16, 32


def original(seed: int = 0) -> Any:
    """A `segment_anything.modeling.Sam` of 128 pixels a side."""
    modeling = import_segment_anything().modeling
    torch.manual_seed(seed)
    grid = SIDE // PATCH
    sam = modeling.Sam(
        image_encoder=modeling.ImageEncoderViT(
            img_size=SIDE, patch_size=PATCH, embed_dim=48, depth=2, num_heads=3, mlp_ratio=2,
            out_chans=WIDTH, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), use_rel_pos=True,
            window_size=3, global_attn_indexes=(1,),
        ),
        prompt_encoder=modeling.PromptEncoder(
            embed_dim=WIDTH, image_embedding_size=(grid, grid), input_image_size=(SIDE, SIDE),
            mask_in_chans=16,
        ),
        mask_decoder=modeling.MaskDecoder(
            transformer_dim=WIDTH, num_multimask_outputs=3, iou_head_depth=3, iou_head_hidden_dim=32,
            transformer=modeling.TwoWayTransformer(
                depth=2, embedding_dim=WIDTH, mlp_dim=64, num_heads=8
            ),
        ),
        pixel_mean=[123.675, 116.28, 103.53], pixel_std=[58.395, 57.12, 57.375],
    ).eval()  # fmt: skip
    with torch.no_grad():
        # Random masks are nearly flat; sharper ones differ from point to point.
        for network in sam.mask_decoder.output_hypernetworks_mlps:
            network.layers[-1].weight *= 60
    return sam


def save_original(path: Path, seed: int = 0) -> Path:
    """Write one as the segment-anything package does."""
    torch.save(original(seed).state_dict(), path)
    return path


def _prompts() -> dict[str, Any]:
    return {"hidden_size": WIDTH, "image_size": SIDE, "patch_size": PATCH, "mask_input_channels": 4}


def _decoder() -> dict[str, Any]:
    return {
        "hidden_size": WIDTH, "mlp_dim": 64, "num_attention_heads": 4, "iou_head_hidden_dim": 32,
    }  # fmt: skip


def save_with_larger_weights(model: Any, folder: Path) -> Path:
    """Save with weights that are larger than usual at the start, so that answers differ."""
    for values in model.parameters():
        if values.dim() > 1:
            torch.nn.init.normal_(values, std=values[0].numel() ** -0.5)
    model.save_pretrained(folder)
    return folder


def save_sam(folder: Path) -> Path:
    """`SamModel`."""
    torch.manual_seed(0)
    config = transformers.SamConfig(
        vision_config={
            "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": SIDE,
            "patch_size": PATCH, "output_channels": WIDTH, "window_size": 3, "mlp_dim": 96,
            "global_attn_indexes": [1], "num_pos_feats": WIDTH // 2,
        },
        prompt_encoder_config=_prompts(), mask_decoder_config=_decoder(),
    )  # fmt: skip
    return save_with_larger_weights(transformers.SamModel(config), folder)


def save_sam_hq(folder: Path) -> Path:
    """`SamHQModel`."""
    torch.manual_seed(0)
    config = transformers.SamHQConfig(
        vision_config={
            "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": SIDE,
            "patch_size": PATCH, "output_channels": WIDTH, "window_size": 3, "mlp_dim": 96,
            "global_attn_indexes": [1], "num_pos_feats": WIDTH // 2,
        },
        prompt_encoder_config=_prompts(), mask_decoder_config={**_decoder(), "vit_dim": 48},
    )  # fmt: skip
    return save_with_larger_weights(transformers.SamHQModel(config), folder)


def save_sam2(folder: Path) -> Path:
    """`Sam2Model`."""
    torch.manual_seed(0)
    config = transformers.Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model", "image_size": [SIDE, SIDE], "hidden_size": 16,
                "num_attention_heads": 1, "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": [16, 32, 64, 128], "num_attention_heads_per_stage": [1, 2, 4, 8],
                "window_size_per_stage": [4, 4, 4, 4], "global_attention_blocks": [3],
                "window_positional_embedding_background_size": [4, 4],
            },
            "backbone_channel_list": [128, 64, 32, 16],
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
            "fpn_hidden_size": WIDTH,
        },
        prompt_encoder_config=_prompts(), mask_decoder_config=_decoder(),
    )  # fmt: skip
    return save_with_larger_weights(transformers.Sam2Model(config), folder)


def save_sam3(folder: Path) -> Path:
    """`Sam3TrackerModel`."""
    torch.manual_seed(0)
    config = transformers.Sam3TrackerConfig(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model", "image_size": SIDE, "patch_size": PATCH,
                "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2,
                "num_attention_heads": 4, "window_size": 4, "global_attn_indexes": [1],
                "pretrain_image_size": SIDE,
            },
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
            "fpn_hidden_size": WIDTH,
        },
        prompt_encoder_config=_prompts(), mask_decoder_config=_decoder(),
    )  # fmt: skip
    return save_with_larger_weights(transformers.Sam3TrackerModel(config), folder)
