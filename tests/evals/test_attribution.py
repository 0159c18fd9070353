"""Whose fault a miss is: each cause by a real marked image and a scripted reply."""

from dataclasses import replace

import numpy as np
import pytest

from som import MarkedImage, Marker
from som.agents.vlm.offline import Offline
from som.agents.vlm.replay import Replay
from som.evals.attribution import Verdict, judge
from som.evals.conditions import condition
from som.evals.evidence import Evidence
from som.evals.judges import Oracle, Random
from som.evals.truth import Truth
from som.evals.ways import Scene, seek
from som.regions import make_regions
from tests.evals.conftest import BOXES, HELP

DELETE, CANCEL = Truth(BOXES["Delete"]), Truth(BOXES["Cancel"])


def marked(words: str = "marks+boxes", **options: object) -> MarkedImage:
    image = np.full((130, 300, 3), 240, np.uint8)
    regions = make_regions(list(BOXES.values()), text=list(BOXES), role="button")
    made = condition(words)
    return Marker.from_detections(image, regions, style=made.style, order=made.order, **options)


def ask(truth: Truth, reply: str, words: str = "marks+boxes") -> tuple[Evidence, Verdict]:
    scene = Scene("press it", marked(words), condition(words), truth)
    evidence = seek(scene, Replay([reply]))
    return evidence, judge(truth, evidence)


@pytest.mark.parametrize(
    ("truth", "reply", "cause"),
    [
        (DELETE, "[1]", "right"),
        (DELETE, "It is mark [1], the red one.", "right"),
        (DELETE, "[2]", "wrong_choice"),
        (DELETE, "It is the button at the top left.", "wrong_format"),
        (DELETE, "[17]", "wrong_format"),
        (DELETE, "I'm sorry, I can't help with that.", "refused"),
        (DELETE, "None of these marks fits.", "refused"),
        (DELETE, "죄송하지만 맞는 마크를 찾지 못했습니다.", "refused"),
        (DELETE, "  ", "unanswered"),
        (Truth(HELP), "[2]", "not_marked"),
        (Truth(HELP), "None of these marks fits.", "not_marked"),
        (Truth((18, 18, 124, 64), "box"), "[1]", "right"),
        (Truth((18, 18, 124, 64), "box"), "[3]", "wrong_choice"),
        (Truth((20, 20, 60, 60), "box"), "[1]", "not_marked"),
    ],
)
def test_each_cause(truth: Truth, reply: str, cause: str) -> None:
    _, verdict = ask(truth, reply)
    assert verdict.cause == cause
    assert verdict.right is (None if cause == "unanswered" else cause == "right")
    assert verdict.ceiling is (cause != "not_marked")


def test_a_reply_in_no_form_is_counted_even_where_nothing_was_marked() -> None:
    _, verdict = ask(Truth(HELP), "somewhere on the right")
    assert (verdict.cause, verdict.wrong_format) == ("not_marked", True)


@pytest.mark.parametrize("words", ["marks+boxes", "marks+choose", "marks+zoom2", "marks+thin2"])
def test_where_nothing_is_marked_nobody_is_asked_and_the_marks_are_at_fault(words: str) -> None:
    bare = Marker.from_detections(np.full((130, 300, 3), 240, np.uint8), make_regions([]))
    scene = Scene("press it", bare, condition(words), DELETE)
    for answers in (Replay([]), Offline(), Oracle(DELETE), Random(0)):
        evidence = seek(scene, answers)
        verdict = judge(DELETE, Evidence.from_json(evidence.to_json()))
        assert (verdict.cause, verdict.right, verdict.ceiling) == ("not_marked", False, False)
        assert (evidence.calls, evidence.chance) == (0, 0)


def test_no_reply_is_not_wrong() -> None:
    assert judge(DELETE, None) == Verdict(None, "unanswered", wrong_format=False, ceiling=False)


def test_a_label_that_cannot_be_read_is_the_marks_fault() -> None:
    evidence, _ = ask(DELETE, "[2]")
    faint = replace(evidence.able[0], legibility=0.2)
    assert judge(DELETE, replace(evidence, able=(faint,))).cause == "unreadable"
    lost = replace(evidence.able[0], drawn=False)
    assert judge(DELETE, replace(evidence, able=(lost,), best=None)).cause == "unreadable"


def test_regions_without_room_for_a_label_are_no_ceiling() -> None:
    """So many regions on so small an image that most labels have no room."""
    boxes = [[x, y, x + 8, y + 8] for y in range(0, 40, 8) for x in range(0, 64, 8)]
    crowded = Marker.from_detections(np.full((40, 64, 3), 200, np.uint8), make_regions(boxes))
    lost = sorted(set(range(len(boxes))) - {mark.region for mark in crowded.marks})
    assert lost
    x1, y1, x2, y2 = crowded.regions.xyxy[lost[0]].tolist()
    truth = Truth((x1 + 1, y1 + 1, x2 - 1, y2 - 1))
    evidence = seek(Scene("it", crowded, condition("marks"), truth), Replay(["none"]))
    verdict = judge(truth, evidence)
    assert [named.drawn for named in evidence.able] == [False]
    assert (verdict.cause, verdict.ceiling) == ("unreadable", False)


@pytest.mark.parametrize(
    "words",
    ["marks", "marks+boxes+legend", "raw+marks+letters", "marks+area", "marks+groups1", "marks+choose",
     "marks+zoom2", "marks+thin2"],
)  # fmt: skip
def test_the_oracle_is_right_wherever_the_marks_allow_it(words: str) -> None:
    for name, box in BOXES.items():
        scene = Scene(f"press {name}", marked(words), condition(words), Truth(box))
        evidence = seek(scene, Oracle(scene.truth))
        assert judge(scene.truth, evidence).cause == "right"
        assert seek(scene, Offline()).best == evidence.named
    scene = Scene("press Help", marked(words), condition(words), Truth(HELP))
    assert judge(scene.truth, seek(scene, Oracle(scene.truth))).cause == "not_marked"


def test_what_is_thinned_away_is_not_marked() -> None:
    scene = Scene("press Delete", marked(), condition("marks+boxes+thin1"), CANCEL)
    evidence = seek(scene, Oracle(CANCEL))
    assert (evidence.marks, judge(CANCEL, evidence).cause) == (1, "not_marked")
    right = replace(scene, question="press Cancel")
    assert judge(CANCEL, seek(right, Offline())).cause == "right"
    assert seek(right, Offline()).chance == 1


def test_chance_is_the_share_of_right_marks_and_random_reaches_it() -> None:
    scene = Scene("press it", marked(), condition("marks+boxes"), DELETE)
    hits = 0
    for seed in range(300):
        evidence = seek(scene, Random(seed))
        hits += judge(DELETE, evidence).right is True
        assert evidence.chance == pytest.approx(1 / 3, abs=1e-4)
    assert 80 < hits < 120
    assert seek(scene, Random(7)).named == seek(scene, Random(7)).named


def test_without_marks_points_are_compared() -> None:
    evidence, verdict = ask(DELETE, "[70, 40]", "raw")
    assert (verdict.cause, evidence.named.point_xy) == ("right", (70, 40))
    assert evidence.chance == pytest.approx(4000 / 39000, abs=1e-4)
    assert ask(DELETE, "[200, 100]", "raw")[1].cause == "wrong_choice"
    assert ask(DELETE, "top left", "raw")[1].cause == "wrong_format"
    box = Truth((20, 20, 120, 60), "box")
    assert ask(box, "[22, 20, 118, 60]", "raw")[1].cause == "right"


def test_evidence_survives_a_log() -> None:
    evidence, verdict = ask(CANCEL, "[1]")
    again = Evidence.from_json(evidence.to_json())
    assert again == evidence
    assert judge(Truth.from_json(CANCEL.to_json()), again) == verdict
