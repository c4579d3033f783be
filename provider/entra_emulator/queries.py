"""OData's query options, as far as the clients of these objects use them.

https://learn.microsoft.com/graph/query-parameters

An option or an expression that is not known here is answered with 501, not passed over.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from .graph_errors import bad_request, not_implemented, unknown_selection

_OPTIONS = frozenset({"$filter", "$select", "$top", "$skip", "$skiptoken", "$count"})
_TOP_LIMIT = 999
_PAGE = 100

_TEXT = r"'((?:[^']|'')*)'"
_EQUALS = re.compile(rf"\s*(\w+)\s+eq\s+(?:{_TEXT}|(true|false))\s*")
_FUNCTION = re.compile(rf"\s*(contains|startswith)\(\s*(\w+)\s*,\s*{_TEXT}\s*\)\s*")
_AND = re.compile(r"\s+and\s+(?=(?:[^']|'[^']*')*$)")


def check_options(query: Mapping[str, str], known: Collection[str]) -> None:
    """Refuses options that are not known at this place."""
    for name in query.keys() - set(known):
        raise not_implemented(f"the query option '{name}' here")


def selected(item: dict[str, Any], query: Mapping[str, str], type_name: str) -> dict[str, Any]:
    """The object with the properties that `$select` names, annotations kept."""
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
    """The part of a collection that the query asks for, and the annotations that go with it.

    The annotation `@odata.nextLink` is the query of the next page, without an address. `counts`
    says whether `$count` may be answered.
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
    return [selected(item, query, type_name) for item in shown], annotations


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise bad_request(f"Invalid value for the query option '{name}'.")
    return int(text)


def _matches(item: Mapping[str, Any], filter: str | None, type_name: str) -> bool:
    return filter is None or all(_is(item, part, type_name) for part in _AND.split(filter))


def _is(item: Mapping[str, Any], part: str, type_name: str) -> bool:
    if match := _EQUALS.fullmatch(part):
        name, text, flag = match.groups()
        kept = _kept(item, name, type_name)
        if flag:
            return kept is (flag == "true")
        return isinstance(kept, str) and kept.lower() == _unquoted(text)
    if match := _FUNCTION.fullmatch(part):
        function, name, text = match.groups()
        kept = _kept(item, name, type_name)
        if not isinstance(kept, str):
            return False
        begins = kept.lower().startswith(_unquoted(text))
        return begins or (function == "contains" and _unquoted(text) in kept.lower())
    raise not_implemented("this $filter, only a property eq '…', contains, startswith and 'and'")


def _kept(item: Mapping[str, Any], name: str, type_name: str) -> Any:
    if name not in item:
        raise unknown_selection(name, type_name)
    return item[name]


def _unquoted(text: str) -> str:
    return text.replace("''", "'").lower()
