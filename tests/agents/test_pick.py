"""Picking a mark: by probability, abstaining, thinned, and from coarse to fine."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from som import MarkedImage, Marker
from som.agents.closer import look_closer
from som.agents.pick import pick
from som.agents.thin import thin
from som.agents.vlm.base import NONE, Choice, Message, Reply
from som.agents.vlm.offline import Offline
from som.agents.vlm.replay import Replay
from som.errors import SomError
from som.regions import make_regions


class Chooser:
    """Chooses what it is told to, by the text of marks; keeps what it was asked."""

    name = "chooser"

    def __init__(self, weights: dict[str, float], none: float = 0.0) -> None:
        self.weights, self.none = weights, none
        self.asked: list[Message] = []

    def complete(self, messages: Sequence[Message], **_: Any) -> Reply:
        raise AssertionError("a choice was asked for in words")

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        asked = messages[-1]
        self.asked.append(asked)
        texts = {mark.label: mark.text for mark in asked.marked[0]}
        weights = {o: self.none if o == NONE else self.weight(texts[o]) for o in options}
        total = sum(weights.values())
        return Choice({o: weight / total for o, weight in weights.items()}, "logits")

    def weight(self, text: str) -> float:
        return 1e-6 + sum(weight for word, weight in self.weights.items() if word in text.split("; "))


@pytest.fixture
def dense() -> MarkedImage:
    """Eight groups of twelve small buttons, named by group and place: "c7"."""
    image = np.full((900, 1600, 3), 250, np.uint8)
    boxes, texts = [], []
    for group in range(8):
        left, top = 40 + 400 * (group % 4), 40 + 450 * (group // 4)
        for i in range(12):
            x, y = left + 60 * (i % 4), top + 30 * (i // 4)
            cv2.rectangle(image, (x, y), (x + 40, y + 16), (40, 90, 160), -1)
            boxes.append([x, y, x + 40, y + 16])
            texts.append(f"{'abcdefgh'[group]}{i}")
    return Marker.from_detections(image, make_regions(boxes, text=texts, role="button"))


def test_a_pick_ranks_marks_and_says_how_it_knows(marked: MarkedImage) -> None:
    picked = pick("cancel", [marked], Chooser({"Cancel": 3, "Delete": 1}))
    assert [ranked.mark.text for ranked in picked.ranked[:2]] == ["Cancel", "Delete"]
    assert picked.best
    assert picked.best.probability == pytest.approx(0.75, abs=1e-3)
    data = picked.to_json()
    assert data["marks"][0]["point"] == list(picked.best.mark.anchor_xy)
    assert (data["method"], data["abstained"]) == ("logits", False)


def test_it_abstains_where_none_is_likelier_or_no_mark_is_likely_enough(marked: MarkedImage) -> None:
    assert pick("an elephant", [marked], Chooser({"Cancel": 1}, none=2)).best is None
    chooser = Chooser({"Cancel": 2, "Delete": 1})
    assert pick("cancel", [marked], chooser, threshold=0.7).best is None
    assert pick("cancel", [marked], chooser, threshold=0.6).best


def test_marks_of_several_images_have_names_of_their_own(marked: MarkedImage) -> None:
    picked = pick("the other delete", [marked, marked], Replay(["[B1]"]))
    assert picked.best is not None
    assert (picked.best.image, picked.best.mark.id, picked.best.probability) == (1, 1, 1.0)


def test_nothing_to_choose_from_is_one_line(marked: MarkedImage) -> None:
    bare = Marker.from_detections(marked.image, make_regions([]))
    with pytest.raises(SomError, match="nothing is marked"):
        pick("cancel", [bare], Offline())
    with pytest.raises(SomError, match="from 0 to 1"):
        pick("cancel", [marked], Offline(), threshold=2)


def test_thinned_marks_keep_their_numbers_and_what_is_asked_for(dense: MarkedImage) -> None:
    few = thin('"g7"', dense, 10)
    assert len(few.marks) == 10
    assert {mark.id: mark.text for mark in few}.items() <= {m.id: m.text for m in dense}.items()
    assert "g7" in [mark.text for mark in few]
    assert thin("g7", few, 10) is few


def _mails() -> MarkedImage:
    """Ten lines: a small icon, a name, and another icon far from it; the names come last."""
    names = ["Ann", "Bob", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ida", "3868"]
    lines = range(40, 640, 60)
    left, right = ([(x, y, x + 24, y + 24) for y in lines] for x in (20, 900))
    texts = [(120, y, 260, y + 24) for y in lines]
    image = np.full((700, 1000, 3), 250, np.uint8)
    regions = make_regions(
        [*left, *right, *texts],
        text=[""] * 20 + names,
        interactive=[False] * 10 + [True] * 10 + [False] * 10,
        confidence=[0.9] * 10 + [0.3] * 20,
    )
    return Marker.from_detections(image, regions)


def test_thinning_keeps_icons_beside_the_words_of_the_question() -> None:
    kept = thin("delete the mail from Hana", _mails(), 4)
    on_the_line = [mark.box_xyxy[0] for mark in kept if mark.box_xyxy[1] == 460]
    assert sorted(on_the_line) == [20, 120, 900]


def test_thinning_finds_words_with_korean_endings() -> None:
    kept = thin("3868번 주문 열기", _mails(), 1)
    assert [mark.text for mark in kept] == ["3868"]


def test_where_no_word_helps_thinning_keeps_what_can_be_acted_on() -> None:
    kept = thin("archive everything", _mails(), 10)
    assert {mark.box_xyxy[0] for mark in kept} == {900}


def test_looking_closer_finds_the_mark_and_gives_pixels_of_the_whole_image(dense: MarkedImage) -> None:
    chooser = Chooser({"f5": 1})
    found = look_closer("f5", dense, chooser, most=12)
    truth = next(mark for mark in dense if mark.text == "f5")
    assert found.mark
    assert found.mark.text == "f5"
    assert np.allclose(found.box_xyxy, truth.box_xyxy, atol=1.5)
    x1, y1, x2, y2 = truth.box_xyxy
    assert x1 <= found.anchor_xy[0] < x2
    assert y1 <= found.anchor_xy[1] < y2
    assert [len(look.pick.images[0].marks) for look in found.looks] == [8, 12]
    assert found.looks[1].scale == 4
    assert [message.question for message in chooser.asked] == ["f5", "f5"]
    assert "Which marked part" in chooser.asked[0].text
    assert "Which marked part" not in chooser.asked[1].text


def test_it_goes_back_where_a_block_does_not_hold_it_within_the_calls_allowed(
    dense: MarkedImage,
) -> None:
    class Misled(Chooser):
        def weight(self, text: str) -> float:
            # The wrong block first; in it nothing fits.
            return {"a0": 2.0, "f5": 1.0}.get(text, 1e-6) if "; " not in text else (
                3.0 if text.startswith("b0") else 2.0 if text.startswith("f0") else 1e-6
            )  # fmt: skip

    found = look_closer("f5", dense, Misled({}, none=0.5), most=12, max_calls=3)
    assert found.mark
    assert found.mark.text == "f5"
    assert len(found.looks) == 3
    assert look_closer("f5", dense, Misled({}, none=0.5), most=12, max_calls=2).mark is None


def test_few_marks_are_asked_about_at_once(marked: MarkedImage) -> None:
    found = look_closer("cancel", marked, Chooser({"Cancel": 1}))
    assert len(found.looks) == 1
    assert found.box_xyxy == marked[2].box_xyxy
    assert look_closer("cancel", marked, Chooser({"Cancel": 1}, none=9)).mark is None


def test_a_cut_out_is_marked_anew_and_loses_nothing_known(dense: MarkedImage) -> None:
    def segment(image: np.ndarray) -> Any:
        return make_regions([[5, 5, 30, 30]], text="found anew", confidence=[0.5])

    found = look_closer("b3", dense, Chooser({"b3": 1}), segment=segment, most=12)
    texts = [mark.text for mark in found.looks[1].pick.images[0]]
    assert found.mark
    assert found.mark.text == "b3"
    assert "found anew" in texts
    assert len(texts) == 13
