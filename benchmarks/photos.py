"""How well photo regions match what people outline, beside other segmenters, in one run.

    python -m benchmarks.photos DIR [--split tuning|reporting|all] [--sheet worst.png]

DIR holds photos (`NAME.jpg`) and, beside each, the segmentations that several people drew, as in
BSDS500 (`NAME.mat`; Arbelaez et al., PAMI 2011). For every segment of every person that covers at
least 1% of the photo, the best intersection over union among at most 100 regions. The constants of
`som.segmenters.photo` were chosen on the tuning split: three photos of every five, in order of name.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from skimage.segmentation import felzenszwalb, slic, watershed
from tqdm import tqdm

from som.segmenters.photo import PhotoSegmenter

Image = NDArray[np.uint8]
Masks = NDArray[np.bool_]
Segment = Callable[[Image], Masks]

MOST_REGIONS = 100
LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Photo:
    """One photo and every person's label map (H, W) of it."""

    name: str
    image: Image
    people: list[NDArray[np.intp]]


@dataclass(frozen=True)
class Scores:
    """Of one photo: best IoU per human segment (k,), seconds, number of regions."""

    best_iou: NDArray[np.float32]
    seconds: float
    regions: int


def read_photos(folder: Path, split: str) -> list[Photo]:
    """Read the photos of a split; `tuning` has three of every five, `reporting` the other two."""
    paths = sorted(folder.glob("*.jpg"))
    picked = {"tuning": {0, 1, 2}, "reporting": {3, 4}, "all": set(range(5))}[split]
    return [_read(path) for k, path in enumerate(paths) if k % 5 in picked]


def _read(path: Path) -> Photo:
    truth = loadmat(path.with_suffix(".mat"))["groundTruth"]
    people = [truth[0, k]["Segmentation"][0, 0].astype(np.intp) for k in range(truth.shape[1])]
    image = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)
    return Photo(path.stem, image, people)


def best_ious(masks: Masks, people: Sequence[NDArray[np.intp]]) -> NDArray[np.float32]:
    """Best IoU (k,) of each human segment that is large enough, over masks (n, H, W)."""
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    best = []
    for labels in people:
        ids, which = np.unique(labels, return_inverse=True)
        segments = np.eye(len(ids), dtype=np.float32)[which.ravel()]
        size = segments.sum(axis=0)
        common = flat @ segments
        iou = common / (flat.sum(axis=1)[:, None] + size - common)
        best.append(iou.max(axis=0, initial=0)[size >= LEAST_SHARE * labels.size])
    return np.concatenate(best)


def evaluate(segment: Segment, photos: Sequence[Photo], name: str) -> list[Scores]:
    """Scores of each photo."""
    scores = []
    for photo in tqdm(photos, desc=name, leave=False):
        start = time.perf_counter()
        masks = segment(photo.image)
        seconds = time.perf_counter() - start
        scores.append(Scores(best_ious(masks, photo.people), seconds, len(masks)))
    return scores


def ours(granularity: float) -> Segment:
    """`PhotoSegmenter` at one granularity."""
    segmenter = PhotoSegmenter(granularity=granularity, max_regions=MOST_REGIONS)
    return lambda image: np.asarray(segmenter(image).mask, bool)


def from_labels(label: Callable[[Image], NDArray[np.intp]]) -> Segment:
    """The largest regions of a label map."""

    def segment(image: Image) -> Masks:
        labels = label(image)
        ids, sizes = np.unique(labels, return_counts=True)
        largest = ids[np.argsort(-sizes, kind="stable")[:MOST_REGIONS]]
        masks: Masks = labels == largest[:, None, None]
        return masks

    return segment


def several(segments: Sequence[Segment]) -> Segment:
    """Regions of several settings together, an equal share of each."""
    share = MOST_REGIONS // len(segments)
    return lambda image: np.concatenate([segment(image)[:share] for segment in segments])


def _felzenszwalb(scale: int, min_size: int) -> Segment:
    return from_labels(lambda image: felzenszwalb(image, scale=scale, sigma=0.8, min_size=min_size))


def _slic(regions: int) -> Segment:
    return from_labels(lambda image: slic(image, n_segments=regions, start_label=0))


def _watershed(markers: int) -> Segment:
    def label(image: Image) -> NDArray[np.intp]:
        smooth = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 2)
        slope = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
        labels: NDArray[np.intp] = watershed(slope, markers=markers)
        return labels

    return from_labels(label)


def contenders() -> dict[str, Segment]:
    """What is compared, by the name in the table."""
    felzenszwalbs = [_felzenszwalb(*setting) for setting in ((200, 200), (300, 500), (800, 300))]
    return {
        "photo, granularity 1": ours(1.0),
        "photo, granularity 0.5": ours(0.5),
        "photo, granularity 0": ours(0.0),
        "felzenszwalb 300/500": felzenszwalbs[1],
        "felzenszwalb 400/200": _felzenszwalb(400, 200),
        "felzenszwalb, 3 settings": several(felzenszwalbs),
        "slic 25": _slic(25),
        "slic 8 + 25 + 67": several([_slic(8), _slic(25), _slic(67)]),
        "watershed 50": _watershed(50),
    }


def draw_sheet(photos: Sequence[Photo], scores: Sequence[Scores], path: Path, worst: int) -> None:
    """Write the worst photos, one a row: a person's outlines, and each segment's best region.

    The segments matched best are outlined in green, those below an IoU of 0.5 in red.
    """
    order = sorted(range(len(photos)), key=lambda k: float(scores[k].best_iou.mean()))
    rows = [_sheet_row(photos[k], scores[k]) for k in order[:worst]]
    width = max(row.shape[1] for row in rows)
    sheet = np.concatenate([np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0))) for row in rows])
    cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


def _sheet_row(photo: Photo, scores: Scores) -> Image:
    regions = PhotoSegmenter(granularity=1, max_regions=MOST_REGIONS)(photo.image)
    masks = np.asarray(regions.mask, bool)
    person = photo.people[0]
    truth, matched = photo.image.copy(), photo.image.copy()
    for label in np.unique(person):
        segment = person == label
        if segment.mean() < LEAST_SHARE:
            continue
        iou = (masks & segment).sum(axis=(1, 2)) / (masks | segment).sum(axis=(1, 2))
        colour = (60, 255, 60) if iou.max() >= 0.5 else (255, 40, 40)
        for picture, mask in ((truth, segment), (matched, masks[iou.argmax()])):
            outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(picture, outlines, -1, colour, 2)
    title = f"{photo.name} {scores.best_iou.mean():.2f}"
    cv2.putText(truth, title, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 0), 2)
    row: Image = np.concatenate([truth, matched], axis=1)
    return row


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.photos", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", choices=("tuning", "reporting", "all"), default="reporting")
    parser.add_argument("--only", help="only contenders whose name contains this")
    parser.add_argument("--sheet", type=Path, help="write a picture of the worst photos")
    parser.add_argument("--worst", type=int, default=10, help="how many of them")
    arguments = parser.parse_args()
    photos = read_photos(arguments.folder, arguments.split)
    if not photos:
        parser.error(f"no .jpg with a .mat beside it in {arguments.folder}")
    ours(1.0)(photos[0].image)  # The first call loads libraries.
    print(f"{len(photos)} photos, {arguments.split} split, at most {MOST_REGIONS} regions")
    print(f"{'':26}{'mean IoU':>9}{'>= 0.5':>8}{'s/photo':>9}{'regions':>9}")
    for name, segment in contenders().items():
        if arguments.only and arguments.only not in name:
            continue
        scores = evaluate(segment, photos, name)
        best = np.concatenate([score.best_iou for score in scores])
        seconds = np.mean([score.seconds for score in scores])
        count = np.mean([score.regions for score in scores])
        print(
            f"{name:26}{best.mean():9.3f}{(best >= 0.5).mean():8.3f}{seconds:9.3f}{count:9.1f}",
            flush=True,
        )
        if arguments.sheet and name == "photo, granularity 1":
            draw_sheet(photos, scores, arguments.sheet, arguments.worst)


if __name__ == "__main__":
    main()
