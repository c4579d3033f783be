"""Names and values as the engine has them: camelCase, and a marker for what is not known yet."""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's marker in a preview for a value that only the deployment will know."""


def camel_case(name: str) -> str:
    """The wire's name for a name of Python: `job_id` is `jobId`."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
