"""What needs a person's yes, and what must not: judged by labels, forms, fields and addresses."""

from pathlib import Path
from typing import Any

import pytest

from som.agents import actions as do
from som.agents.actions import BaseAction
from som.agents.envs.base import Target
from som.agents.risks import (
    KINDS,
    LABELLED,
    Page,
    Risk,
    plain,
    risk_of_click,
    risk_of_label,
    same_site,
    shipped_words,
)
from som.agents.safety import (
    Judgement,
    SafetyPolicy,
    confirm_in_terminal,
    dialog_answers,
    printable,
    quoted,
)
from som.errors import SomError
from tests.agents.pictures import Pictures

SHOP = "https://shop.example/basket"
POLICY, WORDS = SafetyPolicy(), shipped_words()
LABELS = [
    line.split("\t")
    for line in Path(__file__).with_name("labels.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


def button(text: str = "", **more: Any) -> Target:
    return Target(role="button", text=text, tag="button", type="button", url=SHOP, **more)


def field(text: str = "", **more: Any) -> Target:
    return Target(**{"role": "textbox", "text": text, "tag": "input", "url": SHOP, **more})


def kind(action: BaseAction, target: Target, page: Page | None = None) -> str:
    risk = POLICY.risk(action, target, page or Page(SHOP, "Shop"))
    return risk.kind if risk else ""


def of_label(element: str, label: str) -> Risk | None:
    link = element == "link"
    target = Target(
        role=element,
        text=label,
        tag="a" if link else "button",
        href="https://shop.example/somewhere" if link else "",
        url=SHOP,
    )
    return risk_of_click(target, Page(SHOP, "Shop"), WORDS)


def test_labels_in_english_and_korean() -> None:
    """Of the risky labels nearly all are found, and no harmless one is asked about."""
    found = [(wanted, of_label(element, label), label) for wanted, element, label in LABELS]
    risky = [(wanted, risk, label) for wanted, risk, label in found if wanted != "-"]
    missed = [label for _, risk, label in risky if risk is None]
    false = [label for wanted, risk, label in found if wanted == "-" and risk is not None]
    other = [(label, risk.kind) for wanted, risk, label in risky if risk and risk.kind != wanted]
    assert len(risky) > 200
    assert len(found) - len(risky) > 200
    assert len(missed) <= 0.02 * len(risky), missed
    assert false == []
    assert other == []


@pytest.mark.parametrize(
    ("label", "wanted"),
    [
        ("購入する", "buy"), ("立即购买", "buy"), ("Jetzt kaufen", "buy"), ("Supprimer", "delete"),
        ("削除", "delete"), ("Enviar", "send"), ("Anmelden", "login"), ("发布", "publish"),
        ("  DELETE\u200b  Account… ", "delete"), ("Ｄｅｌｅｔｅ", "delete"), ("✕ Delete (3)", "delete"),
        ("Delete", "delete"), ("Löschen", "delete"), ("Annuler", ""), ("閉じる", ""), ("Suche", ""),
    ],
)  # fmt: skip
def test_labels_in_other_languages_and_spellings(label: str, wanted: str) -> None:
    risk = risk_of_label(label, WORDS)
    assert (risk.kind if risk else "") == wanted


def test_the_lists_hold_what_they_say() -> None:
    for kind_, lists in WORDS.kinds.items():
        assert kind_ in LABELLED
        for name, words in lists.items():
            for word in words:
                assert word, (kind_, name)
                assert word.removesuffix(" *") == plain(word.removesuffix("*")), (kind_, name, word)


def test_clicks_are_judged_by_what_they_land_on() -> None:
    click = do.Click(mark=1)
    assert kind(click, Target(tag="input", type="file")) == "upload"
    assert kind(click, Target(role="link", tag="a", href="mailto:a@b.example", text="Mail")) == "send"
    assert kind(click, button(hint="icon btn primary")) == ""
    assert kind(click, button(hint="icon btn delete")) == "delete"
    # Page text in a field, and a long headline, are content.
    assert kind(click, field("Delete account")) == ""
    assert kind(click, Target(role="checkbox", tag="input", type="checkbox", text="Delete")) == ""
    assert kind(click, button("Delete the old records of everybody in the whole company at once")) == ""
    # A plain link opens a page; what its address says counts, and a link to nowhere is a button.
    for text, href, wanted in (
        ("✕", "https://shop.example/items/7/delete", "delete"),
        ("✕", "https://shop.example/x?action=unsubscribe", "delete"),
        ("✕", "https://shop.example/delete-key-guide", ""),
        ("Sign in", "https://shop.example/login", ""),
        ("Sign in", f"{SHOP}#", "login"),
    ):
        assert kind(click, Target("link", text, "a", href=href, url=SHOP)) == wanted
    for same in (do.DoubleClick(mark=1), do.ClickAt(x=1, y=1), do.Drag(mark=1, to=2)):
        assert kind(same, button("Delete")) == "delete"
    for harmless in (do.Hover(mark=1), do.Scroll(mark=1), do.Zoom(mark=1), do.RightClick(mark=1)):
        assert kind(harmless, button("Delete")) == ""


def test_vague_labels_mean_what_the_page_is_about() -> None:
    click = do.Click(mark=1)
    for label in ("Confirm", "OK", "Continue", "확인"):
        assert kind(click, button(label)) == ""
    pay = Page("https://shop.example/checkout/payment", "")
    asked = Page("https://a.example/x", "Delete this project?")
    settings = Page("https://a.example/settings/security", "")
    for label, page, wanted in (
        ("Confirm", pay, "buy"),
        ("Yes", asked, "delete"),
        ("Save", settings, "account"),
    ):
        assert kind(click, Target("button", label, "button", url=page.url), page) == wanted


def test_forms_are_judged_by_where_and_what_they_send() -> None:
    click = do.Click(mark=1)
    form = {"type": "submit", "form_action": "https://shop.example/x", "form_method": "post"}

    def sends(text: str, **more: Any) -> Target:
        return Target(**{**vars(button(text)), **form, **more})

    assert kind(click, sends("Submit")) == "send"
    assert kind(click, sends("Submit", form_method="get")) == ""
    assert kind(click, sends("→", form_secret=True)) == "login"
    assert kind(click, sends("Go", form_action="https://evil.example/take")) == "elsewhere"
    assert kind(click, sends("Go", form_action="https://www.shop.example/x")) == ""
    # Enter in a field does what the form's button does.
    enter = do.Press(keys="Enter")
    asks = {"form_action": "https://shop.example/x", "form_method": "get", "form_button": "Search"}
    assert kind(enter, field("Query", **asks)) == ""
    assert kind(enter, field("Query", **{**asks, "form_button": "Place order"})) == "buy"
    assert (
        kind(enter, field("Query", **{**asks, "form_action": "https://evil.example/"})) == "elsewhere"
    )
    assert kind(enter, field("Password", type="password", form_secret=True)) == "login"
    assert kind(do.Type(mark=1, text="x", submit=True), field("Query", **asks)) == ""
    bought = field("Card holder", **{**asks, "form_button": "Pay"})
    assert kind(do.Type(mark=1, text="x", submit=True), bought) == "buy"
    assert kind(do.Type(mark=1, text="x"), bought) == ""
    # In fields of many lines Enter is a line break, but where messages are written it sends them.
    many = {"tag": "textarea", "form_button": "Publish", "form_action": "https://shop.example/x"}
    assert kind(enter, field("Body", **many)) == ""
    assert kind(do.Press(keys="Control+Enter"), field("Body", **many)) == "publish"
    assert kind(enter, field("Write a message", tag="div")) == "send"
    assert kind(enter, field("메시지 입력", tag="textarea")) == "send"
    assert kind(enter, button("Delete")) == "delete"
    assert kind(do.Press(keys="Space"), button("Delete")) == "delete"
    assert kind(do.Press(keys="Space"), field("Delete")) == ""
    assert kind(do.Press(keys="Delete"), Target(tag="body")) == "delete"
    assert kind(do.Press(keys="Delete"), field("Name")) == ""
    assert kind(do.Press(keys="Tab"), button("Delete")) == ""


def test_what_is_typed_and_chosen() -> None:
    def typed(text: str, **more: Any) -> str:
        return kind(do.Type(mark=1, text=text), field(**more))

    assert typed("hello") == ""
    assert typed("hunter2", type="password") == "password"
    assert typed("hunter2", autocomplete="section-a current-password") == "password"
    assert typed("{{secret:pw}}", type="password") == "", "secrets have rules of their own"
    assert typed("x", autocomplete="cc-number") == "card"
    assert typed("4111 1111 1111 1111") == "card"
    assert typed("4111 1111 1111 1112") == ""
    assert typed("call +82 10 1234 5678 9012") == ""
    assert kind(do.SelectOption(mark=1, option="Delete account"), field("Action")) == "delete"
    assert kind(do.SelectOption(mark=1, option="Blue"), field("Colour")) == ""


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://shop.example/tea", ""), ("https://other.example/?q=green+tea", ""),
        ("javascript:alert(1)", "script"), (" JavaScript:x", "script"), ("data:text/html,x", "script"),
        ("mailto:a@b.example", "send"), ("https://shop.example/account/delete", "delete"),
        ("https://evil.example/?e=me@example.org", "leak"),
        ("https://evil.example/?d=" + "x" * 130, "leak"),
        ("https://evil.example/{{secret:pw}}", "leak"),
        ("https://evil.example/%7B%7Bsecret:pw%7D%7D", "leak"),
        ("https://shop.example/?d=" + "x" * 130, ""),
    ],
)  # fmt: skip
def test_addresses_that_a_model_writes(url: str, wanted: str) -> None:
    assert kind(do.Goto(url=url), Target()) == wanted
    assert kind(do.NewTab(url=url), Target()) == wanted


def test_sites_are_registered_domains() -> None:
    assert same_site("https://a.shop.example/", "https://shop.example/")
    assert not same_site("https://shop.example/", "https://shop.example.evil.test/")
    assert not same_site("https://a.co.kr/", "https://b.co.kr/")
    assert same_site("https://www.a.co.kr/", "https://a.co.kr/")
    assert not same_site("http://127.0.0.1/", "http://128.0.0.1/")
    assert same_site("about:blank", "https://a.example/")


POLICY_FILE = """
[rules]
buy = "refuse"
send = "allow"
[domains."shop.example"]
buy = "confirm"
[domains."eu.shop.example"]
buy = "allow"
[words.delete]
is = ["zap"]
[words.any]
harmless = ["dry run"]
"""


def test_a_policy_is_data_that_its_owner_sets(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY_FILE)
    policy = SafetyPolicy.from_file(path)
    for url, verdict in (
        ("https://a.example/", "refuse"),
        ("https://www.shop.example/", "confirm"),
        ("https://eu.shop.example/", "allow"),
        ("https://notshop.example/", "refuse"),
    ):
        assert policy.verdict("buy", url) == verdict
    assert policy.verdict("send", SHOP) == "allow"
    assert policy.verdict("delete", SHOP) == "confirm"
    assert policy.verdict("script", SHOP) == "refuse"
    assert risk_of_label("Zap", policy.words) is not None
    assert risk_of_label("Zap", WORDS) is None
    assert risk_of_label("Delete (dry run)", policy.words) is None
    everything = SafetyPolicy.allowing_all()
    assert {everything.verdict(k, SHOP) for k in KINDS} == {"allow"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[rules]\nbuy = 'maybe'", "rules.buy: Input should be"),
        ("[rules]\neat = 'allow'", "no kind of risk 'eat'; there are: buy,"),
        ("[words.eat]\nis = []", "no kind of words 'eat'"),
        ("[words.buy]\nare = []", "no list 'are' of words"),
        ("[more]\n", "more: Extra inputs"),
        ("[", "is no TOML"),
    ],
)
def test_a_policy_file_that_is_wrong_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(SomError) as raised:
        SafetyPolicy.from_file(path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    with pytest.raises(SomError, match="cannot read"):
        SafetyPolicy.from_file(tmp_path / "none.toml")


def test_a_decision_is_the_rules_or_a_person_s() -> None:
    env = Pictures(texts=("Pay\x1b[31m now\nAllow?", "More"))
    seen = env.observe()
    asked: list[Judgement] = []

    def yes(judged: Judgement) -> bool:
        asked.append(judged)
        return True

    pay = do.Click(mark=1)
    assert POLICY.decide(do.Click(mark=2), env, seen).refused == ""
    decision = POLICY.decide(pay, env, seen, yes)
    assert (decision.confirmed, decision.refused) == (True, "")
    # What a page says cannot move the cursor of a terminal or pass for a line of ours.
    assert asked[0].what == 'click button "Pay [31m now Allow?"'
    assert "\n" not in str(asked[0])
    decision = POLICY.decide(pay, env, seen, lambda _: False)
    assert decision.confirmed is False
    assert "the person said no" in decision.refused
    decision = POLICY.decide(pay, env, seen)
    assert "nobody is there" in decision.refused
    never = SafetyPolicy({"buy": "refuse"})
    assert "the rules forbid this" in never.decide(pay, env, seen, yes).refused
    assert len(asked) == 1
    # A point, and either end of a drag, count like a mark.
    assert POLICY.judge(do.ClickAt(x=30, y=20), env, seen).kind == "buy"
    assert POLICY.judge(do.ClickAt(x=90, y=80), env, seen).kind == ""
    assert POLICY.judge(do.Drag(mark=2, to=1), env, seen).kind == "buy"


def test_without_a_terminal_the_answer_is_no() -> None:
    assert confirm_in_terminal(Judgement("confirm", "buy", "click", SHOP, "why")) is False


@pytest.mark.parametrize(("typed", "allowed"), [("y\n", True), ("\n", False), ("n\n", False)])
def test_the_terminal_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, allowed: bool
) -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    judged = Judgement("confirm", "buy", 'click button "Pay"', SHOP, "it spends money")
    assert confirm_in_terminal(judged) is allowed
    said = capsys.readouterr().err
    for part in ('click button "Pay"', SHOP, "it spends money (buy)", "Allow it this once? [y/N]"):
        assert part in said


def test_dialogs_of_pages() -> None:
    answer = dialog_answers(POLICY)
    assert answer("confirm", "Leave this page?") is True
    assert answer("confirm", "Delete all?") is False
    assert dialog_answers(POLICY, lambda _: True)("confirm", "Delete all?") is True
    assert (
        dialog_answers(SafetyPolicy({"delete": "refuse"}), lambda _: True)("confirm", "Delete all?")
        is False
    )


def test_page_text_is_shown_on_one_printable_line() -> None:
    assert printable("a\x1b]0;x\x07\u202eb\n c") == "a ]0;x  b c"
    assert quoted('say "x"\n' + "y" * 100) == "\"say 'x' " + "y" * 71 + '…"'
