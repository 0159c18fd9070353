"""Real vision-language models of several families, tiny and randomly initialised.

They answer with random words, but they load, see images, stream and choose as their large kin do, so
that the whole way is tested without a download. Each has about 100,000 parameters and reads bytes.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] in ('image', 'image_url') %}IMAGE"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# As Gemma's: no system role, and turns must alternate.
NO_SYSTEM = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' or (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user/assistant') }}{% endif %}"
    "<|im_start|>{{ message['role'] }}\n{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}IMAGE"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TURNS = ["<|im_start|>", "<|im_end|>"]


def save_tiny(family: str, folder: Path) -> Path:
    """Build a model and save it with its tokenizer and processor.

    Args:
        family: one of `FAMILIES`.
        folder: where; it is made.

    Returns:
        The folder, as `transformers` loads it.
    """
    import torch

    torch.manual_seed(0)
    model, tokenizer, *others = FAMILIES[family]()
    ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")]
    model.generation_config.update(eos_token_id=ends, pad_token_id=0, bos_token_id=1, do_sample=False)
    # Characters that can be seen, and no end: an untrained model would as soon say nothing.
    seen = {chr(byte) for byte in range(33, 127)}
    hidden = [i for token, i in tokenizer.get_vocab().items() if not set(token) <= seen]
    hidden += list(tokenizer.added_tokens_decoder)
    model.get_output_embeddings().weight.data[hidden] = 0
    for part in (model.eval(), tokenizer, *others):
        part.save_pretrained(folder)
    if family in SETTINGS:
        (folder / "processor_config.json").write_text(json.dumps(SETTINGS[family]))
    return folder


def save_tiny_llava(folder: Path) -> Path:
    """The family that a server loads fastest."""
    return save_tiny("llava", folder)


def make_tokenizer(special: Sequence[str], image: str, template: str = CHATML, **names: str) -> Any:
    """Reads UTF-8 bytes, and a few pairs of them at once, as real vocabularies do."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    first = ["<pad>", "<s>", "</s>", "<unk>", *special]
    vocabulary = {token: i for i, token in enumerate(first)}
    for byte in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocabulary.setdefault(byte, len(vocabulary))
    merges = [("n", "o"), ("n", "e"), ("no", "ne"), ("1", "2"), ("1", "]"), ('"', ":")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens(first)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        extra_special_tokens=names,
    )  # fmt: skip
    tokenizer.chat_template = template.replace("IMAGE", image)
    return tokenizer


def _text(tokenizer: Any, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 8192, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
        **more,
    }  # fmt: skip


def _llava() -> list[Any]:
    import transformers as t

    tokenizer = make_tokenizer([*TURNS, "<image>"], "<image>")
    side = {"height": 32, "width": 32}
    processor = t.LlavaProcessor(
        image_processor=t.CLIPImageProcessorPil(size=side, crop_size=side),
        tokenizer=tokenizer, patch_size=8, vision_feature_select_strategy="default",
        chat_template=tokenizer.chat_template, image_token="<image>", num_additional_image_tokens=1,
    )  # fmt: skip
    vision = t.CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        image_size=32, patch_size=8, projection_dim=32,
    )  # fmt: skip
    config = t.LlavaConfig(
        vision_config=vision, text_config=t.LlamaConfig(**_text(tokenizer)), vision_feature_layer=-1,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"), pad_token_id=0, eos_token_id=2,
    )  # fmt: skip
    return [t.LlavaForConditionalGeneration(config), tokenizer, processor]


def _smolvlm() -> list[Any]:
    """As HuggingFaceTB/SmolVLM-256M-Instruct: Idefics 3, which cuts large images into tiles."""
    import transformers as t

    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    images = ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"]
    tokenizer = make_tokenizer([*TURNS, *images, *tiles], "<image>")
    processor = t.Idefics3Processor(
        t.Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32}),
        tokenizer, image_seq_len=4, chat_template=tokenizer.chat_template,
    )  # fmt: skip
    config = t.Idefics3Config(
        text_config=t.LlamaConfig(**_text(tokenizer)),
        vision_config={
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 32, "patch_size": 8,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"), scale_factor=2, pad_token_id=0,
    )  # fmt: skip
    return [t.Idefics3ForConditionalGeneration(config), tokenizer, processor]


def _qwen2_5_vl() -> list[Any]:
    """Positions in two dimensions, images at their own size; its processor wants torchvision."""
    import transformers as t

    tokenizer, ids = _qwen_tokenizer()
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    config = t.Qwen2_5_VLConfig(
        text_config=_text(tokenizer, rope_parameters=rope),
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2,
            "out_hidden_size": 64, "patch_size": 4, "spatial_merge_size": 2, "window_size": 16,
            "fullatt_block_indexes": [1],
        },
        **ids,
    )  # fmt: skip
    return [t.Qwen2_5_VLForConditionalGeneration(config), tokenizer, _qwen_images()]


def _qwen3_vl() -> list[Any]:
    import transformers as t

    tokenizer, ids = _qwen_tokenizer()
    rope = {
        "rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0,
        "mrope_interleaved": True,
    }  # fmt: skip
    config = t.Qwen3VLConfig(
        text_config=_text(tokenizer, rope_parameters=rope, head_dim=16),
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2,
            "out_hidden_size": 64, "patch_size": 4, "spatial_merge_size": 2,
            "num_position_embeddings": 64, "deepstack_visual_indexes": [0],
        },
        **ids,
    )  # fmt: skip
    return [t.Qwen3VLForConditionalGeneration(config), tokenizer, _qwen_images()]


def _qwen_tokenizer() -> tuple[Any, dict[str, int]]:
    marks = {
        "vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>",
        "image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>",
    }  # fmt: skip
    tokenizer = make_tokenizer([*TURNS, *marks.values()], "<|vision_start|><|image_pad|><|vision_end|>")
    return tokenizer, {name: tokenizer.convert_tokens_to_ids(mark) for name, mark in marks.items()}


def _qwen_images() -> Any:
    from transformers import Qwen2VLImageProcessorPil

    size = {"shortest_edge": 16 * 16, "longest_edge": 96 * 96}
    return Qwen2VLImageProcessorPil(patch_size=4, merge_size=2, size=size)


def _internvl() -> list[Any]:
    """Its processor wants torchvision, for videos."""
    import transformers as t

    names = {
        "start_image_token": "<img>", "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>", "video_token": "<video>",
    }  # fmt: skip
    tokenizer = make_tokenizer([*TURNS, *names.values()], "<IMG_CONTEXT>\n", **names)
    images = t.GotOcr2ImageProcessorPil(
        size={"height": 32, "width": 32}, crop_to_patches=True, min_patches=1, max_patches=4
    )
    config = t.InternVLConfig(
        text_config=t.Qwen2Config(**_text(tokenizer)),
        vision_config={
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": [32, 32], "patch_size": [8, 8],
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"), image_seq_length=4,
    )  # fmt: skip
    return [t.InternVLForConditionalGeneration(config), tokenizer, images]


def _gemma3() -> list[Any]:
    """Its template has no system role; its text model looks back a window only."""
    import torch
    import transformers as t

    names = {"boi_token": "<boi>", "eoi_token": "<eoi>", "image_token": "<image_soft_token>"}
    tokenizer = make_tokenizer([*TURNS, *names.values()], "<boi>", NO_SYSTEM, **names)
    processor = t.Gemma3Processor(
        t.Gemma3ImageProcessorPil(size={"height": 32, "width": 32}), tokenizer,
        image_seq_length=4, chat_template=tokenizer.chat_template,
    )  # fmt: skip
    config = t.Gemma3Config(
        text_config=_text(tokenizer, head_dim=16, sliding_window=64,
                          layer_types=["sliding_attention", "full_attention"]),
        vision_config={
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 32, "patch_size": 8, "vision_use_head": False,
        },
        mm_tokens_per_image=4, boi_token_index=tokenizer.convert_tokens_to_ids("<boi>"),
        eoi_token_index=tokenizer.convert_tokens_to_ids("<eoi>"),
        image_token_index=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
    )  # fmt: skip
    model = t.Gemma3ForConditionalGeneration(config)
    # It starts at zero, where no image shows.
    torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight, std=0.2)
    return [model, tokenizer, processor]


# Of processors that cannot be made here, since they want torchvision for videos.
SETTINGS = {
    "qwen2_5_vl": {"processor_class": "Qwen2_5_VLProcessor"},
    "qwen3_vl": {"processor_class": "Qwen3VLProcessor"},
    "internvl": {"processor_class": "InternVLProcessor", "image_seq_length": 4},
}
FAMILIES: dict[str, Callable[[], list[Any]]] = {
    "llava": _llava,
    "smolvlm": _smolvlm,
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen3_vl": _qwen3_vl,
    "internvl": _internvl,
    "gemma3": _gemma3,
}
