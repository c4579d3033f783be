"""Credentials by reference: the provider reads their values when it acts.

State, plan and the engine's logs then hold the name of the variable, or the path of the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

from .. import text_file
from ..errors import SettingsError
from ..remedies import Explained
from ..wire import UNKNOWN

ENVIRONMENT: Final = "fromEnvironment"
FILE: Final = "fromFile"

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}", re.ASCII)


def problems(reference: Mapping[Any, Any]) -> list[str]:
    """The problems of a mapping that is the value of a credential."""
    match dict(reference):
        case {"fromEnvironment": str(name), **others} if name and not others:
            if name == UNKNOWN or _NAME.fullmatch(name):
                return []
            return [
                f"{ENVIRONMENT} must be the name of an environment variable: letters, digits and"
                " underscores. Your text is not shown, because it may be a secret."
            ]
        case {"fromFile": str(path), **others} if path and not others:
            return []
    return [
        f'a mapping must be a reference: {{"{ENVIRONMENT}": <name of a variable>}} or'
        f' {{"{FILE}": <path>}}.'
    ]


def resolved(credentials: Any) -> Any:
    """`credentials`, a checked mapping of key to value, with the values that they refer to.

    What is unknown in a preview stays. Raises SettingsError, which names each variable and file
    that holds no value.
    """
    if not isinstance(credentials, Mapping):
        return credentials
    values: dict[str, Any] = {}
    failures: list[str] = []
    for key, declared in credentials.items():
        if not isinstance(declared, Mapping):
            values[key] = declared
            continue
        try:
            values[key] = _value(declared)
        except ValueError as error:
            failures.append(f'credentials["{key}"]: {error}')
    if failures:
        raise SettingsError(
            Explained(failure, "a-referenced-credential-has-no-value") for failure in failures
        )
    return values


def _value(reference: Mapping[str, str]) -> str:
    match dict(reference):
        case {"fromEnvironment": name} | {"fromFile": name} if name == UNKNOWN:
            return UNKNOWN
        case {"fromEnvironment": name}:
            if not (value := os.environ.get(name)):
                raise ValueError(f"the environment variable {name} is not set where Pulumi runs.")
            return value
        case {"fromFile": path}:
            return _content(path)
    raise ValueError("not a reference.")


def _content(path: str) -> str:
    """The text of a file without the line break at its end, which most editors add."""
    try:
        text = text_file.read(path)
    except ValueError as error:
        raise ValueError(f"{error}: {_shown(path)}.") from None
    if not (value := text.removesuffix("\n").removesuffix("\r")):
        raise ValueError(f"the file is empty: {_shown(path)}.")
    return value


def _shown(path: str) -> str:
    # What has no folder and is that long may be the value itself.
    return path if len(path) <= 40 or "/" in path or "\\" in path else "(not shown)"
