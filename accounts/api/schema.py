"""The OpenAPI description says that every operation may answer with the one error shape."""

from typing import Any

from accounts.api.glossary import WORDS

_REFERENCE = {"$ref": "#/components/schemas/ErrorBody"}
_METHODS = ("get", "post", "put", "patch", "delete")
GUIDE = """

**Log in**: `POST /api/auth/login` with email and password, then send `Authorization: Token <token>`. 401: no valid
token. 403: not yours to do. 429: too many attempts; wait as long as `Retry-After` says.

**Lists** are newest first. Follow `next` until it is null: pages neither lose nor repeat rows while new ones arrive.
`page_size` is 1 to 200 (50). A parameter that a list does not know, an empty one, or one given twice is refused
(400), so that a misspelt filter never shows everything.

**Amounts** go out as decimal text and are best sent so. Fractions are fractions: 0.009 is 0.9 %. **Moments** are ISO
8601 in UTC.

**Defaults** of a new bot are those that the form proposes; they stand beside each field of `POST /api/bots`.

**Errors** have one shape: `{"error": {"code", "message", "fields"}}`.
"""
ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What happened and what to do.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields"],
            "properties": {
                "code": {"type": "string", "description": "A word for programs, such as invalid or not_found."},
                "message": {"type": "string", "description": "Words for people."},
                "fields": {
                    "type": "object",
                    "description": "Messages by field, where single fields are at fault.",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
}
ERROR_EXAMPLE: dict[str, Any] = {
    "error": {
        "code": "invalid",
        "message": "amount_quote: At least 10 and at most 1000000000 USDT.",
        "fields": {"amount_quote": ["At least 10 and at most 1000000000 USDT."]},
    }
}


def errors_documented(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the error shape as every operation's default answer, summaries and words (drf-spectacular's hook)."""
    result["info"]["description"] = result["info"].get("description", "") + GUIDE
    result.setdefault("components", {}).setdefault("schemas", {})["ErrorBody"] = ERROR_SCHEMA
    content = {"schema": _REFERENCE, "example": ERROR_EXAMPLE}
    answer = {"description": "Refused.", "content": {"application/json": content}}
    for name, schema in result["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            if "$ref" not in part and field in WORDS:
                part.setdefault("description", WORDS[field])
            if name.startswith("Patched"):  # what a PATCH leaves out stays as it is
                part.pop("default", None)
    for path, operations in result.get("paths", {}).items():
        for method in _METHODS:
            if method in operations:
                operations[method].setdefault("responses", {}).setdefault("default", answer)
                operations[method].setdefault("summary", _summary(path, method, operations[method]))
    return result


def _summary(path: str, method: str, operation: dict[str, Any]) -> str:
    """The first sentence of the description; where a list and its single rows share one, the row says so."""
    sentence = str(operation.get("description", "")).split("\n")[0].split(". ")[0].rstrip(".")
    row = method == "get" and path.endswith("}") and sentence
    return f"One row of: {sentence[0].lower()}{sentence[1:]}" if row else sentence
