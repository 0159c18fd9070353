"""A tiny vision-language model for llama.cpp: a language model and its eye, as two GGUF files.

Random weights of a Llama and of a CLIP with LLaVA's projector; names and keys are those of llama.cpp's
converters.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HIDDEN, LAYERS, HEADS, KEY_HEADS = 64, 96, 2, 4, 2
EYE_WIDTH, EYE_HIDDEN, EYE_LAYERS, EYE_HEADS, PATCH, SIDE = 32, 64, 2, 2, 8, 32
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_tiny_gguf(folder: Path) -> tuple[Path, Path]:
    """Build both files.

    Returns:
        The language model's, and the eye's.
    """
    from tests.agents.tiny_vlm import TURNS, make_tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = json.loads(make_tokenizer(TURNS, "").backend_tokenizer.to_str())
    rng = np.random.default_rng(0)
    model, eye = folder / "tiny.gguf", folder / "tiny-mmproj.gguf"
    _save_text(model, tokenizer, rng)
    _save_eye(eye, rng)
    return model, eye


def _save_text(path: Path, tokenizer: dict[str, Any], rng: np.random.Generator) -> None:
    import gguf

    vocabulary = tokenizer["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.get)
    control = {token["content"] for token in tokenizer["added_tokens"]}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    kinds = gguf.TokenType
    writer.add_token_types([kinds.CONTROL if token in control else kinds.NORMAL for token in tokens])
    writer.add_bos_token_id(vocabulary["<s>"])
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    writer.add_pad_token_id(vocabulary["<pad>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    keys = WIDTH * KEY_HEADS // HEADS
    shapes = {
        "token_embd": (len(tokens), WIDTH),
        "output": (len(tokens), WIDTH),
        "output_norm": (WIDTH,),
    }
    for i in range(LAYERS):
        layer = {
            "attn_norm": (WIDTH,), "attn_q": (WIDTH, WIDTH), "attn_k": (keys, WIDTH),
            "attn_v": (keys, WIDTH), "attn_output": (WIDTH, WIDTH), "ffn_norm": (WIDTH,),
            "ffn_gate": (HIDDEN, WIDTH), "ffn_up": (HIDDEN, WIDTH), "ffn_down": (WIDTH, HIDDEN),
        }  # fmt: skip
        shapes |= {f"blk.{i}.{name}": shape for name, shape in layer.items()}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", _values(shape, rng))
    _write(writer)


def _save_eye(path: Path, rng: np.random.Generator) -> None:
    import gguf

    writer = gguf.GGUFWriter(path, "clip")
    writer.add_string("general.type", "mmproj")
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.use_gelu", False)
    sizes = {
        "image_size": SIDE, "patch_size": PATCH, "embedding_length": EYE_WIDTH,
        "feed_forward_length": EYE_HIDDEN, "projection_dim": WIDTH, "block_count": EYE_LAYERS,
        "attention.head_count": EYE_HEADS,
    }  # fmt: skip
    for name, size in sizes.items():
        writer.add_uint32(f"clip.vision.{name}", size)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.48, 0.46, 0.41])
    writer.add_array("clip.vision.image_std", [0.27, 0.26, 0.28])
    writer.add_tensor("v.class_embd", _values((EYE_WIDTH, 1), rng)[:, 0])
    patches = (SIDE // PATCH) ** 2
    writer.add_tensor("v.patch_embd.weight", _values((EYE_WIDTH, 3, PATCH, PATCH), rng))
    writer.add_tensor("v.position_embd.weight", _values((patches + 1, EYE_WIDTH), rng))
    square = (EYE_WIDTH, EYE_WIDTH)
    shapes = {"v.pre_ln": (EYE_WIDTH,), "mm.0": (WIDTH, EYE_WIDTH), "mm.2": (WIDTH, WIDTH)}
    for i in range(EYE_LAYERS):
        layer = {
            "ln1": (EYE_WIDTH,), "attn_q": square, "attn_k": square, "attn_v": square,
            "attn_out": square, "ln2": (EYE_WIDTH,), "ffn_up": (EYE_HIDDEN, EYE_WIDTH),
            "ffn_down": (EYE_WIDTH, EYE_HIDDEN),
        }  # fmt: skip
        shapes |= {f"v.blk.{i}.{name}": shape for name, shape in layer.items()}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", _values(shape, rng))
        writer.add_tensor(f"{name}.bias", np.zeros(shape[0], np.float32))
    _write(writer)


def _values(shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Ones for a norm, small random numbers for all else."""
    if len(shape) == 1:
        return np.ones(shape, np.float32)
    return rng.normal(0, 0.15, shape).astype(np.float32)


def _write(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
