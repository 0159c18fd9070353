"""JSON schemas as servers with constrained output want them, and replies checked against them."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

Schema = dict[str, Any]
# The key of a choice among options; see `choice_schema`.
CHOICE = "choice"
# From so many values on, a list of them is worth sharing.
_LONG = 8


def choice_schema(options: Sequence[str]) -> Schema:
    """A reply that is one of these options: ``{"choice": "7"}``."""
    return {
        "type": "object",
        "properties": {CHOICE: {"type": "string", "enum": list(options)}},
        "required": [CHOICE],
        "additionalProperties": False,
    }


def strict(schema: Schema) -> Schema:
    """The schema in OpenAI's strict form: every property required, what was optional may be null.

    Long lists of values that occur more than once are written once; there is a limit on how many a
    schema may have (developers.openai.com/api/docs/guides/structured-outputs).
    """
    return _shared(_required(schema))


def _required(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_required(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _required(value) for key, value in schema.items()}
    if made.get("type") == "object" and isinstance(made.get("properties"), dict):
        given = set(made.get("required", ()))
        made["properties"] = {
            key: value if key in given else _or_null(value) for key, value in made["properties"].items()
        }
        made["required"] = list(made["properties"])
        made["additionalProperties"] = False
    return made


def _or_null(schema: Schema) -> Schema:
    kind = schema.get("type")
    if not isinstance(kind, str) or len(schema.get("enum", ())) >= _LONG:
        return {"anyOf": [schema, {"type": "null"}]}
    made = {**schema, "type": [kind, "null"]}
    if "enum" in schema:
        made["enum"] = [*schema["enum"], None]
    return made


def _shared(schema: Schema) -> Schema:
    counts: Counter[str] = Counter()

    def count(part: Any) -> None:
        if isinstance(part, dict):
            if len(part.get("enum", ())) >= _LONG:
                counts[_key(part)] += 1
            for value in part.values():
                count(value)
        elif isinstance(part, list):
            for value in part:
                count(value)

    count(schema)
    names = {key: f"values{i}" for i, (key, n) in enumerate(counts.items()) if n > 1}
    if not names:
        return schema

    def replace(part: Any) -> Any:
        if isinstance(part, list):
            return [replace(value) for value in part]
        if not isinstance(part, dict):
            return part
        if len(part.get("enum", ())) >= _LONG and _key(part) in names:
            return {"$ref": f"#/$defs/{names[_key(part)]}"}
        return {key: replace(value) for key, value in part.items()}

    made: Schema = replace(schema)
    return {**made, "$defs": {name: json.loads(key) for key, name in names.items()}}


def _key(part: Schema) -> str:
    return json.dumps({key: part[key] for key in ("type", "enum") if key in part})


def without_nulls(text: str, schema: Schema) -> str:
    """A reply to `strict` of a schema as one to the schema itself: no nulls for what is optional."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if conforms(value, schema):
        return text
    cleaned = _no_nulls(value)
    return json.dumps(cleaned, ensure_ascii=False) if conforms(cleaned, schema) else text


def _no_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _no_nulls(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_no_nulls(part) for part in value]
    return value


def holds(text: str, schema: Schema) -> bool:
    """Whether a reply is JSON that follows a schema."""
    try:
        return conforms(json.loads(text), schema)
    except (ValueError, RecursionError):
        return False


_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def conforms(value: Any, schema: Schema, root: Schema | None = None) -> bool:
    """Whether a value follows a schema, as far as the keywords that this package writes go."""
    root = root or schema
    if "$ref" in schema:
        return conforms(value, root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root)
    if "anyOf" in schema and not any(conforms(value, part, root) for part in schema["anyOf"]):
        return False
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, dict):
        known = schema.get("properties", {})
        if set(schema.get("required", ())) - set(value):
            return False
        if schema.get("additionalProperties") is False and set(value) - set(known):
            return False
        return all(conforms(part, known.get(key, {}), root) for key, part in value.items())
    if isinstance(value, list):
        return all(conforms(part, schema.get("items", {}), root) for part in value)
    return True


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, _TYPES.get(kind, (object,)))
