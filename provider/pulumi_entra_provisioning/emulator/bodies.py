"""Bodies that clients send to Graph, read strictly: a name that the type lacks is refused."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .graph_errors import bad_request

PAIR_TYPE = "microsoft.graph.synchronizationSecretKeyStringValuePair"


def read_pairs(document: Any, name: str) -> list[tuple[str, str | None]]:
    """The pairs of `{"<name>": [{"key": …, "value": …}]}`: keys as sent, values str or None."""
    items = _properties(document, {name}, "the request body").get(name)
    if not isinstance(items, list) or not items:
        raise bad_request(
            f"The parameter '{name}' must be a collection of {PAIR_TYPE} that is not empty."
        )
    return [_pair(item) for item in items]


def _pair(item: Any) -> tuple[str, str | None]:
    properties = _properties(item, {"key", "value"}, PAIR_TYPE)
    key, value = properties.get("key"), properties.get("value")
    if not isinstance(key, str):
        raise bad_request(f"The property 'key' of {PAIR_TYPE} must be a string.")
    if value is not None and not isinstance(value, str):
        raise bad_request(f"The property 'value' of {PAIR_TYPE} must be a string or null.")
    return key, value


def read_text(document: Any, name: str, type_name: str) -> str:
    """The one property that the body must have, e.g. `displayName` of an application."""
    value = _properties(document, {name}, type_name).get(name)
    if not isinstance(value, str) or not value:
        raise bad_request(f"Property '{name}' of {type_name} is required and must be a string.")
    return value


def _properties(item: Any, known: Collection[str], type_name: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise bad_request(f"A JSON object is expected for {type_name}.")
    declared = item.get("@odata.type", type_name)
    if not isinstance(declared, str) or declared.removeprefix("#") != type_name:
        raise bad_request(f"The type in '@odata.type' is not {type_name}.")
    # OData has its readers pass over annotations that they do not know; those have an @ in their
    # name.
    properties = {name: value for name, value in item.items() if "@" not in name}
    for name in properties.keys() - set(known):
        raise bad_request(
            f"The property '{name}' does not exist on type '{type_name}'. Make sure to only use"
            " property names that are defined by the type."
        )
    return properties
