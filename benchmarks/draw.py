"""How fast placement and drawing are, beside supervision's annotators and one matplotlib figure.

    python -m benchmarks.draw

Everything runs in one process on the same masks; the table gives the best of several runs and ratios
to ours. The matplotlib row draws as the original Set-of-Mark code does: one figure, and for each mask
a distance transform for the position of its label, a soft fill, a contour and a text.
"""

import argparse
import resource
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray
from skimage import data, segmentation

from som.colors import assign
from som.draw import draw
from som.image import resize
from som.names import label_names
from som.place import Kind, place
from som.regions import crops_of, make_regions
from som.style import Style

Image = NDArray[np.uint8]
FULL = Style(shapes=("fill", "outline"), opacity=0.4)


def photo_masks(n: int, size_wh: tuple[int, int]) -> tuple[Image, sv.Detections]:
    """A photo and `n` compact masks: four levels from subparts to the whole, as SAM gives them."""
    image = resize(data.astronaut(), size_wh)
    small = resize(image, (size_wh[0] // 4, size_wh[1] // 4))
    shares = {0.68: 90, 0.23: 30, 0.07: 10, 0.02: 3}  # of 133 masks
    crops: list[sv.CompactMask] = []
    for share in shares:
        wanted = n - len(crops) if share == min(shares) else round(n * share)
        labels = segmentation.slic(small, n_segments=wanted * 3 + 6, compactness=8, start_label=0)
        # More superpixels than wanted, joined with the next: ragged shapes, some in two parts.
        for pair in np.array_split(np.arange(labels.max() + 1), wanted):
            mask = cv2.resize(np.isin(labels, pair).astype(np.uint8), size_wh).astype(bool)
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            box = np.array([[columns[0], rows[0], columns[-1], rows[-1]]], np.float32)
            crops.append(sv.CompactMask.from_dense(mask[None], box, (size_wh[1], size_wh[0])))
    masks = sv.CompactMask.merge(crops)
    boxes = masks.bbox_xyxy.astype(np.float32)
    boxes[:, 2:] += 1
    return image, make_regions(boxes, mask=masks)


def ours(image: Image, regions: sv.Detections, style: Style) -> Image:
    """Placement, colours and drawing, from compact masks or boxes to pixels."""
    size_wh = image.shape[1], image.shape[0]
    labels = label_names(len(regions), "numbers")
    crops = crops_of(regions)
    placement = place(regions, labels, size_wh, style=style, image=image, crops=crops)
    assert (placement.kind != Kind.DROPPED).all()
    colors = assign(regions, image)
    return draw(image, regions, placement, labels, style=style, colors_rgb=colors, crops=crops)


def supervisions(image: Image, detections: sv.Detections) -> Image:
    """Its mask, polygon and label annotators, with dense masks, as its users chain them."""
    labels = label_names(len(detections), "numbers")
    scene = sv.MaskAnnotator(color_lookup=sv.ColorLookup.INDEX).annotate(image.copy(), detections)
    scene = sv.PolygonAnnotator(color_lookup=sv.ColorLookup.INDEX).annotate(scene, detections)
    annotator = sv.LabelAnnotator(color_lookup=sv.ColorLookup.INDEX, text_position=sv.Position.CENTER)
    return np.asarray(annotator.annotate(scene, detections, labels))


def one_figure(image: Image, masks: NDArray[np.bool_]) -> None:
    """One matplotlib figure, mark by mark."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = image.shape[:2]
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, frameon=False)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.axis("off")
    axes.imshow(image, extent=(0, width, height, 0), interpolation="nearest")
    rng = np.random.default_rng(0)
    for i, mask in enumerate(masks):
        color = rng.random(3)
        depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 0)[1:-1, 1:-1]
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        contours, tree = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        holes = bool((tree[0][:, 3] >= 0).any())
        if holes:  # a polygon cannot show them, so the mask is drawn as a picture
            tint = np.zeros((height, width, 4), np.float32)
            tint[mask] = (*color, 0.4)
            axes.imshow(tint, extent=(0, width, height, 0))
        for contour in contours:
            if len(contour) > 2:
                face = (*color, 0.0 if holes else 0.4)
                points = contour.reshape(-1, 2)
                axes.add_patch(mpl.patches.Polygon(points, facecolor=face, edgecolor=(*color, 1.0)))
        box = {"facecolor": "black", "alpha": 0.6, "pad": 0.7, "edgecolor": "none"}
        axes.text(float(x), float(y), str(i + 1), color=color, bbox=box, ha="center", va="center")
    canvas.draw()
    np.asarray(canvas.buffer_rgba())


def best(function: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of several runs."""
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        function()
        seconds.append(perf_counter() - start)
    return min(seconds)


def extra_memory(function: Callable[[], object]) -> float:
    """Megabytes by which resident memory rises above what it is now, sampled while it runs."""
    page = resource.getpagesize()

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * page

    before, peak, done = resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    function()
    done.set()
    watcher.join()
    return (max(peak[0], resident()) - before) / 1e6


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--skip-figure", action="store_true", help="leave the slow figure out")
    options = parser.parse_args()

    image, regions = photo_masks(133, (1920, 1080))
    assert isinstance(regions.mask, sv.CompactMask)
    masks = regions.mask.to_dense()
    dense = sv.Detections(xyxy=regions.xyxy, mask=masks, class_id=np.zeros(len(regions), int))
    fast = best(lambda: ours(image, regions, FULL), options.repeats)
    annotators = best(lambda: supervisions(image, dense), 3)
    print(f"{len(regions)} masks at 1920x1080, fills, outlines and labels")
    print(f"  ours                          {fast * 1e3:9.1f} ms")
    print(f"  supervision's three annotators{annotators * 1e3:9.1f} ms   1/{annotators / fast:.0f}")
    if not options.skip_figure:
        figure = best(lambda: one_figure(image, masks), 1)
        print(f"  one matplotlib figure         {figure * 1e3:9.1f} ms   1/{figure / fast:.0f}")

    seconds = {}
    for n in (100, 1000):
        image, regions = photo_masks(n, (3840, 2160))
        memory = extra_memory(lambda: ours(image, regions, FULL))  # noqa: B023
        seconds[n] = best(lambda: ours(image, regions, FULL), options.repeats)  # noqa: B023
        print(f"{len(regions)} masks at 3840x2160: {seconds[n] * 1e3:.1f} ms, {memory:.0f} MB extra")
    print(f"  1000 masks take {seconds[1000] / seconds[100]:.2f} times as long as 100")

    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(20) * 95 + 12, np.arange(10) * 105 + 24), -1).reshape(-1, 2)
    corners = grid + rng.integers(0, 12, grid.shape)
    boxes = np.hstack((corners, corners + rng.integers((20, 16), (70, 40), grid.shape)))
    page = resize(data.page()[..., None].repeat(3, 2), (1920, 1080))
    ui = make_regions(boxes)
    seconds_ui = best(lambda: ours(page, ui, Style()), options.repeats * 3)
    print(f"{len(ui)} boxes at 1920x1080: {seconds_ui * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
