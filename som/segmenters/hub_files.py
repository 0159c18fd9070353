"""What checkpoints in transformers' format say of themselves, and errors that read as one line."""

import logging
from typing import Any

from som.errors import SegmenterError

# How most vision models see pixels unless their checkpoint says otherwise.
IMAGENET = {"image_mean": (0.485, 0.456, 0.406), "image_std": (0.229, 0.224, 0.225)}
CLIP = {
    "image_mean": (0.48145466, 0.4578275, 0.40821073),
    "image_std": (0.26862954, 0.26130258, 0.27577711),
}
HALVES = {"image_mean": (0.5, 0.5, 0.5), "image_std": (0.5, 0.5, 0.5)}


def model_type(name: str) -> str:
    """The kind of model that a checkpoint holds, from its config.json.

    Args:
        name: on the model hub, or a folder.

    Raises:
        SegmenterError: there is no such checkpoint, or no network.
    """
    import transformers

    # The bar for reading a file already there; fetching has one of its own. Without a network the
    # hub's client would report each attempt; the error says it once.
    transformers.logging.disable_progress_bar()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        settings, _ = transformers.PreTrainedConfig.get_config_dict(name)
    except (OSError, ValueError) as error:
        raise SegmenterError(
            f"no checkpoint {name!r}: no folder with config.json, and not to be had from the model hub "
            f"({first_line(error)})"
        ) from error
    if "model_type" not in settings:
        raise SegmenterError(f"no checkpoint {name!r}: the folder has no config.json of a model")
    return str(settings["model_type"])


def image_settings(name: str, usual: dict[str, Any]) -> dict[str, Any]:
    """Settings of a checkpoint's image processor (`image_mean`, `image_std`, `size`), or the usual."""
    from transformers import ImageProcessingMixin

    try:
        settings, _ = ImageProcessingMixin.get_image_processor_dict(name)
    except OSError:
        return usual
    return {**usual, **{key: value for key, value in settings.items() if value is not None}}


def load(name: str, model_class: Any) -> Any:
    """A model of a class of transformers, in evaluation mode; from safetensors only.

    Raises:
        SegmenterError: no weights, other weights, or a package is missing.
    """
    try:
        return model_class.from_pretrained(name, use_safetensors=True).eval()
    except (OSError, ValueError, RuntimeError) as error:
        raise SegmenterError(f"cannot load {name}: {first_line(error)}") from error
    except ImportError as error:
        needs = next((part for part in ("timm", "torchvision") if part in str(error)), None)
        hint = f"pip install {needs}" if needs else first_line(error)
        raise SegmenterError(f"{name} needs another package: {hint}") from error


def tokenizer(name: str) -> Any:
    """A checkpoint's tokenizer.

    Raises:
        SegmenterError: it has none that can be read.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise SegmenterError(f"{name} has no tokenizer to read: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    return str(error).strip().partition("\n")[0]
