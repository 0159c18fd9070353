"""Tasks of clicking things that the words of the task name."""

from collections.abc import Callable

from som.evals.miniwob.oracle.hand import Hand


def _button(hand: Hand) -> None:
    (name,) = hand.said(r'"(.*)"')
    hand.click("all('#area button, .ui-dialog button').find((e) => shown(e) && says(e) === arg)", name)


def _test(hand: Hand) -> None:
    hand.click("#subbtn")


TASKS: dict[str, Callable[[Hand], None]] = {
    "click-button": _button,
    "click-test": _test,
    "click-test-2": _test,
}
