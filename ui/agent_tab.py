"""The Agent tab: a task carried out in a browser, watched, stepped and taken over; and saved runs."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from som.agents.actions import Click, GoBack, Scroll, Type
from som.agents.envs.base import Environment
from som.agents.network import NetworkPolicy
from som.agents.safety import Confirm, SafetyPolicy, dialog_answers
from som.errors import SomError
from som.ui.config import Config
from som.ui.marking import MAX_SIDE
from som.ui.models import vlm_of
from som.ui.run_value import run_value
from som.ui.runs import LiveRun
from som.ui.saved_runs import Keeper, SavedRun, saved_names
from som.ui.sessions import Session, Sessions
from som.ui.texts import Texts
from som.ui.widgets import listener, widget
from som.ui.words import word

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
LONGEST_TASK, LONGEST_URL, MOST_STEPS = 2000, 2000, 100
OpenBrowser = Callable[[str, Config, Confirm], Environment]


def open_browser(url: str, config: Config, confirm: Confirm) -> Environment:
    """A browser for one run: only public addresses where others than the owner can start it."""
    from som.agents.envs.browser import BrowserEnv

    policy = SafetyPolicy()
    return BrowserEnv(
        url,
        policy=NetworkPolicy(allow_private=config.private),
        on_dialog=dialog_answers(policy, confirm),
        max_side=MAX_SIDE,
    )


def open_desktop(_: str, config: Config, confirm: Confirm) -> Environment:
    """The desktop of this machine."""
    from som.agents.envs.desktop import DesktopEnv

    return DesktopEnv(max_side=MAX_SIDE)


def has_desktop(config: Config) -> bool:
    """Whether there is a desktop to act on, and only its owner can reach the app."""
    return config.private and bool(os.environ.get("DISPLAY"))


class AgentTab:
    """The tab, and what happens when a visitor does something in it."""

    def __init__(
        self,
        config: Config,
        sessions: Sessions,
        texts: Texts,
        *,
        open_env: OpenBrowser | None = None,
    ) -> None:
        """Build it inside the current Gradio context.

        Args:
            config: the owner's settings.
            sessions: the visitors.
            texts: the interface's words.
            open_env: opens the place to act in; a browser, or the desktop, when not given.
        """
        self.config, self.sessions, self.texts, self._open = config, sessions, texts, open_env
        self._build()

    # What is on the page.

    def _build(self) -> None:
        import gradio as gr

        texts, add = self.texts, self.texts.add
        with gr.Row(elem_classes="som-task"):
            self.url = gr.Textbox(
                label=texts("agent.url"), placeholder="https://example.org", max_lines=1, scale=3,
                max_length=LONGEST_URL, elem_id="agent-url", min_width=220,
            )  # fmt: skip
            self.task = gr.Textbox(
                label=texts("agent.task"), placeholder=texts("agent.task_example"), max_lines=3,
                scale=5, max_length=LONGEST_TASK, elem_id="agent-task", min_width=260,
            )  # fmt: skip
            self.start = gr.Button(
                texts("agent.start"), variant="primary", elem_id="agent-start", scale=0, min_width=110
            )
        with gr.Row(elem_classes="som-run-controls"):
            names = ("pause", "go", "step", "stop", "back", "scroll")
            self.buttons = {
                name: gr.Button(
                    texts(f"agent.{name}"), elem_id=f"agent-{name}", size="sm", min_width=80
                )
                for name in names
            }
            self.typed = gr.Textbox(
                show_label=False, label=texts("agent.typed"), placeholder=texts("agent.typed"),
                max_lines=1, container=False, elem_id="agent-typed", scale=4, min_width=200,
            )  # fmt: skip
        self.view = widget("run", self.value(Session()), elem_id="run")
        desktop = has_desktop(self.config)
        places = ("browser", "desktop") if desktop else ("browser",)
        choices = {place: f"agent.{place}" for place in places}
        more = gr.Accordion(texts("mark.more"), open=False, elem_id="agent-more")
        with more, gr.Row(elem_classes="som-run-options"):
            self.place = gr.Radio(
                texts.choices(choices), value="browser", label=texts("agent.place"),
                elem_id="agent-place", min_width=200,
                info=None if desktop else texts("agent.no_desktop"),
            )  # fmt: skip
            self.paused = gr.Checkbox(
                label=texts("agent.paused"), info=texts("agent.paused_info"), elem_id="agent-paused",
                min_width=220,
            )  # fmt: skip
            self.steps = gr.Slider(
                1, MOST_STEPS, 30, step=1, label=texts("agent.steps"), elem_id="agent-steps",
                buttons=[], min_width=180,
            )  # fmt: skip
        info = {} if desktop else {"info": "agent.no_desktop"}
        add(self.url, label="agent.url")
        add(self.task, label="agent.task", placeholder="agent.task_example")
        add(self.start, value="agent.start")
        add(self.place, label="agent.place", choices=choices, **info)
        add(self.paused, label="agent.paused", info="agent.paused_info")
        add(self.steps, label="agent.steps")
        add(more, label="mark.more")
        for name, button in self.buttons.items():
            add(button, value=f"agent.{name}")
        add(self.typed, label="agent.typed", placeholder="agent.typed")
        self.saved = gr.Dropdown(
            saved_names(self.config), value=None, label=texts("agent.saved"),
            info=texts("agent.saved_info"),
            elem_id="agent-saved", visible=self.config.runs is not None,
        )  # fmt: skip
        add(self.saved, label="agent.saved", info="agent.saved_info")
        self._wire()

    def _wire(self) -> None:
        given = [self.url, self.task, self.place, self.paused, self.steps]
        # One place in line for as long as a run lasts: further ones wait their turn.
        runs: dict[str, Any] = {**PRIVATE, "concurrency_limit": self.config.max_runs}
        self.start.click(listener(self.on_start), given, self.view, concurrency_id="run", **runs)
        self.task.submit(listener(self.on_start), given, self.view, concurrency_id="run", **runs)
        quick: dict[str, Any] = {**PRIVATE, "concurrency_limit": None}
        for name, button in self.buttons.items():
            button.click(listener(getattr(self, f"on_{name}")), None, None, **quick)
        self.view.event(listener(self.on_event), self.typed, [self.view, self.typed], **quick)
        self.saved.focus(lambda: _choices(saved_names(self.config)), None, self.saved, **PRIVATE)
        self.saved.input(listener(self.on_saved), self.saved, self.view, **PRIVATE)

    # What the page is sent.

    def value(self, session: Session, **more: Any) -> dict[str, Any]:
        """What the run's widget shows; see `run_value`."""
        return run_value(session, **more)

    # What visitors do.

    def on_start(
        self, url: str, task: str, place: str, paused: bool, steps: float, request: Any
    ) -> Iterator[Any]:
        """Begin a run, and show it until it is over."""
        session = self.sessions.of(request)
        try:
            live = self._begin(session, (url or "").strip(), task or "", place, paused, int(steps))
        except SomError as error:
            yield self.value(session, error=str(error))
            return
        version = -1
        try:
            while session.run is live:
                seen = live.wait(version)
                if seen != version:
                    version = seen
                    yield self.value(session)
                if live.phase == "ended":
                    yield self.value(session)
                    return
        finally:  # nobody follows it any more
            live.stop()

    def _begin(
        self, session: Session, url: str, task: str, place: str, paused: bool, steps: int
    ) -> LiveRun:
        if not task.strip():
            raise SomError(word("error.no_task", session.lang))
        if place == "desktop" and not has_desktop(self.config):
            raise SomError(word("agent.no_desktop", session.lang))
        if place != "desktop" and not url:
            raise SomError(word("error.no_url", session.lang))
        vlm = vlm_of(session.model, self.config)
        url = url if "://" in url else f"https://{url}"
        opens = self._open or (open_desktop if place == "desktop" else open_browser)
        if session.run is not None:
            session.run.close()
        session.looking = None
        keeper = Keeper(self.config, task, url, vlm.name, session.lang)
        session.run = LiveRun(
            task,
            partial(opens, url, self.config),
            lambda: vlm,
            lang=session.lang,
            max_steps=min(max(steps, 1), MOST_STEPS),
            paused=paused,
            on_step=keeper,
            on_end=keeper.close,
        )
        live: LiveRun = session.run
        return live

    def on_event(self, typed: str, request: Any, event: Any) -> Any:
        """Something happened in the run's widget."""
        session, data = self.sessions.of(request), dict(event._data or {})
        kind, live = data.get("kind"), session.run
        typed = (typed or "")[:LONGEST_TASK]
        if live is None:
            return self.value(session), typed
        if kind == "show":
            number = data.get("number")
            session.looking = number if isinstance(number, int) else None
            return self.value(session), typed
        if isinstance(live, LiveRun):
            if kind == "take" and isinstance(data.get("mark"), int):
                mark = data["mark"]
                session.looking = None
                live.take_over(Type(mark=mark, text=typed) if typed else Click(mark=mark))
                typed = ""
            elif kind == "answer":
                said = data.get("answer")
                live.answer(said if isinstance(said, bool) else str(said)[:LONGEST_TASK])
        return _skip(), typed

    def on_saved(self, name: str | None, request: Any) -> Any:
        """A saved run was chosen."""
        session = self.sessions.of(request)
        try:
            if self.config.runs is None or name not in saved_names(self.config):
                raise SomError(word("error.no_run", session.lang))
            if session.run is not None:
                session.run.close()
            session.looking = 1
            session.run = SavedRun(self.config.runs / str(name))
        except SomError as error:
            return self.value(session, error=str(error))
        return self.value(session)

    def on_pause(self, request: Any) -> None:
        """Wait after this step."""
        self._tell(request, LiveRun.pause)

    def on_go(self, request: Any) -> None:
        """Go on."""
        self._tell(request, LiveRun.go)

    def on_step(self, request: Any) -> None:
        """One step."""
        self._tell(request, LiveRun.step)

    def on_stop(self, request: Any) -> None:
        """No further."""
        self._tell(request, LiveRun.stop)

    def on_back(self, request: Any) -> None:
        """A person goes back a page."""
        self._tell(request, lambda live: live.take_over(GoBack()))

    def on_scroll(self, request: Any) -> None:
        """A person scrolls down."""
        self._tell(request, lambda live: live.take_over(Scroll()))

    def _tell(self, request: Any, wish: Callable[[LiveRun], None]) -> None:
        """Hand over a wish; what comes of it is shown where the run is followed."""
        session = self.sessions.of(request)
        if isinstance(session.run, LiveRun) and session.run.phase != "ended":
            wish(session.run)


def _skip() -> Any:
    import gradio as gr

    return gr.skip()


def _choices(names: list[str]) -> Any:
    import gradio as gr

    return gr.update(choices=names)
