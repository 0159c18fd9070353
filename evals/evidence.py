"""What a log keeps of one answer: enough to judge it again, and to draw it, without the image."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from som.evals.truth import Box, Point, Truth, four
from som.marks import Mark, MarkedImage

# Keys of a sample's store, and so of its log: its answers; drawn pixels for each of the image's own.
ANSWERS, SCALE = "answers", "drawn_scale"
# Of videos: J and F of each object.
OBJECTS = "objects"
# Why a reply names nothing: "" where it does. Where nothing is marked, nothing is asked.
PROBLEMS = ("", "empty", "format", "refused", "unmarked")


@dataclass(frozen=True)
class Named:
    """A mark, or a place, that an answer names or could have named; pixels of the sample's image.

    Attributes:
        label: of the mark, with the letter of its image where there were several; "" for a point.
        box_xyxy: of its region; None for a point.
        point_xy: where a click on it goes.
        overlap: intersection over union with the truth.
        legibility: of its label, 0..1; see `som.quality`.
        drawn: whether there was room for its label.
        pixels: in both its mask and the true one, and in either, where masks are compared.
    """

    label: str
    box_xyxy: Box | None
    point_xy: Point | None
    overlap: float | None = None
    legibility: float = 1.0
    drawn: bool = True
    pixels: tuple[int, int] | None = None

    def right(self, truth: Truth) -> bool:
        """Whether naming it is the right answer."""
        return truth.meets(self.point_xy, self.overlap, self.label)


@dataclass(frozen=True)
class Evidence:
    """One answer.

    Attributes:
        named: what it names; None where it names nothing.
        problem: why not, one of `PROBLEMS`.
        text: the reply.
        confidence: probability that the model gave it; None where it gave none.
        unknown: labels in the reply that are on no image.
        able: the marks that would have been right, those without room for a label among them.
        best: what the oracle named on the same way; None where it found nothing right.
        chance: probability that a random answer is right; None where it is not known.
        marks: how many marks were shown.
        images: how many images were sent, all questions together.
        calls: how often the model was asked.
        seconds: that the model took, all questions together.
    """

    named: Named | None
    problem: str
    text: str
    confidence: float | None = None
    unknown: tuple[str, ...] = ()
    able: tuple[Named, ...] = ()
    best: Named | None = None
    chance: float | None = None
    marks: int = 0
    images: int = 0
    calls: int = 1
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_json` back; keys of later versions are passed over."""
        known = {field.name for field in fields(cls)}
        kept = {name: value for name, value in data.items() if name in known}
        kept["named"], kept["best"] = _named(data["named"]), _named(data["best"])
        kept["able"] = tuple(found for one in data["able"] if (found := _named(one)))
        kept["unknown"] = tuple(data["unknown"])
        return cls(**kept)


@dataclass(frozen=True)
class Answer:
    """One answer with its truth; a sample of some data sets asks for several.

    Attributes:
        name: tells the answers of a sample apart, "" where there is one.
        truth: what is right.
        evidence: what was answered.
    """

    name: str
    truth: Truth
    evidence: Evidence

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "name": self.name,
            "truth": self.truth.to_json(),
            "evidence": self.evidence.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_json` back."""
        return cls(
            str(data["name"]), Truth.from_json(data["truth"]), Evidence.from_json(data["evidence"])
        )


@dataclass(frozen=True)
class Outcome:
    """What came of a sample.

    Attributes:
        answers: one for each thing that was asked for.
        scale_xy: drawn pixels for each of the image's own.
        objects: of videos, J and F of each object.
    """

    answers: Sequence[Answer]
    scale_xy: tuple[float, float] = (1.0, 1.0)
    objects: Sequence[Mapping[str, float]] = ()


def of_mark(mark: Mark, marked: MarkedImage, truth: Truth, name: str) -> Named:
    """A mark as evidence, in pixels of the sample's image."""
    overlap = truth.seen_in(marked).overlaps(marked)[mark.region]
    legibility = float(marked.quality().legibility[mark.region])
    box, point = place(marked, mark.box_xyxy, mark.anchor_xy)
    pixels = truth.pixels(marked, mark.region)
    return Named(name, box, point, round(overlap, 4), round(legibility, 3), pixels=pixels)


def able_marks(images: Sequence[MarkedImage], truth: Truth) -> tuple[Named, ...]:
    """The regions of images that would have been right."""
    able = []
    for marked in images:
        worth = truth.seen_in(marked).worth(marked)
        rows = [row for row, (right, _, _) in enumerate(worth) if right]
        if not rows:
            continue
        quality, anchors = marked.quality(), marked.anchors_xy()
        for row in rows:
            anchor = int(anchors[row, 0]), int(anchors[row, 1])
            box, point = place(marked, four(marked.regions.xyxy[row]), anchor)
            able.append(
                Named(
                    marked.layout.labels[row],
                    box,
                    point,
                    round(worth[row][2], 4),
                    round(float(quality.legibility[row]), 3),
                    not bool(quality.dropped[row]),
                )
            )
    return tuple(able)


def place(marked: MarkedImage, box: Box, anchor: tuple[int, int]) -> tuple[Box, Point]:
    """A box and a point of a marked image in pixels of the sample's image."""
    point = float(anchor[0]), float(anchor[1])
    if marked.window_xyxy is None:
        return box, point
    left, top, right, _ = marked.window_xyxy
    scale = (right - left) / marked.size_wh[0]
    x1, y1, x2, y2 = box
    moved = left + x1 * scale, top + y1 * scale, left + x2 * scale, top + y2 * scale
    return moved, (left + point[0] * scale, top + point[1] * scale)


def _named(data: Mapping[str, Any] | None) -> Named | None:
    if data is None:
        return None
    box, point, pixels = data["box_xyxy"], data["point_xy"], data.get("pixels")
    return Named(
        **{
            **data,
            "box_xyxy": None if box is None else four(box),
            "point_xy": None if point is None else (float(point[0]), float(point[1])),
            "pixels": None if pixels is None else (int(pixels[0]), int(pixels[1])),
        }
    )
