"""The OpenAPI description says that every operation may answer with the one error shape."""

from typing import Any

_REFERENCE = {"$ref": "#/components/schemas/ErrorBody"}
_METHODS = ("get", "post", "put", "patch", "delete")
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


def errors_documented(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the error shape as every operation's default answer (drf-spectacular's post-processing hook)."""
    result.setdefault("components", {}).setdefault("schemas", {})["ErrorBody"] = ERROR_SCHEMA
    answer = {"description": "Refused.", "content": {"application/json": {"schema": _REFERENCE}}}
    for operations in result.get("paths", {}).values():
        for method in _METHODS:
            if method in operations:
                operations[method].setdefault("responses", {}).setdefault("default", answer)
    return result
