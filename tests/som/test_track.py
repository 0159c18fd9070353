"""Things keep their numbers where only pixels say what is the same."""

from collections.abc import Sequence

import numpy as np

from som.regions import make_regions
from som.track import FORGOTTEN_AFTER, Tracker


def lines(*texts: str, top: int = 0) -> tuple[list[list[int]], list[str]]:
    return [[10, top + 30 * i, 110, top + 30 * i + 20] for i in range(len(texts))], list(texts)


def numbers(tracker: Tracker, boxes: Sequence[Sequence[float]], texts: Sequence[str]) -> list[int]:
    return list(map(int, tracker.update(make_regions(boxes, text=list(texts)))))


def test_order_does_not_matter_and_a_new_thing_gets_the_lowest_free_number() -> None:
    tracker = Tracker()
    boxes, texts = lines("File", "Edit", "View")
    assert numbers(tracker, boxes, texts) == [1, 2, 3]
    assert numbers(tracker, boxes[::-1], texts[::-1]) == [3, 2, 1]
    assert numbers(tracker, [[300, 5, 350, 25], *boxes], ["Help", *texts]) == [4, 1, 2, 3]
    assert tracker.new == {4}


def test_a_scrolled_page_keeps_its_numbers() -> None:
    tracker = Tracker()
    texts = [f"row {i}" for i in range(8)]
    boxes, _ = lines(*texts)
    icons = [[130, box[1], 150, box[3]] for box in boxes]
    before = numbers(tracker, [*boxes, *icons], [*texts, *[""] * 8])
    moved = [[a, b - 60, c, d - 60] for a, b, c, d in [*boxes, *icons]]
    kept = [i for i, box in enumerate(moved) if box[1] >= 0]
    after = numbers(tracker, [moved[i] for i in kept], [[*texts, *[""] * 8][i] for i in kept])
    assert after == [before[i] for i in kept]


def test_a_field_that_was_typed_into_is_the_same_field() -> None:
    tracker = Tracker()
    boxes, texts = lines("Name", "", "Send")
    first = numbers(tracker, boxes, texts)
    assert numbers(tracker, boxes, ["Name", "Ada Lovelace", "Send"]) == first
    assert numbers(tracker, boxes, ["Name", "Ada King", "Send"]) == first


def test_what_a_menu_hides_gets_its_number_back_until_it_is_forgotten() -> None:
    tracker = Tracker()
    boxes, texts = lines("File", "Edit", "View")
    numbers(tracker, boxes, texts)
    assert numbers(tracker, boxes[:1], texts[:1]) == [1]
    assert numbers(tracker, boxes, texts) == [1, 2, 3]
    for _ in range(FORGOTTEN_AFTER):
        numbers(tracker, boxes[:1], texts[:1])
    assert numbers(tracker, [boxes[0], [200, 0, 260, 20]], [texts[0], "Other"]) == [1, 2]


def test_a_thing_far_off_with_the_same_words_twice_is_another() -> None:
    tracker = Tracker()
    assert numbers(tracker, [[0, 0, 50, 20]], ["Delete"]) == [1]
    assert numbers(tracker, [[0, 0, 50, 20], [400, 400, 450, 420]], ["Delete", "Delete"]) == [1, 2]


def test_numbers_are_unique_whatever_comes() -> None:
    tracker, random = Tracker(), np.random.default_rng(0)
    for _ in range(12):
        corners = random.integers(0, 200, (20, 2))
        boxes = np.concatenate([corners, corners + random.integers(1, 80, (20, 2))], axis=1)
        texts = [str(random.integers(0, 5)) if random.random() < 0.5 else "" for _ in boxes]
        found = numbers(tracker, boxes.tolist(), texts)
        assert len(set(found)) == 20
        assert min(found) >= 1
    assert numbers(tracker, [], []) == []
