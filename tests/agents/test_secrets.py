"""Secrets by name: typed where they may be, and found in text however they are written."""

import base64
import html
import json
import os
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from som.agents.secrets import Secret, SecretError, Secrets

VALUE = 'p@ss W<ord>/9&x"é한'
SECRETS = Secrets(
    [
        Secret("email", "me@example.org", ("shop.example", "*.pay.test")),
        Secret("word", lambda: VALUE, ("shop.example",)),
    ]
)


def test_a_secret_is_typed_only_where_it_may_be() -> None:
    for url in (
        "https://shop.example/login", "https://www.SHOP.example./x", "https://pay.test/", "https://a.pay.test/",
    ):  # fmt: skip
        assert SECRETS.reveal("to {{secret:email}}!", url) == "to me@example.org!"
    for url in (
        "https://evil.example/", "https://shop.example.evil.test/", "https://notshop.example/",
        "about:srcdoc",
        "https://shop.example@evil.test/", "data:text/html,shop.example", "", "https://[",
        "file:///shop.example",
    ):  # fmt: skip
        with pytest.raises(SecretError, match=r"may not be typed into .*, only on shop\.example"):
            SECRETS.reveal("{{secret:email}}", url)
    with pytest.raises(SecretError, match="not encrypted"):
        SECRETS.reveal("{{secret:email}}", "http://shop.example/")
    local = Secrets([Secret("pin", "1234", ("localhost",))])
    assert local.reveal("{{ secret: pin }}", "http://localhost:8000/") == "1234"
    with pytest.raises(SecretError, match="no secret 'card'; there are: email, word"):
        SECRETS.reveal("{{secret:card}}", "https://shop.example/")
    assert SECRETS.reveal("no name", "https://evil.example/") == "no name"


def ways() -> dict[str, str]:
    """A value in the writings that pages, addresses and replies use."""
    raw = VALUE.encode()
    return {
        "plain": VALUE,
        "upper": VALUE.upper(),
        "lower": VALUE.lower(),
        "quote": urllib.parse.quote(VALUE),
        "quote all": urllib.parse.quote(VALUE, safe=""),
        "quote plus": urllib.parse.quote_plus(VALUE),
        "twice": urllib.parse.quote(urllib.parse.quote(VALUE)),
        "lower percent": urllib.parse.quote(VALUE).lower(),
        "html": html.escape(VALUE),
        "html numbers": "".join(f"&#{ord(c)};" for c in VALUE),
        "html hex": "".join(f"&#x{ord(c):X};" for c in VALUE),
        "json": json.dumps(VALUE)[1:-1],
        "json, not ASCII": json.dumps(VALUE, ensure_ascii=False)[1:-1],
        "json twice": json.dumps(json.dumps(VALUE))[3:-3],
        "lines": "\n".join(VALUE),
        "wrapped": VALUE[:5] + "\r\n    " + VALUE[5:],
        "zero width": "\u200b".join(VALUE),
        "soft hyphens": "\u00ad".join(VALUE),
        "hex": raw.hex(),
        "hex, colons": raw.hex(":").upper(),
        "full width": "".join(chr(ord(c) + 0xFEE0) if 0x21 <= ord(c) <= 0x7E else c for c in VALUE),
    }


@pytest.mark.parametrize("way", ways())
def test_a_value_is_masked_however_it_is_written(way: str) -> None:
    written = ways()[way]
    assert SECRETS.mask(f"see: {written}; ok") == "see: {{secret:word}}; ok"
    assert SECRETS.mask(written) == "{{secret:word}}"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_at_any_place(before: str, encode: object) -> None:
    coded = encode(before.encode() + VALUE.encode() + b"tail").decode()  # type: ignore[operator]
    wrapped = "\n".join(coded[i : i + 10] for i in range(0, len(coded), 10))
    for text in (coded, wrapped):
        masked = SECRETS.mask(text)
        assert "{{secret:word}}" in masked
        assert len(masked) < len(coded) - 10


def test_what_was_cut_off_within_a_value_is_masked() -> None:
    for text in ("mail me@example.o", 'value "me@exam…"', '["me@exampl'):
        assert "me@" not in SECRETS.mask(text)
    # The same beginning in the middle of a text is something else.
    assert SECRETS.mask("me@example.net is another") == "me@example.net is another"


def test_masking_leaves_names_and_other_text_alone() -> None:
    text = "{{secret:email}} and {{secret:word}}: nothing else"
    assert SECRETS.mask(text) == text
    odd = Secrets([Secret("a", "secret", ("x.y",)), Secret("b", "email", ("x.y",))])
    assert odd.mask(odd.mask("secret email {{secret:email}}")) == (
        "{{secret:a}} {{secret:b}} {{secret:email}}"
    )
    assert Secrets().mask("as it was") == "as it was"
    # The longer value wins where one holds the other.
    two = Secrets([Secret("a", "hunter", ("x.y",)), Secret("b", "hunter22", ("x.y",))])
    assert two.mask("hunter22 hunter!") == "{{secret:b}} {{secret:a}}!"


@settings(max_examples=60, deadline=None)
@given(
    value=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=3, max_size=24),
    around=st.text(max_size=20),
)
def test_any_value_is_found_anywhere(value: str, around: str) -> None:
    secrets = Secrets([Secret("s", value, ("a.b",))])
    masked = secrets.mask(around + value + around)
    assert value not in masked.replace("{{secret:s}}", "\0")
    assert secrets.mask(masked) == masked


def test_no_value_is_shown_by_accident(tmp_path: Path) -> None:
    secret = Secret("email", "me@example.org", ("a.b",))
    assert "me@" not in repr(secret) + repr(SECRETS) + str(vars(SECRETS)["_secrets"])
    assert SECRETS.listed().splitlines()[0] == "- {{secret:email}}: only on shop.example, *.pay.test"
    bad = tmp_path / "s.toml"
    bad.write_text('[email]\nvalue = "me@example.org" oops')
    with pytest.raises(SecretError) as raised:
        Secrets.from_file(bad)
    assert "me@" not in str(raised.value)


def test_values_come_from_the_environment_or_a_file_of_one_s_own(tmp_path: Path) -> None:
    environ = {"SOM_SECRET_API_KEY": "abcdef", "MAIL": "me@example.org"}
    secrets = Secrets.from_env(["api-key@a.example, b.example"], environ)
    assert secrets.reveal("{{secret:api-key}}", "https://b.example/") == "abcdef"
    with pytest.raises(SecretError, match="in the environment variable SOM_SECRET_WORD"):
        Secrets.from_env(["word@a.example"], environ)
    with pytest.raises(SecretError, match="as name@domain"):
        Secrets.from_env(["word"], environ)
    path = tmp_path / "secrets.toml"
    path.write_text('[mail]\nenv = "MAIL"\ndomains = ["a.example"]\n')
    path.chmod(0o644)
    assert Secrets.from_file(path, environ).names == ("mail",)
    path.write_text(path.read_text() + '[pin]\nvalue = "1234"\ndomains = ["a.example"]\n')
    if os.name == "posix":
        with pytest.raises(SecretError, match=r"others may read .*; run: chmod 600"):
            Secrets.from_file(path, environ)
        path.chmod(0o600)
    assert Secrets.from_file(path, environ).reveal("{{secret:pin}}", "https://a.example/") == "1234"
    for text in ('[x]\nvalue = "abc"', '[x]\ndomains = ["a.b"]', "x = 3", '[x]\nvalue="abc"\nmore=1'):
        path.write_text(text)
        with pytest.raises(SecretError):
            Secrets.from_file(path, environ)


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        ([Secret("two words", "abc", ("a.b",))], "no name for a secret"),
        ([Secret("a", "ab", ("a.b",))], "less than 3 characters"),
        ([Secret("a", "abc", ())], "names no domain"),
        ([Secret("a", "abc", ("*",))], "names no domain"),
        ([Secret("a", "abc", ("a.b",)), Secret("a", "abd", ("a.b",))], "two secrets 'a'"),
    ],
)
def test_secrets_that_cannot_be(secrets: list[Secret], message: str) -> None:
    with pytest.raises(SecretError, match=message):
        Secrets(secrets)
