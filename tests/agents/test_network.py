import pytest

from som.agents.network import NetworkPolicy


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:8080/", "http://x.localhost/", "http://10.1.2.3/",
        "http://192.168.0.1/", "http://169.254.169.254/latest", "http://[::1]/", "http://[fe80::1]/",
        "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://0x7f000001/", "http://127.1/",
        "http://0177.0.0.1/", "http://printer.local/", "http://0.0.0.0/", "https://LOCALHOST./",
        "http://user@127.0.0.1/", "ws://127.0.0.1/",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_in_whatever_notation(url: str) -> None:
    assert "private network" in str(NetworkPolicy().check(url))
    assert NetworkPolicy(allow_private=True).check(url) is None


def test_what_has_no_scheme_is_told_how_addresses_begin() -> None:
    assert "file:///" in str(NetworkPolicy(allow_files=True).check("/home/me/page.html"))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x.org/", "chrome://x", "", "nonsense"])
def test_other_schemes_are_refused(url: str) -> None:
    assert NetworkPolicy(allow_private=True).check(url)


def test_public_and_inert_addresses_are_allowed() -> None:
    for url in ("https://example.org/a?b", "http://93.184.216.34/", "about:blank", "data:text/html,x"):
        assert NetworkPolicy().check(url) is None
    assert NetworkPolicy(allow_files=True).check("file:///tmp/a.html") is None


def test_domains_count_with_all_below_them() -> None:
    policy = NetworkPolicy(allowed=("example.org", "*.test"), blocked=("ads.example.org",))
    assert policy.check("https://example.org/") is None
    assert policy.check("https://www.EXAMPLE.org./") is None
    assert policy.check("https://a.test/") is None
    assert policy.check("https://ads.example.org/") == "ads.example.org is blocked"
    assert policy.check("https://x.ads.example.org/")
    for url in (
        "https://badexample.org/",
        "https://example.org.evil.example/",
        "https://evil.example/",
    ):
        assert "not one of the allowed domains" in str(policy.check(url))
    assert "not one of" in str(policy.check("https://example.org@evil.example/"))


def test_names_that_lead_into_a_private_network(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"rebind.example": ["10.0.0.7"], "both.example": ["127.0.0.1", "93.184.216.34"]}

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, port)) for address in answers[host]]

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    assert NetworkPolicy().resolve("rebind.example", 80) == (
        None, "rebind.example leads into a private network",
    )  # fmt: skip
    assert NetworkPolicy().resolve("both.example", 80) == ("93.184.216.34", None)
    assert NetworkPolicy(allow_private=True).resolve("rebind.example", 80) == ("10.0.0.7", None)
