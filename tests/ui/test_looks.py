"""Every tab can be read, in both schemes: the contrast of all text, and names for all controls."""

from pathlib import Path
from typing import Any

import pytest

from tests.ui.conftest import Open

# Every visible text whose contrast with what is behind it is below that of WCAG 2, level AA.
PALE = (Path(__file__).parent / "pale.js").read_text("utf-8")
NAMELESS = """() => [...document.querySelectorAll("button, input, textarea, select, img")]
    .filter((item) => {
        if (!item.checkVisibility({ visibilityProperty: true })) return false;
        if (item.tagName === "IMG") return !item.hasAttribute("alt");
        return !item.innerText?.trim() && !item.getAttribute("aria-label")
            && !item.getAttribute("aria-labelledby") && !item.title && !item.labels?.length;
    })
    .map((item) => item.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_and_all_controls_have_names(visit: Open, scheme: str) -> None:
    page: Any = visit(color_scheme=scheme)
    names = page.get_by_role("tab").all_inner_texts()
    assert len(names) >= 3
    for name in names:
        page.click(f"[role=tab]:text-is('{name}')")
        page.wait_for_selector(f"[role=tab][aria-selected=true]:text-is('{name}')")
        assert page.evaluate(PALE) == []
        assert page.evaluate(NAMELESS) == []
