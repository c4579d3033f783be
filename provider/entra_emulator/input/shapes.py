"""The shapes of what people write for the emulator: seed files, fault files, JSON bodies.

Every error is a ValueError in one line. It names the place and the field, and never quotes a value:
the value may be a secret.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from ..formats import is_guid


class Shape(NamedTuple):
    """What a field accepts: described for an error, and as a check."""

    description: str
    accepts: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


TEXT = Shape("a text that is not empty", lambda value: isinstance(value, str) and value != "")
ANY_TEXT = Shape("a text", lambda value: isinstance(value, str))
GUID = Shape("a GUID", lambda value: isinstance(value, str) and is_guid(value))
WHOLE = Shape(
    "a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)
)
NUMBER = Shape("a number", _is_number)
LIST = Shape("a list", lambda value: isinstance(value, list))
MAPPING = Shape("a mapping", lambda value: isinstance(value, dict))


def checked_fields(
    item: Any, place: str, shapes: Mapping[str, Shape], required: Collection[str] = ()
) -> dict[str, Any]:
    """The fields of a mapping.

    ValueError if one is unknown or of another shape, or if a required one is missing.
    """
    if not isinstance(item, dict):
        raise ValueError(f"{place} must be a mapping with the fields {', '.join(shapes)}")
    for name, value in item.items():
        if name not in shapes:
            similar = difflib.get_close_matches(str(name), shapes, n=1)
            hint = f"did you mean {similar[0]}?" if similar else f"use {', '.join(shapes)}"
            raise ValueError(f"{place}: unknown field {name!r} ({hint})")
        if not shapes[name].accepts(value):
            raise ValueError(f"{place}: {name} must be {shapes[name].description}")
    for name in required:
        if name not in item:
            raise ValueError(f"{place}: {name} is missing")
    return item
