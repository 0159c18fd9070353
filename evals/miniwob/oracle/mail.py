"""Tasks of an inbox and of a stream of posts."""

import re
from collections.abc import Callable

from som.evals.miniwob.oracle.hand import Hand

_MAIL = "all('#main .email-thread').find((e) => says(e.querySelector('.email-sender')) === arg)"
_FIELDS = "typeof core.getUtterance() === 'object' ? core.getUtterance().fields : null"


def _inbox(hand: Hand) -> None:
    known = hand.js(_FIELDS) or _from_words(hand.utterance)
    sender = f"{known['by']}"
    if known.get("task") == "delete":
        hand.click(f"={_MAIL}.querySelector('.trash')", says=sender)
    if known.get("task") in ("star", "important"):
        hand.click(f"={_MAIL}.querySelector('.star')", says=sender)
    hand.click("=" + _MAIL, says=sender)
    if "to" in known:
        hand.click("#email .email-forward")
        hand.type(".forward-sender", known["to"])
        hand.click("#send-forward")
    hand.click("#email .email-reply")
    hand.type("#reply-text", known["message"])
    hand.click("#send-reply")


def _from_words(words: str) -> dict[str, str]:
    found = re.search(r"email by (\S+) and", words)
    known = {"by": found[1] if found else ""}
    if "trash" in words:
        known["task"] = "delete"
    elif "star icon" in words:
        known["task"] = "star"
    elif "forward" in words:
        known["to"] = words.rpartition(" to ")[2].rstrip(".")
    else:
        known["message"] = words.split('"')[1]
    return known


def _post(hand: Hand) -> None:
    user, action = hand.said('user (\\S+), click on the "(.*)"')
    post = "all('.media').find((e) => says(e.querySelector('.username')) === arg)"
    if action in ("Reply", "Retweet", "Like"):
        hand.click(f"={post}.querySelector('.{action.lower()}')", says=user)
    hand.click(f"={post}.querySelector('.more')", says=user)
    item = {"Share via DM": "share", "Copy link to Tweet": "copy", "Embed Tweet": "embed",
            "Mute": "menu-user", "Block": "block-user", "Report": "report"}[action]  # fmt: skip
    hand.click(f"={post}.querySelector('.{item}')", says=user)


def _posts(hand: Hand) -> None:
    action, amount, user = hand.said(r'the "(.*)" button on (all|\d+) posts? by (\S+) and')
    posts = "all('.media').filter((e) => says(e.querySelector('.username')) === arg)"
    count = hand.js(f"{posts}.length", user) if amount == "all" else int(amount)
    for i in range(count):
        hand.click(f"={posts}[{i}].querySelector('.{action.lower()}')", says=user)
    hand.click("#submitRow button")


TASKS: dict[str, Callable[[Hand], None]] = {
    **dict.fromkeys(
        ["email-inbox", "email-inbox-delete", "email-inbox-forward", "email-inbox-forward-nl",
         "email-inbox-forward-nl-turk", "email-inbox-important", "email-inbox-nl-turk",
         "email-inbox-noscroll", "email-inbox-reply", "email-inbox-star-reply"], _inbox),
    "social-media": _post,
    **dict.fromkeys(["social-media-all", "social-media-some"], _posts),
}  # fmt: skip
