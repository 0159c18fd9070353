"""Tiny open-vocabulary models with random weights, saved with tokenizers in the real formats."""

from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from tests.som.segmenters.sam.tiny import save_with_larger_weights

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def save_tokenizer(folder: Path, *, letters: str = "abcdefghijklmnopqrstuvwxyz.") -> int:
    """A WordPiece tokenizer of single letters; returns the size of its vocabulary."""
    vocab = {piece: i for i, piece in enumerate([*SPECIAL, *letters, *(f"##{x}" for x in letters)])}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    ).save_pretrained(folder)
    return len(vocab)


def save_grounding_dino(folder: Path) -> Path:
    """`GroundingDinoForObjectDetection`."""
    torch.manual_seed(0)
    size = save_tokenizer(folder)
    config = transformers.GroundingDinoConfig(
        backbone_config=transformers.SwinConfig(
            image_size=64, patch_size=4, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2],
            window_size=4, out_indices=[2, 3, 4],
        ),
        text_config={
            "model_type": "bert", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 32, "vocab_size": size, "max_position_embeddings": 128,
        },
        d_model=32, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
        encoder_attention_heads=2, decoder_attention_heads=2, num_queries=20, num_feature_levels=4,
        max_text_len=64,
    )  # fmt: skip
    return save_with_larger_weights(transformers.GroundingDinoForObjectDetection(config), folder)


def save_owlv2(folder: Path) -> Path:
    """`Owlv2ForObjectDetection`."""
    torch.manual_seed(0)
    size = save_tokenizer(folder)
    config = transformers.Owlv2Config(
        text_config={
            "vocab_size": size, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1,
            "num_attention_heads": 2, "max_position_embeddings": 16, "eos_token_id": 3,
        },
        vision_config={
            "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1,
            "num_attention_heads": 2, "image_size": 64, "patch_size": 8,
        },
        projection_dim=32,
    )  # fmt: skip
    return save_with_larger_weights(transformers.Owlv2ForObjectDetection(config), folder)


def save_sam3(folder: Path) -> Path:
    """`Sam3Model`."""
    from transformers.models.sam3.configuration_sam3 import Sam3Config
    from transformers.models.sam3.modeling_sam3 import Sam3Model

    torch.manual_seed(0)
    size = save_tokenizer(folder)
    small = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32}
    config = Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model", "image_size": 128, "patch_size": 16, "hidden_size": 48,
                "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
                "window_size": 4, "global_attn_indexes": [1], "pretrain_image_size": 128,
            },
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]], "fpn_hidden_size": 32,
        },
        text_config={
            "model_type": "clip_text_model", "vocab_size": size, "hidden_size": 32,
            "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
            "max_position_embeddings": 32, "projection_dim": 32, "eos_token_id": 3,
        },
        geometry_encoder_config={**small, "num_layers": 1},
        detr_encoder_config={**small, "num_layers": 1},
        detr_decoder_config={**small, "num_layers": 2, "num_queries": 20},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 2, "num_upsampling_stages": 3},
    )  # fmt: skip
    return save_with_larger_weights(Sam3Model(config), folder)
