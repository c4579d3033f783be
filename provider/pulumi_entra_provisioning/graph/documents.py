"""The members of Graph's JSON documents, with the types that Graph documents."""

from __future__ import annotations

from typing import Any, TypeVar

from ..network.bodies import UnusableAnswerError

_T = TypeVar("_T")


def member(document: dict[str, Any], name: str, kind: type[_T]) -> _T | None:
    """A member of a JSON object, None if it is null or not there."""
    found = document.get(name)
    if found is None or (isinstance(found, kind) and not isinstance(found, bool)):
        return found
    raise UnusableAnswerError(200, f"{name} in the answer does not have Graph's type")


def required(document: dict[str, Any], name: str) -> str:
    """A text of a JSON object that Graph always has there."""
    if not (found := member(document, name, str)):
        raise UnusableAnswerError(200, f"the answer lacks {name}")
    return found


def enumerated(document: dict[str, Any], name: str) -> str:
    """A member of an enumeration, of which Graph may know more than msgraph-sdk."""
    found = member(document, name, str) or ""
    return found[:1].upper() + found[1:]
