"""Click accuracy as ScreenSpot and ScreenSpot-Pro count it."""

import pytest

from som.evals.metrics.clicks import Click, click_outcome, click_scores, click_table

BOX = (10.0, 20.0, 30.0, 40.0)


@pytest.mark.parametrize(
    ("point", "outcome"),
    [
        ((20, 30), "correct"),
        ((10, 20), "correct"),
        ((30, 40), "correct"),
        ((30.01, 40), "wrong"),
        ((9.99, 30), "wrong"),
        ((20, 41), "wrong"),
        (None, "wrong_format"),
        ((1, 2, 3), "wrong_format"),
    ],
)
def test_all_four_edges_are_inside(point: tuple[float, ...] | None, outcome: str) -> None:
    assert click_outcome(point, BOX) == outcome


def test_wrong_format_counts_in_the_denominator_and_apart() -> None:
    clicks = [
        Click("1", "correct", "text", "Dev", "vscode"),
        Click("2", "wrong", "text", "Dev", "vscode"),
        Click("3", "wrong_format", "icon", "Dev", "pycharm"),
        Click("4", "correct", "icon", "CAD", "autocad"),
    ]
    assert click_scores(clicks).to_json() == {
        "num_total": 4,
        "num_correct_action": 2,
        "wrong_format_num": 1,
        "action_acc": 0.5,
        "text_acc": 0.5,
        "icon_acc": 0.5,
    }
    table = click_table(clicks, "group")
    assert list(table) == ["CAD", "Dev"]
    assert table["CAD"].text_acc is None
    assert table["Dev"].action_acc == pytest.approx(1 / 3)
    assert click_table(clicks, "application")["pycharm"].wrong_format_num == 1
    assert click_scores([]).action_acc is None
