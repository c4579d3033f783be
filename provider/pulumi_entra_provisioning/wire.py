"""Names and values as the engine has them: camelCase, and markers for what is unknown or secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's marker in a preview for a value that only the deployment will know."""

_UNKNOWNS: Final = frozenset(
    {
        UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # a list
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # a mapping
    }
)

# https://pulumi-developer-docs.readthedocs.io/latest/docs/architecture/deployment-execution/resource-registration.html
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def camel_case(name: str) -> str:
    """The wire's name for a name of Python: `job_id` is `jobId`."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def secret(value: Any) -> dict[str, Any]:
    """`value`, marked as a secret."""
    return {_SIGNATURE: _SECRET, "value": value}


class NotPlain:
    """An asset, an archive or a resource, none of which an input takes."""


def plain(value: Any) -> Any:
    """`value` without the marks of secrets and outputs, and UNKNOWN for what is unknown."""
    if isinstance(value, Mapping):
        kind = value.get(_SIGNATURE)
        if kind in (_SECRET, _OUTPUT):
            return plain(value.get("value", UNKNOWN))
        return NotPlain() if kind else {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # the wire has floats alone
    return UNKNOWN if isinstance(value, str) and value in _UNKNOWNS else value


def has_secret(value: Any) -> bool:
    """Whether any part of `value` is marked as a secret."""
    if isinstance(value, Mapping):
        kind = value.get(_SIGNATURE)
        if kind == _SECRET or (kind == _OUTPUT and value.get("secret")):
            return True
        return any(map(has_secret, value.values()))
    return isinstance(value, list) and any(map(has_secret, value))
