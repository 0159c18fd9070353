"""Screen, pointer and keyboard of an X11 display: pixels by mss, input by xdotool."""

import os
import shutil
import subprocess
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from som.errors import MissingDependencyError, SomError

TIMEOUT_S = 20
# X names of keys whose everyday name is another.
KEYS = {
    "Enter": "Return", "Control": "ctrl", "Ctrl": "ctrl", "Alt": "alt", "Shift": "shift",
    "Meta": "super", "Cmd": "super", "Backspace": "BackSpace", "Esc": "Escape", "Space": "space",
    "ArrowUp": "Up", "ArrowDown": "Down", "ArrowLeft": "Left", "ArrowRight": "Right",
    "PageUp": "Prior", "PageDown": "Next", "+": "plus", "-": "minus",
}  # fmt: skip
LEFT, RIGHT = 1, 3
WHEEL = {"up": 4, "down": 5, "left": 6, "right": 7}


class X11:
    """One display.

    Args:
        display: such as ":0"; None takes ``$DISPLAY``.

    Raises:
        SomError: there is no such display.
        MissingDependencyError: mss or xdotool is not installed.
    """

    def __init__(self, display: str | None = None) -> None:
        self.display = display or os.environ.get("DISPLAY", "")
        if not self.display:
            raise SomError("there is no desktop here: DISPLAY is not set; start one, or use a browser")
        self._xdotool = shutil.which("xdotool")
        if self._xdotool is None:
            raise MissingDependencyError("the desktop needs xdotool: sudo apt install xdotool")
        try:
            import mss
        except ImportError as error:
            install = 'pip install "som-agent[desktop]"'
            raise MissingDependencyError(f"the desktop needs mss: {install}") from error
        self._stack = ExitStack()
        try:
            self._screen: Any = self._stack.enter_context(mss.MSS(display=self.display))
        except Exception as error:  # each version of mss has an error of its own for this
            raise SomError(f"no desktop answers at display {self.display}: is it running?") from error

    def close(self) -> None:
        """Let go of the display."""
        self._stack.close()

    def grab(self) -> NDArray[np.uint8]:
        """The whole screen, uint8 RGB (H, W, 3)."""
        shot = np.asarray(self._screen.grab(self._screen.monitors[0]))
        return np.ascontiguousarray(shot[..., 2::-1])

    def move(self, x: float, y: float) -> None:
        """Move the pointer to a pixel."""
        self._do("mousemove", "--sync", str(round(x)), str(round(y)))

    def click(self, button: int = LEFT, times: int = 1) -> None:
        """Press and release a button where the pointer is."""
        self._do("click", "--repeat", str(times), "--delay", "80", str(button))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press at one pixel, move in steps, release at another."""
        self.move(*start)
        self._do("mousedown", str(LEFT))
        for part in np.linspace(start, end, 9)[1:]:
            self.move(*part)
        self._do("mouseup", str(LEFT))

    def press(self, keys: str) -> None:
        """Press keys together: "Enter", "Control+a".

        Raises:
            SomError: there is no such key.
        """
        parts = ["+"] if keys == "+" else keys.split("+")
        names = [KEYS.get(part, part) for part in parts]
        if any(not name.isidentifier() and len(name) != 1 for name in names):
            raise SomError(f"no key {keys!r}")
        said = self._do("key", "--clearmodifiers", "+".join(names))
        if "No such key name" in said:
            raise SomError(f"no key {keys!r}")

    def type(self, text: str) -> None:
        """Type a text; it goes by standard input, so that no list of processes shows it."""
        self._do("type", "--clearmodifiers", "--delay", "8", "--file", "-", typed=text)

    def _do(self, *command: str, typed: str | None = None) -> str:
        try:
            done = subprocess.run(  # noqa: S603  no shell, and texts go by standard input
                [str(self._xdotool), *command],
                input=typed,
                env={**os.environ, "DISPLAY": self.display},
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SomError(f"display {self.display} took no input within {TIMEOUT_S} s") from None
        if done.returncode:
            reason = " ".join(done.stderr.split())[:200]
            raise SomError(f"display {self.display} took no input: {reason or command[0]}")
        return done.stderr
