"""What an element, a point or the focus of a page stands for, asked of the page as it is now."""

from typing import Any

from som.agents.envs.base import Target
from som.agents.envs.page import INNER, is_gone, script

# Frames within frames are followed this deep.
DEEPEST = 8
_DESCRIBED = 'e => window[Symbol.for("som.marks")]?.describe?.(e) ?? null'
_AT = """([x, y]) => {
  let root = document, hit = null;
  for (;;) {
    const next = root.elementFromPoint(x, y);
    if (!next || next === hit) return hit;
    hit = next;
    if (!hit.shadowRoot) return hit;
    root = hit.shadowRoot;
  }
}"""
_FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
}"""


def target_of(element: Any) -> Target | None:
    """What playwright's handle on an element stands for, None when that is gone."""
    try:
        frame = element.owner_frame()
        found = element.evaluate(_DESCRIBED)
        if found is None:  # a document that was not looked at yet
            frame.evaluate(script("page_marks"))
            found = element.evaluate(_DESCRIBED)
        return Target(**found, url=frame.url)
    except Exception as error:
        if is_gone(error):
            return None
        raise


def target_at(page: Any, x: float, y: float) -> Target | None:
    """What is on top at a point of a page, in CSS pixels, frames and shadow roots included."""
    frame = page.main_frame
    try:
        for _ in range(DEEPEST):
            element = frame.evaluate_handle(_AT, [x, y]).as_element()
            inner = element.content_frame() if element is not None else None
            if inner is None:
                return target_of(element) if element is not None else None
            _, left, top = element.evaluate(INNER)
            x, y, frame = x - left, y - top, inner
    except Exception as error:
        if not is_gone(error):
            raise
    return None


def target_focused(page: Any) -> Target | None:
    """What has the focus in a page, None when nothing does."""
    frame = page.main_frame
    try:
        for _ in range(DEEPEST):
            element = frame.evaluate_handle(_FOCUSED).as_element()
            inner = element.content_frame() if element is not None else None
            if inner is None:
                return target_of(element) if element is not None else None
            frame = inner
    except Exception as error:
        if not is_gone(error):
            raise
    return None
