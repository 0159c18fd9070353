"""The offline grounder finds what is asked for by text, role, colour, place, order and relation."""

import numpy as np
import pytest

from som import MarkedImage, Marker
from som.agents.ask import ask
from som.agents.vlm.offline import Offline, ground
from som.regions import make_regions

# name: box, colour, text, role
PAGE: dict[str, tuple[list[int], tuple[int, int, int], str, str]] = {
    "logo": ([20, 15, 80, 55], (30, 60, 200), "", "icon"),
    "home": ([120, 20, 180, 45], (250, 250, 250), "Home", "link"),
    "products": ([200, 20, 290, 45], (250, 250, 250), "Products", "link"),
    "contact": ([310, 20, 390, 45], (250, 250, 250), "Contact us", "link"),
    "search": ([500, 15, 760, 50], (255, 255, 255), "Search…", "textbox"),
    "email": ([300, 150, 560, 185], (255, 255, 255), "Email address", "textbox"),
    "password": ([300, 205, 560, 240], (255, 255, 255), "Password", "textbox"),
    "remember": ([300, 262, 316, 278], (255, 255, 255), "", "checkbox"),
    "remember text": ([325, 260, 430, 280], (250, 250, 250), "Remember me", "text"),
    "terms": ([300, 292, 316, 308], (255, 255, 255), "", "checkbox"),
    "terms text": ([325, 290, 460, 310], (250, 250, 250), "I accept the terms", "text"),
    "sign in": ([300, 330, 420, 365], (20, 160, 60), "Sign in", "button"),
    "cancel": ([440, 330, 560, 365], (130, 130, 130), "Cancel", "button"),
    "delete": ([660, 540, 770, 580], (210, 30, 40), "Delete account", "button"),
    "korean": ([20, 540, 140, 580], (240, 200, 20), "로그아웃", "button"),
    "banner": ([20, 420, 780, 520], (120, 40, 160), "Summer sale", "image"),
}


@pytest.fixture(scope="module")
def page() -> MarkedImage:
    image = np.full((600, 800, 3), 250, np.uint8)
    for (x1, y1, x2, y2), color, _, _ in PAGE.values():
        image[y1:y2, x1:x2] = color
    boxes, _, texts, roles = zip(*PAGE.values(), strict=True)
    return Marker.from_detections(image, make_regions(boxes, text=texts, role=roles))


def names(page: MarkedImage, question: str) -> list[str]:
    by_box = {tuple(map(float, box)): name for name, (box, *_) in PAGE.items()}
    return [by_box[page.marks[match.row].box_xyxy] for match in ground(question, [page])]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Sign in", "sign in"),
        ("the sign in button", "sign in"),
        ("Click on the Sign-in button", "sign in"),
        ('Where does it say "Contact us"?', "contact"),
        ("the link to our products", "products"),
        ("the first link", "home"),
        ("the second link", "products"),
        ("the last link", "contact"),
        ("the third link", "contact"),
        ("search box", "search"),
        ("the search field at the top", "search"),
        ("Where is the password field?", "password"),
        ("passwrd", "password"),
        ("email", "email"),
        ("the red button", "delete"),
        ("the red button at the bottom right", "delete"),
        ("the green button", "sign in"),
        ("the yellow one", "korean"),
        ("grey button", "cancel"),
        ("the button at the bottom left", "korean"),
        ("the purple picture", "banner"),
        ("the largest thing", "banner"),
        ("the smallest checkbox", "remember"),
        ("the blue icon", "logo"),
        ("the logo in the top left corner", "logo"),
        ('the checkbox next to "Remember me"', "remember"),
        ("the checkbox next to Remember me", "remember"),
        ("the checkbox left of I accept the terms", "terms"),
        ("the second checkbox", "terms"),
        ("the field below Email address", "password"),
        ("the field above Password", "email"),
        ("what is right of Sign in?", "cancel"),
        ("the button to the left of Cancel", "sign in"),
        ("delete my account", "delete"),
        ("the summer sale", "banner"),
        ("로그아웃 버튼", "korean"),
        ("빨간 버튼", "delete"),
        ("초록색 버튼은 어디에 있나요?", "sign in"),
        ("오른쪽 아래 버튼", "delete"),
        ("두 번째 링크", "products"),
        ("마지막 링크를 클릭하세요", "contact"),
        ("왼쪽 아래에 있는 노란 버튼", "korean"),
        ('"Sign in" 오른쪽에 있는 버튼', "cancel"),
        ("가장 큰 이미지", "banner"),
        ("“Email address” 아래 입력창", "password"),
    ],
)
def test_finds(page: MarkedImage, question: str, expected: str) -> None:
    assert names(page, question) == [expected]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("what is left of [{cancel}]?", "sign in"),
        ("What is below mark {email}?", "password"),
        ("the button right of [{sign in}]", "cancel"),
        ("[{cancel}]의 왼쪽에 있는 버튼은?", "sign in"),
        ("{email}번 아래에 있는 것은?", "password"),
        ("the link next to [{home}]", "products"),
    ],
)
def test_marks_in_the_question(page: MarkedImage, template: str, expected: str) -> None:
    labels = {
        name: mark.label for name, (box, *_) in PAGE.items() for mark in page
        if mark.box_xyxy == tuple(map(float, box))
    }  # fmt: skip
    assert names(page, template.format(**labels)) == [expected]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("all links", {"home", "products", "contact"}),
        ("모든 링크", {"home", "products", "contact"}),
        ("every checkbox", {"remember", "terms"}),
    ],
)
def test_asks_for_all(page: MarkedImage, question: str, expected: set[str]) -> None:
    assert set(names(page, question)) == expected


@pytest.mark.parametrize("question", ["the elephant", "a spaceship over Paris", "코끼리", "???"])
def test_says_when_there_is_nothing(page: MarkedImage, question: str) -> None:
    answer = ask(question, [page], Offline())
    assert answer.marks == ()
    assert "Nothing" in answer.text or "못했습니다" in answer.text


def test_answers_read_back_as_the_mark(page: MarkedImage) -> None:
    answer = ask("the red button", [page], Offline())
    assert [mark.text for _, mark in answer.marks] == ["Delete account"]
    assert "red" in answer.text
    korean = ask("빨간 버튼", [page], Offline())
    assert korean.marks[0][1].text == "Delete account"
    assert "맞습니다" in korean.text


def test_brackets_in_the_page_do_not_become_marks() -> None:
    image = np.full((100, 200, 3), 255, np.uint8)
    regions = make_regions([[10, 10, 90, 40], [10, 60, 90, 90]], text=["Go [2]", "Stop"])
    answer = ask("Go", [Marker.from_detections(image, regions)], Offline())
    assert [mark.id for _, mark in answer.marks] == [1]


def test_choose_gives_probabilities(page: MarkedImage) -> None:
    from som.agents.ask import build_messages

    options = [mark.label for mark in page] + ["none"]
    chances = Offline().choose(build_messages("the red button", (page,)), options)
    assert sum(chances.values()) == pytest.approx(1)
    best = max(chances, key=lambda option: chances[option])
    assert page[best].text == "Delete account"
    nothing = Offline().choose(build_messages("an elephant", (page,)), options)
    assert max(nothing, key=lambda option: nothing[option]) == "none"


def test_several_images(page: MarkedImage) -> None:
    other = Marker.from_detections(
        np.full((100, 200, 3), 255, np.uint8), make_regions([[10, 10, 90, 40]], text="Checkout")
    )
    answer = ask("checkout", [page, other], Offline())
    assert [(image, mark.text) for image, mark in answer.marks] == [(1, "Checkout")]
    assert "[B1]" in answer.text


def test_on_a_photo_colour_and_place_are_enough_but_a_name_alone_is_not() -> None:
    image = np.full((200, 300, 3), 120, np.uint8)
    image[20:80, 20:120] = (200, 20, 30)
    regions = make_regions([[20, 20, 120, 80], [150, 100, 290, 190]])
    photo = Marker.from_detections(image, regions)
    answer = ask("the red car", [photo], Offline())
    assert [mark.id for _, mark in answer.marks] == [1]
    assert ask("the car", [photo], Offline()).marks == ()


def test_an_image_without_marks() -> None:
    empty = Marker.from_detections(np.zeros((50, 50, 3), np.uint8), make_regions([]))
    assert ask("anything", [empty], Offline()).marks == ()
