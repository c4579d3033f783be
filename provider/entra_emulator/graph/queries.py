"""OData's query options, as far as clients use them with these objects.

https://learn.microsoft.com/graph/query-parameters

The emulator answers 501 to any other option or expression; it ignores none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ..http.errors import NotEmulatedError
from .errors import bad_request, unknown_selection

_OPTIONS = frozenset({"$filter", "$select", "$top", "$skip", "$skiptoken", "$count"})
_TOP_LIMIT = 999
_PAGE = 100

_TEXT = r"'((?:[^']|'')*)'"
_EQUALS = re.compile(rf"\s*(\w+)\s+eq\s+(?:{_TEXT}|(true|false))\s*")
_FUNCTION = re.compile(rf"\s*(contains|startswith)\(\s*(\w+)\s*,\s*{_TEXT}\s*\)\s*")
_AND = re.compile(r"\s+and\s+(?=(?:[^']|'[^']*')*$)")


def check_options(query: Mapping[str, str], known: Collection[str]) -> None:
    """NotEmulatedError if the query has another option."""
    for name in query.keys() - set(known):
        raise NotEmulatedError(f"the query option '{name}' for this path")


def select(item: dict[str, Any], query: Mapping[str, str], type_name: str) -> dict[str, Any]:
    """The object with the properties in `$select`, and with its annotations."""
    if not query.get("$select"):
        return item
    names = [name.strip() for name in query["$select"].split(",")]
    for name in names:
        if name not in item:
            raise unknown_selection(name, type_name)
    return {name: value for name, value in item.items() if name in names or "@" in name}


def page(
    items: list[dict[str, Any]], query: Mapping[str, str], type_name: str, *, counts: bool = True
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The items that the query asks for, and their annotations.

    `@odata.nextLink` is only the `$skiptoken` of the next page. Without `counts`, `$count` has no
    effect.
    """
    check_options(query, _OPTIONS)
    found = [item for item in items if _matches(item, query.get("$filter"), type_name)]
    annotations: dict[str, Any] = {}
    if counts and query.get("$count") == "true":
        annotations["@odata.count"] = len(found)
    first = _number(query, "$skip", 0) + _number(query, "$skiptoken", 0)
    size = min(_number(query, "$top", _PAGE), _TOP_LIMIT)
    if size == 0:
        raise bad_request("Invalid page size specified: '0'. Must be between 1 and 999 inclusive.")
    if first + size < len(found):
        annotations["@odata.nextLink"] = str(first + size)
    shown = found[first : first + size]
    return [select(item, query, type_name) for item in shown], annotations


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise bad_request(f"Invalid value for the query option '{name}'.")
    return int(text)


def _matches(item: Mapping[str, Any], filter: str | None, type_name: str) -> bool:
    return filter is None or all(
        _meets(item, condition, type_name) for condition in _AND.split(filter)
    )


def _meets(item: Mapping[str, Any], condition: str, type_name: str) -> bool:
    if match := _EQUALS.fullmatch(condition):
        name, text, flag = match.groups()
        value = _value_of(item, name, type_name)
        if flag:
            return value is (flag == "true")
        return isinstance(value, str) and value.lower() == _unquoted(text)
    if match := _FUNCTION.fullmatch(condition):
        function, name, text = match.groups()
        value = _value_of(item, name, type_name)
        if not isinstance(value, str):
            return False
        begins = value.lower().startswith(_unquoted(text))
        return begins or (function == "contains" and _unquoted(text) in value.lower())
    raise NotEmulatedError(
        "this $filter: use eq with a text or a Boolean, contains, startswith, and 'and'"
    )


def _value_of(item: Mapping[str, Any], name: str, type_name: str) -> Any:
    if name not in item:
        raise unknown_selection(name, type_name)
    return item[name]


def _unquoted(text: str) -> str:
    return text.replace("''", "'").lower()
