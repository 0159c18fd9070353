import json
import re

import pytest

from som.agents.actions import KINDS, action_prompt, action_schema, meaning
from som.prompts import entries, languages

MARKS = [3, 7, 12]


def test_the_prompt_has_a_line_for_each_action_from_its_docstring() -> None:
    lines = action_prompt().splitlines()
    assert len(lines) == len(KINDS)
    assert lines[0] == "- click(mark): Click the middle of a mark."
    assert action_prompt(["wait"]) == "- wait(seconds=1): Wait for the page, at most 30 seconds."


def test_the_schema_knows_the_marks_of_this_image() -> None:
    schema = action_schema(MARKS)
    options = {
        option["properties"]["action"]["enum"][0]: option
        for option in schema["properties"]["action"]["anyOf"]
    }
    assert set(options) == set(KINDS)
    assert options["click"]["properties"]["mark"] == {"type": "integer", "enum": MARKS}
    assert options["drag"]["properties"]["to"]["enum"] == MARKS
    assert options["scroll"]["required"] == ["action"]
    json.dumps(schema)
    bare = json.dumps(action_schema([], ["click", "scroll", "press"]))
    assert '"click"' not in bare
    assert '"mark"' not in bare


@pytest.mark.parametrize("lang", [lang for lang in languages() if lang != "en"])
def test_every_action_is_described_in_every_language(lang: str) -> None:
    assert list(entries("actions", lang)) == list(KINDS)
    for name in KINDS:
        assert re.search("[가-힣]", meaning(name, lang)), name
    assert action_prompt(["click"], lang).startswith("- click(mark): 마크")
    described = action_schema(MARKS, ["click"], lang)["properties"]["action"]["anyOf"][0]
    assert described["description"] == meaning("click", lang)


@pytest.mark.parametrize("lang", languages())
def test_phrases_take_the_same_values_in_every_language(lang: str) -> None:
    english, other = entries("phrases", "en"), entries("phrases", lang)
    assert list(other) == list(english)
    for key, text in english.items():
        values = [sorted(re.findall(r"\$\{?([a-z_]+)", said)) for said in (text, other[key])]
        assert values[0] == values[1], key
