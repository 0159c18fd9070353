"""A watchdog bites who outlasts their time, and nobody while a person is asked."""

import os
from threading import Event

from som.agents.envs.watchdog import Watchdog, page_processes


class Browser:
    """As much of a browser as the watchdog asks: which process it is."""

    def new_browser_cdp_session(self) -> "Browser":
        return self

    def send(self, _: str) -> dict[str, list[dict[str, object]]]:
        return {"processInfo": [{"type": "browser", "id": os.getpid()}]}

    def detach(self) -> None:
        pass


def test_time_that_is_over_is_noticed() -> None:
    dog = Watchdog(Browser())
    with dog.watching(0.01):
        while not dog.bit:  # it comes, or the test never ends
            Event().wait(0.005)
    with dog.watching(30):
        pass
    assert not dog.bit


def test_time_does_not_count_while_a_person_is_asked() -> None:
    dog = Watchdog(Browser())
    with dog.watching(0.2):
        with dog.resting():
            Event().wait(0.3)
        assert not dog.bit
    with dog.resting():
        pass
    assert not dog.bit


def test_only_processes_of_pages_below_the_browser_are_meant() -> None:
    assert page_processes(os.getpid()) == []
    assert page_processes(2**22 + 1) == []  # no such process
