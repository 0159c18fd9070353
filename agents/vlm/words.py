"""The words that the offline grounder knows, in English and Korean.

English words are matched whole, Korean ones anywhere: Korean puts particles behind its nouns.
"""

Words = tuple[str, ...]

COLORS: dict[str, Words] = {
    "red": ("red", "crimson", "빨간", "빨강", "붉은", "적색"),
    "orange": ("orange", "주황", "오렌지색"),
    "yellow": ("yellow", "golden", "노란", "노랑", "황색"),
    "green": ("green", "초록", "녹색", "푸른"),
    "cyan": ("cyan", "teal", "turquoise", "청록"),
    "blue": ("blue", "navy", "파란", "파랑", "하늘색", "남색"),
    "purple": ("purple", "violet", "보라"),
    "pink": ("pink", "magenta", "분홍", "핑크"),
    "brown": ("brown", "갈색"),
    "white": ("white", "흰", "하얀", "백색"),
    "grey": ("grey", "gray", "회색"),
    "black": ("black", "dark", "검은", "검정", "까만"),
}

# Role -> (roles it may have been given, words that ask for it).
ROLES: dict[str, tuple[Words, Words]] = {
    "button": (("button", "submit"), ("button", "buttons", "버튼", "단추")),
    "link": (("link", "a"), ("link", "links", "링크")),
    "textbox": (
        ("textbox", "searchbox", "input", "textarea", "field"),
        (
            "field", "fields", "textbox", "input", "box", "textarea",
            "입력창", "입력란", "입력칸", "검색창", "필드",
        ),
    ),
    "checkbox": (("checkbox",), ("checkbox", "checkboxes", "체크박스", "확인란")),
    "radio": (("radio",), ("radio", "라디오")),
    "combobox": (
        ("combobox", "select", "listbox"),
        ("dropdown", "select", "combobox", "드롭다운", "선택 상자"),
    ),
    "tab": (("tab",), ("tab", "tabs", "탭")),
    "menuitem": (("menuitem", "option", "listitem"), ("menu", "메뉴")),
    "icon": (("icon", "image", "img"), ("icon", "icons", "logo", "아이콘", "로고")),
    "image": (("image", "img", "photo"), ("image", "picture", "photo", "이미지", "사진", "그림")),
    "card": (("card", "group"), ("card", "panel", "카드")),
    "text": (("text", "heading", "label"), ("text", "heading", "title", "label", "글자", "제목")),
}  # fmt: skip

# Place -> where it is: x and y from -1 (left, top) to 1; None where it does not say.
PLACES: dict[str, tuple[float | None, float | None, Words]] = {
    "left": (-1, None, ("left", "leftmost", "왼쪽", "좌측", "왼편")),
    "right": (1, None, ("right", "rightmost", "오른쪽", "우측", "오른편")),
    "top": (None, -1, ("top", "upper", "topmost", "위쪽", "쪽 위", "상단", "맨 위", "위에")),
    "bottom": (None, 1, ("bottom", "lower", "bottommost", "아래", "하단")),
    "middle": (0, 0, ("middle", "center", "centre", "central", "가운데", "중앙")),
}

ORDINALS: dict[int, Words] = {
    1: ("first", "1st", "첫 번째", "첫번째", "첫째"),
    2: ("second", "2nd", "두 번째", "두번째", "둘째", "2번째"),
    3: ("third", "3rd", "세 번째", "세번째", "셋째", "3번째"),
    4: ("fourth", "4th", "네 번째", "네번째", "4번째"),
    5: ("fifth", "5th", "다섯 번째", "다섯번째", "5번째"),
    6: ("sixth", "6th", "여섯 번째", "여섯번째", "6번째"),
    7: ("seventh", "7th", "일곱 번째", "일곱번째", "7번째"),
    -1: ("last", "final", "마지막"),
}

# Size -> sign: 1 for the largest.
SIZES: dict[int, Words] = {
    1: ("largest", "biggest", "large", "big", "가장 큰", "제일 큰", "큰"),
    -1: ("smallest", "tiniest", "small", "tiny", "little", "가장 작은", "제일 작은", "작은"),
}

# Relation -> direction from the thing it refers to; (0, 0) is any side. English stands before what
# it refers to ("left of X"), Korean behind it ("X의 왼쪽").
RELATIONS: dict[tuple[int, int], tuple[Words, Words]] = {
    (-1, 0): (
        ("to the left of", "left of"),
        ("의 왼쪽", " 왼쪽", "의 좌측"),
    ),
    (1, 0): (("to the right of", "right of"), ("의 오른쪽", " 오른쪽", "의 우측")),
    (0, -1): (("on top of", "above", "over"), ("의 위", " 위에", " 위쪽")),
    (0, 1): (
        ("underneath", "below", "beneath", "under"),
        ("의 아래", " 아래", " 밑"),
    ),
    (0, 0): (
        ("next to", "beside", "near", "closest to", "adjacent to", "by"),
        ("의 옆", " 옆", " 근처"),
    ),
}

# Asks for all that match rather than the best.
MANY: Words = ("all", "every", "each", "모든", "전부", "모두")

# Words that say nothing about the picture.
STOP: Words = (
    "a", "an", "the", "is", "are", "was", "be", "do", "does", "i", "me", "my", "you", "it", "its",
    "what", "which", "where", "who", "how", "that", "this", "these", "those", "there", "one", "thing",
    "of", "at", "in", "on", "to", "for", "from", "with", "and", "or", "please", "can", "could",
    "would", "mark", "marks", "number", "side", "corner", "part", "says", "say", "labeled",
    "labelled", "named", "called", "colored", "coloured", "color", "colour", "has", "have", "located",
    "에", "에서", "쪽에", "어디", "어디에", "어디야", "어느", "어떤", "무엇", "뭐", "것",
    "것은", "것을", "것이", "있는", "있나요", "있어", "있습니까", "주세요", "해줘", "하세요",
    "해주세요", "색", "색깔", "번", "마크", "쪽", "구석", "모서리", "인가요", "무엇인가요",
)  # fmt: skip

# What to do with it: looked for only where the question says nothing else ("Open").
COMMANDS: Words = (
    "click", "press", "tap", "hit", "use", "find", "show", "select", "choose", "open", "point",
    "locate", "go", "클릭", "눌러", "눌러줘", "누르세요", "찾아", "찾아줘", "찾으세요",
    "보여줘", "선택",
)  # fmt: skip

# Korean particles, longest first: taken off the end of words that should be found in the picture.
PARTICLES: Words = (
    "에서는", "으로는", "이라는", "라는", "에서", "으로", "에는", "까지", "부터", "에게", "이란", "란",
    "을", "를", "이", "가", "은", "는", "의", "에", "로", "와", "과", "도", "만",
)  # fmt: skip
