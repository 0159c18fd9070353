"""RefCOCO, RefCOCO+ and RefCOCOg: an expression and the object of a COCO image that it refers to.

Yu et al. 2016 (arXiv:1608.00272); Mao et al. 2016 (arXiv:1511.02283); files as in
github.com/lichengunc/refer.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from som.errors import DataError
from som.evals.datasets.base import Sample
from som.evals.datasets.coco import Instances, box_and_mask
from som.evals.datasets.files import Row, find_file, inside, kind_of, pick_folder
from som.evals.datasets.plain_pickle import read_pickle

SPLITS = {
    "unc": ("train", "val", "testA", "testB"),
    "umd": ("train", "val", "test"),
    "google": ("train", "val", "test"),
}
_BY = {"refcoco": "unc", "refcoco+": "unc", "refcocog": "umd"}
# RefCOCOg has 95,010 expressions, RefCOCO 142,209. A pickle may repeat one list without end.
_MOST = 2_000_000


def load_refcoco(
    folder: Path,
    *,
    name: str = "refcoco",
    split: str = "val",
    by: str | None = None,
    images: str | Path | None = None,
) -> Iterator[Sample]:
    """One sample for each expression.

    Args:
        folder: holds ``refs(unc).p`` or ``refs(umd).p`` and ``instances.json``, itself or in a folder
            called as the data set.
        name: "refcoco", "refcoco+" or "refcocog".
        split: "train", "val", "testA", "testB"; RefCOCOg: "train", "val", "test".
        by: who split it, "unc", "umd" or "google"; the usual one of each data set by default.
        images: the folder of COCO's train2014 images.
    """
    by = by or _BY[name]
    if by not in SPLITS:
        raise DataError(f"no splits by {by!r}; choose from: {', '.join(SPLITS)}")
    if split not in SPLITS[by]:
        raise DataError(f"{name} ({by}) has no split {split!r}; choose from: {', '.join(SPLITS[by])}")
    refs = find_file(folder, f"refs({by}).p", f"{name}/refs({by}).p")
    instances = Instances(find_file(refs.parent, "instances.json"))
    where = pick_folder(
        folder, images, "images/mscoco/images/train2014", "train2014", "images/train2014", "images"
    )
    count = 0
    for ref in read_refs(refs):
        if ref.text("split") != split:
            continue
        for sample in _samples(ref, instances, where, name):
            count += 1
            if count > _MOST:
                raise DataError(f"{refs} has more than {_MOST} expressions; that is not this data set")
            yield sample


def read_refs(path: Path) -> Iterator[Row]:
    """The references of a pickle.

    Raises:
        DataError: the pickle is refused or broken, or no list of references.
    """
    found: Any = read_pickle(path)
    if not isinstance(found, list):
        raise DataError(f"{path}: expected a list of references, got {kind_of(found)}")
    for number, one in enumerate(found, 1):
        yield Row(one, f"{path}, row {number}")


def _samples(ref: Row, instances: Instances, images: Path, name: str) -> Iterator[Sample]:
    ref_id = ref.whole("ref_id")
    image = instances.image(ref.whole("image_id"), ref.where)
    annotation = instances.annotation(ref.whole("ann_id"), ref.where)
    if annotation.whole("image_id") != ref.whole("image_id"):
        raise ref.wrong("ann_id", f"an annotation of image {ref.whole('image_id')}")
    box, mask = box_and_mask(annotation, image.size_hw)
    path = inside(images, image.file_name, ref.where)
    for number, one in enumerate(ref.items("sentences"), 1):
        sentence = Row(one, f"{ref.where}, sentence {number}")
        yield Sample(
            id=f"{ref_id}-{sentence.whole('sent_id')}",
            dataset=name,
            task="refer",
            image=path,
            instruction=sentence.text("sent"),
            box_xyxy=box,
            mask=mask,
            split=ref.text("split"),
            group=instances.categories.get(ref.whole("category_id"), ""),
            extra={"ref_id": ref_id, "ann_id": ref.whole("ann_id"), "image_id": ref.whole("image_id")},
        )
