"""Replies that name nothing: whether they are empty, a refusal, or in no form that can be read."""

import re

from som.agents.vlm.base import Reply

# Where no mark is named: the model says that it will not, or that nothing fits.
_DECLINED = re.compile(
    r"\b(?:I\s*(?:'m|am)\s+(?:sorry|unable|not able)|I\s+(?:can'?t|cannot|won'?t|will not)\b|"
    r"unable to (?:help|assist|identify|answer|determine)|"
    r"(?:nothing|none|no mark|not?(?: of the)? marks?)\b.{0,60}\b(?:match|fit|mark|answer|correspond)|"
    r"none of (?:these|them|the))|"
    r"^\W*none\W*$|"
    r"죄송|할 수 없|찾지 못|찾을 수 없|없습니다",
    re.I | re.S,
)
_FILTERED = ("content_filter", "refusal")


def problem_of(reply: Reply, *, unknown: bool) -> str:
    """Why a reply names nothing: "empty", "refused" or "format".

    Args:
        reply: that names no mark of the image and no point on it.
        unknown: it names a mark that is not there.
    """
    text = reply.text.replace("’", "'").strip()
    if reply.stop_reason in _FILTERED:
        return "refused"
    if not text:
        return "empty"
    return "refused" if not unknown and _DECLINED.search(text[:600]) else "format"
