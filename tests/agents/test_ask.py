"""What is sent to a model, and how its answer comes back."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from som import MarkedImage, SomError
from som.agents.ask import ask, build_messages
from som.agents.vlm import get_vlm
from som.agents.vlm.base import ImagePart
from som.agents.vlm.replay import Replay
from som.errors import MarkError, VLMError
from som.prompts import render


def test_an_answer_points_at_pixels(marked: MarkedImage) -> None:
    answer = ask("What deletes it?", [marked], Replay(["Press [1], not **[2]**."]))
    assert [mark.text for _, mark in answer.marks] == ["Delete", "Cancel"]
    data = json.loads(json.dumps(answer.to_json()))
    assert data["marks"][0]["box"] == [20, 20, 120, 60]
    x, y = data["marks"][0]["point"]
    assert 20 <= x < 120
    assert 20 <= y < 60
    assert data["answer"] == "Press [1], not **[2]**."
    assert answer.highlight().shape == marked.drawn.shape


def test_unknown_marks_are_reported(marked: MarkedImage) -> None:
    answer = ask("?", [marked], Replay(["[1] and [77]"]))
    assert len(answer.marks) == 1
    assert answer.unknown == ("77",)
    assert answer.to_json()["unknown_marks"] == ["77"]


def test_text_streams(marked: MarkedImage) -> None:
    pieces: list[str] = []
    ask("?", [marked], Replay(["one\ntwo [1]\n"]), on_text=pieces.append)
    assert pieces == ["one\n", "two [1]\n"]


def test_what_is_sent(marked: MarkedImage) -> None:
    vlm = Replay(["[1]"])
    ask("Which?", [marked], vlm)
    system, user = vlm.asked[0]
    assert system.role == "system"
    images = [part.image for part in user.parts if isinstance(part, ImagePart)]
    np.testing.assert_array_equal(images[0], marked.image)
    np.testing.assert_array_equal(images[1], marked.drawn)
    assert '[1] button "Delete"' in user.text
    assert user.text.endswith("Which?")


@pytest.mark.parametrize(("send", "count"), [(("raw",), 1), (("marked",), 1), (("raw", "marked"), 2)])
def test_views_and_legend_can_be_left_out(
    marked: MarkedImage, send: tuple[str, ...], count: int
) -> None:
    user = build_messages("?", (marked,), send=send, legend=False)[1]
    assert sum(isinstance(part, ImagePart) for part in user.parts) == count
    assert "Delete" not in user.text


def test_text_of_the_page_stays_data(marked: MarkedImage) -> None:
    user = build_messages("Read $image {0}", (marked,))[1]
    assert '"$legend {x} [9] button"' in user.text
    assert not any(line.startswith("[9]") for line in user.text.splitlines())
    assert user.text.endswith("Read $image {0}")


def test_several_images_keep_their_names(marked: MarkedImage) -> None:
    vlm = Replay(["[B2] is like image A, mark 1"])
    answer = ask("Compare [A1] with [B2]", [marked, marked], vlm)
    assert [(image, mark.id) for image, mark in answer.marks] == [(1, 2), (0, 1)]
    text = vlm.asked[0][1].text
    assert "Image A, with marks" in text
    assert "Image B, with marks" in text
    assert [entry["image"] for entry in answer.to_json()["marks"]] == ["B", "A"]


def test_prompts_in_korean(marked: MarkedImage) -> None:
    vlm = Replay(["1번입니다"])
    answer = ask("어느 버튼?", [marked], vlm, lang="ko")
    assert [mark.id for _, mark in answer.marks] == [1]
    assert "마크" in vlm.asked[0][0].text
    assert "이미지 A" in vlm.asked[0][1].text


def test_templates_are_filled_in_one_pass() -> None:
    assert render("raw", "en", image="$image") == "Image $image, without marks:"


@pytest.mark.parametrize(
    ("question", "options", "message"),
    [
        ("  ", {}, "question is empty"),
        ("what is left of [9]?", {}, r"names mark 9, which is not there \(image A has 1 to 3\)"),
        ("?", {"send": ["row"]}, "send any of: raw, marked"),
        ("?", {"send": []}, "send any of"),
        ("?", {"lang": "fr"}, "no prompts in language 'fr'; there are: en, ko"),
    ],
)
def test_what_cannot_be_asked(
    marked: MarkedImage, question: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(SomError, match=message):
        ask(question, [marked], Replay(["[1]"]), **options)  # type: ignore[arg-type]
    with pytest.raises(SomError, match="no image"):
        ask("?", [], Replay([]))
    with pytest.raises(SomError, match="needs a value for 'legend'"):
        render("legend", "en", image="A")


def test_choose_through_completion(marked: MarkedImage) -> None:
    messages = build_messages("?", (marked,))
    assert Replay(["It is [2]"]).choose(messages, ["1", "2", "none"]) == {"1": 0, "2": 1, "none": 0}
    unsure = Replay(["no idea"]).choose(messages, ["1", "2"])
    assert unsure == {"1": 0.5, "2": 0.5}


def test_replies_from_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('["one", {"text": "two"}]')
    (tmp_path / "a.jsonl").write_text('"one"\n\n{"text": "two"}\n')
    (tmp_path / "a.txt").write_text("one\ntwo")
    assert Replay.from_file(tmp_path / "a.json").replies == ["one", "two"]
    assert Replay.from_file(tmp_path / "a.jsonl").replies == ["one", "two"]
    vlm, notice = get_vlm(f"replay:{tmp_path / 'a.txt'}")
    assert notice == ""
    assert vlm.complete([]).text == "one\ntwo"
    with pytest.raises(VLMError, match="only 1 replies"):
        vlm.complete([])
    (tmp_path / "bad.json").write_text("[1]")
    with pytest.raises(VLMError, match="must hold strings"):
        Replay.from_file(tmp_path / "bad.json")
    with pytest.raises(VLMError, match=r"cannot read replies from .*none\.json: No such file"):
        Replay.from_file(tmp_path / "none.json")


def test_without_key_and_server_the_offline_grounder_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    vlm, notice = get_vlm()
    assert vlm.name == "offline"
    assert "offline" in notice
    assert "\n" not in notice
    assert get_vlm("offline")[1] == ""
    with pytest.raises(VLMError, match="set OPENAI_API_KEY"):
        get_vlm("gpt-5-mini")
    with pytest.raises(VLMError, match="name is empty"):
        get_vlm("")


def test_large_photos_go_as_jpeg_and_screens_as_png() -> None:
    screen = ImagePart(np.full((800, 1280, 3), 255, np.uint8))
    assert screen.encoded()[0] == "image/png"
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)
    kind, data = ImagePart(noise).encoded()
    assert kind == "image/jpeg"
    red = np.zeros((10, 10, 3), np.uint8)
    red[..., 0] = 255
    decoded = cv2.imdecode(np.frombuffer(ImagePart(red).encoded()[1], np.uint8), cv2.IMREAD_COLOR)
    assert decoded[0, 0].tolist() == [0, 0, 255]
    assert len(data) < noise.nbytes


def test_question_marks_are_checked_per_image(marked: MarkedImage) -> None:
    with pytest.raises(MarkError, match="B7"):
        ask("[B7]?", [marked, marked], Replay(["[1]"]))
