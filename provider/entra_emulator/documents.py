"""What people write for the emulator (YAML files, JSON bodies), read strictly.

Every error is a ValueError of one line that names the place and the field, and no value: what is
written there may be a secret.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from .tenant import is_guid


class Shape(NamedTuple):
    """What a field may hold: in words for an error, and as a test."""

    words: str
    accepts: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


TEXT = Shape("a text", lambda value: isinstance(value, str) and value != "")
ANY_TEXT = Shape("a text", lambda value: isinstance(value, str))
GUID = Shape("a GUID", lambda value: isinstance(value, str) and is_guid(value))
WHOLE = Shape(
    "a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)
)
NUMBER = Shape("a number", _is_number)
LIST = Shape("a list", lambda value: isinstance(value, list))
MAPPING = Shape("a mapping", lambda value: isinstance(value, dict))


def fields(
    item: Any, place: str, shapes: Mapping[str, Shape], needed: Collection[str] = ()
) -> dict[str, Any]:
    """The fields of a mapping, each known, of its shape, and none missing that is needed."""
    if not isinstance(item, dict):
        raise ValueError(f"{place} must be a mapping of {', '.join(shapes)}")
    for name, value in item.items():
        if name not in shapes:
            near = difflib.get_close_matches(str(name), shapes, n=1) or shapes
            raise ValueError(f"{place}: {name!r} is not known here, but {', '.join(near)}")
        if not shapes[name].accepts(value):
            raise ValueError(f"{place}: {name} must be {shapes[name].words}")
    for name in needed:
        if name not in item:
            raise ValueError(f"{place}: {name} is missing")
    return item
