"""Our automatic masks beside segment-anything's own generator: same weights, grid and thresholds.

    python -m benchmarks.sam [--weights sam_vit_b_01ec64.pth] [IMAGE ...]

Prints how many masks each has a counterpart for at IoU >= 0.98, the seconds that go into encoding,
decoding and everything after, and the most memory held at once, as ratios in one run. Without weights
it takes a vit_b of random ones, whose encoder and decoder cost what trained ones do, and replaces the
decoder's answer by local masks (`benchmarks.local_decoder`).
"""

import argparse
import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage import data

from benchmarks.local_decoder import LocalDecoder
from som.devices import pick
from som.image import load_image, resize
from som.segmenters.sam._torchvision import import_segment_anything
from som.segmenters.sam.automatic import masks_everywhere
from som.segmenters.sam.original import OriginalSam, load_original

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
SAME = 0.98


@dataclass
class Spent:
    """Seconds and bytes of one run."""

    encode: float = 0
    decode: float = 0
    total: float = 0
    memory: int = 0

    @property
    def after(self) -> float:
        """Seconds after decoding: enlarging, sorting out, packing."""
        return self.total - self.encode - self.decode


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", nargs="*", type=Path)
    parser.add_argument("--weights", type=Path, help="a checkpoint of the segment-anything package")
    parser.add_argument("--points", type=int, default=32, help="points a side")
    parser.add_argument("--layers", type=int, default=0, help="layers of crops")
    parser.add_argument("--side", type=int, default=1024, help="longest side of the images")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--compile", action="store_true", help="ours with a compiled encoder")
    args = parser.parse_args()
    model, score, stability = _model(args.weights, pick(args.device), args.compile)
    chosen = [load_image(path) for path in args.images] or [
        data.coffee(),
        data.astronaut(),
        data.rocket(),
    ]
    print(f"{'image':>12} {'masks':>11} {'matched':>13}  encode  decode  after   total   memory")
    for whole in chosen:
        factor = args.side / max(whole.shape[:2])
        image = resize(whole, (round(whole.shape[1] * factor), round(whole.shape[0] * factor)))
        compare(model, image, args.points, args.layers, score, stability)


def compare(
    model: OriginalSam, image: Image, points: int, layers: int, score: float, stability: float
) -> None:
    """Both on one image."""
    theirs = import_segment_anything().SamAutomaticMaskGenerator(
        model.sam,
        points_per_side=points,
        pred_iou_thresh=score,
        stability_score_thresh=stability,
        crop_n_layers=layers,
    )
    records, slow = _measured(model, lambda: theirs.generate(image))
    found, fast = _measured(
        model,
        lambda: masks_everywhere(
            model,
            image,
            points_per_side=points,
            min_score=score,
            min_stability=stability,
            layers=layers,
        ),
    )
    their_masks = [record["segmentation"] for record in records if record["area"]]
    our_masks = [mask.mask.to_dense()[0] for mask in found]
    there, back = matched(their_masks, our_masks), matched(our_masks, their_masks)
    size = f"{image.shape[1]}x{image.shape[0]}"
    print(f"{size:>12} {len(their_masks):>4} / {len(our_masks):>4} {there:6.1%} {back:6.1%}", end="")
    for name in ("encode", "decode", "after", "total"):
        print(f" {getattr(slow, name):5.1f}s", end="")
    print(f" {slow.memory / 2**20:5.0f} MiB  segment-anything")
    print(" " * 38, end="")
    for name in ("encode", "decode", "after", "total"):
        print(f" {getattr(fast, name):5.1f}s", end="")
    print(f" {fast.memory / 2**20:5.0f} MiB  ours")
    ratios = (slow.after / fast.after, slow.total / fast.total, slow.memory / max(fast.memory, 1))
    print(f"{'':>38} after 1/{ratios[0]:.1f}, total 1/{ratios[1]:.2f}, memory 1/{ratios[2]:.1f}")


def matched(some: list[Mask], others: list[Mask]) -> float:
    """Share of the masks that have one among the others at IoU >= 0.98."""
    areas = np.array([mask.sum() for mask in others])
    hits = 0
    for mask in some:
        near = np.flatnonzero(np.abs(areas / mask.sum() - 1) < 0.05)
        hits += any((mask & others[i]).sum() >= SAME * (mask | others[i]).sum() for i in near)
    return hits / max(1, len(some))


def _model(weights: Path | None, device: Any, compiled: bool) -> tuple[OriginalSam, float, float]:
    """The model, and the thresholds that suit it."""
    if weights is not None:
        return load_original(weights, device, compiled=compiled), 0.88, 0.95
    torch.manual_seed(0)
    sam = import_segment_anything().sam_model_registry["vit_b"]()
    sam.mask_decoder = LocalDecoder(sam, timed=sam.mask_decoder)
    return OriginalSam(sam, device, compiled=compiled), 0.9, 0.88


def _measured(model: OriginalSam, run: Callable[[], Any]) -> tuple[Any, Spent]:
    spent = Spent()
    hooks = [
        *_timed(model.sam.image_encoder, spent, "encode"),
        *_timed(model.sam.prompt_encoder, spent, "decode"),
        *_timed(model.sam.mask_decoder, spent, "decode"),
    ]
    gc.collect()
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(spent, done))
    watch.start()
    start = perf_counter()
    result = run()
    spent.total = perf_counter() - start
    done.set()
    watch.join()
    for hook in hooks:
        hook.remove()
    return result, spent


def _timed(module: Any, spent: Spent, name: str) -> list[Any]:
    started: list[float] = []

    def before(*_: Any) -> None:
        started.append(perf_counter())

    def after(*_: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        setattr(spent, name, getattr(spent, name) + perf_counter() - started.pop())

    return [module.register_forward_pre_hook(before), module.register_forward_hook(after)]


def _watch(spent: Spent, done: threading.Event) -> None:
    """The most memory the process holds above what it holds now."""
    page = 4096
    statm = Path("/proc/self/statm")
    first = int(statm.read_text().split()[1]) * page
    while not done.is_set():
        spent.memory = max(spent.memory, int(statm.read_text().split()[1]) * page - first)
        sleep(0.02)


if __name__ == "__main__":
    main()
