"""Checkpoints in transformers' format: the model, its processor, and errors that read as one line."""

import logging
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Any, Literal

import torch
import transformers
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

from som import devices
from som.errors import MissingDependencyError, VLMError
from som.segmenters.hub_files import first_line

Bits = Literal["4bit", "8bit"]


@dataclass(eq=False)
class Loaded:
    """A model that is ready.

    Attributes:
        name: of the checkpoint.
        model: in evaluation mode, on its device.
        processor: makes its inputs.
        device: where it runs.
        lock: held while it runs: one call at a time.
    """

    name: str
    model: Any
    processor: Any
    device: Any
    lock: RLock = field(default_factory=RLock)

    @property
    def tokenizer(self) -> Any:
        """What makes tokens of text."""
        return getattr(self.processor, "tokenizer", self.processor)

    @property
    def context(self) -> int | None:
        """Most tokens of prompt and reply together, where the checkpoint says."""
        text = self.model.config.get_text_config()
        return getattr(text, "max_position_embeddings", None)

    @property
    def ends(self) -> list[int]:
        """The tokens that end a reply."""
        ends = self.model.generation_config.eos_token_id
        ends = self.tokenizer.eos_token_id if ends is None else ends
        return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)

    @property
    def image_token_id(self) -> int | None:
        """The token that stands for a part of an image in the prompt."""
        config = self.model.config
        found = getattr(config, "image_token_id", getattr(config, "image_token_index", None))
        return found if isinstance(found, int) else getattr(self.processor, "image_token_id", None)


_kept: dict[tuple[Any, ...], Loaded] = {}
_loading = Lock()


def load(
    name: str, device: str = "auto", quantize: Bits | None = None, *, remote_code: bool = False
) -> Loaded:
    """Load a checkpoint; the last one stays loaded and is shared.

    Args:
        name: on the model hub, or a folder.
        device: "auto", "cuda", "mps" or "cpu".
        quantize: weights in 4 or 8 bits.
        remote_code: whether code that comes with the checkpoint may run.

    Raises:
        VLMError: no such checkpoint, one that takes no images, or memory ran out.
        MissingDependencyError: it needs another package.
    """
    key = (name, device, quantize, remote_code)
    with _loading:
        if key not in _kept:
            _kept.clear()
            devices.release()
            _kept[key] = _load(name, devices.pick(device), quantize, remote_code)
        return _kept[key]


def _load(name: str, device: Any, quantize: Bits | None, remote_code: bool) -> Loaded:
    transformers.logging.disable_progress_bar()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    config = _read(name, lambda: transformers.AutoConfig.from_pretrained(
        name, trust_remote_code=remote_code))  # fmt: skip
    options: dict[str, Any] = {"dtype": _precision(device), "use_safetensors": True}
    if quantize:
        options |= {"quantization_config": quantization(quantize, device), "device_map": {"": device}}
    model_class = _model_class(name, config, remote_code)
    try:
        model = _read(name, lambda: model_class.from_pretrained(
            name, config=config, trust_remote_code=remote_code, **options))  # fmt: skip
        model = model.eval() if quantize else model.to(device).eval()
    except (RuntimeError, MemoryError) as error:
        if devices.out_of_memory(error):
            raise VLMError(
                f"not enough memory for {name} on {device}; use a smaller model or --quantize 4bit"
            ) from error
        raise VLMError(f"cannot load {name}: {first_line(error)}") from error
    processor = _read(name, lambda: load_processor(name, config, remote_code=remote_code))
    return Loaded(name, model, processor, device)


def load_processor(name: str, config: Any, *, remote_code: bool = False) -> Any:
    """A checkpoint's processor.

    Those of Qwen-VL, InternVL and others also read videos, for which they want torchvision. We send
    images only, so where torchvision is missing they are made without their video part.

    Raises:
        VLMError: it makes no inputs of images.
    """
    try:
        processor = transformers.AutoProcessor.from_pretrained(name, trust_remote_code=remote_code)
    except (ImportError, ValueError) as error:
        if "torchvision" not in str(error).lower() or type(config) not in PROCESSOR_MAPPING:
            raise
        processor = images_only(name, config)
    if not hasattr(processor, "image_processor"):
        raise VLMError(f"{name} has no image processor, so it sees no images; name a model that does")
    return processor


def images_only(name: str, config: Any) -> Any:
    """A checkpoint's processor without its part for videos."""
    processor_class: Any = PROCESSOR_MAPPING[type(config)]

    class ImagesOnly(processor_class):  # type: ignore[misc]
        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument_name == "video_processor" and argument is None:
                return None
            return super().check_argument_for_proper_class(argument_name, argument)

    ImagesOnly.__name__ = processor_class.__name__
    settings, _ = processor_class.get_processor_dict(name)
    parts = {
        "image_processor": transformers.AutoImageProcessor.from_pretrained,
        "tokenizer": transformers.AutoTokenizer.from_pretrained,
    }
    made = [parts[part](name) if part in parts else None for part in processor_class.get_attributes()]
    return ImagesOnly.from_args_and_dict(made, settings)


def _model_class(name: str, config: Any, remote_code: bool) -> Any:
    kinds = (transformers.AutoModelForImageTextToText, transformers.AutoModelForCausalLM)
    own = getattr(config, "auto_map", None) or {}
    for kind in kinds:
        if remote_code and kind.__name__ in own:
            return kind
    if type(config) not in kinds[0]._model_mapping:
        raise VLMError(
            f"{name} is a {config.model_type} model, which does not answer in text about images"
        )
    return kinds[0]


def _precision(device: Any) -> Any:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float16 if device.type == "mps" else torch.float32


def quantization(bits: Bits, device: Any) -> Any:
    """How weights are made smaller: by bitsandbytes on cuda, by torchao (8 bits only) elsewhere.

    Raises:
        VLMError: there is no such size here.
        MissingDependencyError: the package is missing.
    """
    if bits not in ("4bit", "8bit"):
        raise VLMError(f"--quantize takes 4bit or 8bit, got {bits!r}")
    if bits == "4bit" and device.type != "cuda":
        raise VLMError(f"4bit needs cuda; on {device.type} use --quantize 8bit")
    package = "bitsandbytes" if device.type == "cuda" else "torchao"
    try:
        __import__(package)
    except ImportError as error:
        raise MissingDependencyError(
            f"--quantize {bits} on {device.type} needs {package}: pip install {package}"
        ) from error
    if package == "torchao":
        from torchao.quantization import Int8WeightOnlyConfig

        return transformers.TorchAoConfig(Int8WeightOnlyConfig())
    if bits == "8bit":
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=_precision(device)
    )


def _read(name: str, read: Any) -> Any:
    """Read a part of a checkpoint, with errors that say what to do."""
    try:
        return read()
    except ImportError as error:
        raise _missing(name, error) from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        text = str(error)
        if "trust_remote_code" in text:
            reason = "comes with code of its own, which runs only if you allow it: --allow-remote-code"
        elif "gated repo" in text or "401 Client Error" in text:
            reason = "is gated: accept its licence on its page, then run: hf auth login"
        elif "does not recognize this architecture" in text:
            reason = f"is a kind that transformers {transformers.__version__} does not know; update it"
        elif isinstance(error, OSError):
            raise VLMError(
                f"no model {name!r}: no folder with config.json, and not to be had from the model hub "
                f"({first_line(error)})"
            ) from error
        else:
            reason = f"cannot be loaded: {first_line(error)}"
        raise VLMError(f"{name} {reason}") from error


def _missing(name: str, error: ImportError) -> MissingDependencyError:
    text = " ".join(str(error).split())
    package = error.name or next(
        (part for part in ("torchvision", "timm", "num2words", "einops", "accelerate") if part in text),
        "",
    )
    hint = f"pip install {package}" if package else first_line(error)
    return MissingDependencyError(f"{name} needs another package: {hint}")
