"""What the program declares now, compared with what the last step left. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import SettingsError
from ..graph.secret_keys import SINGLE_USE
from ..graph.target import parse
from ..remedies import Explained
from . import references
from .digests import canonical, is_used, keyed_digest
from .inputs import Inputs
from .outputs import FAILED, Outputs


@dataclass(frozen=True)
class Difference:
    """The step that the engine has to take: none, an update, or a replacement.

    `replaces` are the inputs that require a replacement. With `only_inputs_differ`, the engine
    finds the difference by itself and can show it.
    `warnings` are for the user's log.
    """

    changes: bool
    replaces: Sequence[str] = ()
    only_inputs_differ: bool = False
    warnings: Sequence[str] = ()


def diff(old: Outputs, inputs: Inputs) -> Difference:
    """What `inputs` require, compared with what the last step left.

    Raises SettingsError if the update would send an authorization code a second time.
    """
    values, warnings = _values_now(old, inputs.credentials)
    if inputs.target is None or inputs.target != parse(old.target):
        refuse_used_code(old, inputs.credentials, values)
        return Difference(changes=True, replaces=[inputs.target_input])
    credentials = compared(old, inputs.credentials, values)
    new_triggers = triggers_differ(old, inputs)
    if credentials.authorize or new_triggers:
        refuse_used_code(old, inputs.credentials, values)
    inputs_differ = (
        credentials.declared_differ
        or new_triggers
        or old.job_id != inputs.job_id
        or old.expires_at != inputs.expires_at
    )
    state_differs = (
        (credentials.authorize and not credentials.declared_differ)
        or bool(old.keys_to_empty)
        or _must_follow_up(old, inputs)
    )
    return Difference(
        changes=inputs_differ or state_differs,
        only_inputs_differ=inputs_differ and not state_differs,
        warnings=warnings,
    )


def _values_now(
    old: Outputs, declared: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, list[str]]:
    """What the declared credentials resolve to, or None and a warning if one is not available."""
    try:
        return references.resolved(declared), []
    except SettingsError as error:
        return None, [error.then(f"The credentials of {old.target} cannot be compared.")]


@dataclass(frozen=True)
class Comparison:
    """Whether credentials require another authorization, and whether they are declared otherwise.

    They may be declared as before and have other values, if these are references.
    """

    authorize: bool
    declared_differ: bool


def compared(
    old: Outputs, declared: Mapping[str, Any] | None, values: Mapping[str, Any] | None
) -> Comparison:
    """`values` are what `declared` resolves to, or None if that is not known."""
    if old.credentials_digest is None:
        return Comparison(authorize=True, declared_differ=False)
    salt, of_values, *of_declared = old.credentials_digest.split(":")
    declared_differ = keyed_digest(salt, declared) != (of_declared or [of_values])[0]
    differ = declared_differ if values is None else keyed_digest(salt, values) != of_values
    return Comparison(differ or old.status == "CredentialsMissing", declared_differ)


def triggers_differ(old: Outputs, inputs: Inputs) -> bool:
    """Whether `triggers` require another authorization."""
    return canonical(old.triggers) != canonical(inputs.triggers)


def settled(old: Outputs, inputs: Inputs) -> Outputs | None:
    """The outputs of an update to `inputs` that sends nothing, or None if it sends anything.

    The digest of the credentials is the last step's: no program reads it.
    """
    values, _ = _values_now(old, inputs.credentials)
    sends = (
        compared(old, inputs.credentials, values).authorize
        or triggers_differ(old, inputs)
        or old.keys_to_empty
        or follows_up(old, inputs)
    )
    return None if sends else replace(old, expires_at=inputs.expires_at)


def follows_up(old: Outputs, inputs: Inputs) -> bool:
    """Whether an update that does not authorize has to attend to the declared job."""
    return old.job_id != inputs.job_id or _must_follow_up(old, inputs)


def _must_follow_up(old: Outputs, inputs: Inputs) -> bool:
    """Whether the last verification or restart of the declared job failed, so it is repeated."""
    return inputs.job_id is not None and (old.verification or "").startswith(FAILED)


def refuse_used_code(
    old: Outputs, declared: Mapping[str, Any] | None, values: Mapping[str, Any] | None
) -> None:
    """Raise SettingsError if the credentials hold an authorization code that may have been used.

    https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2
    """
    code = (values or {}).get(SINGLE_USE)
    # Version 0.1.0 kept a digest of all credentials, and none of codes.
    same_as_then = (
        old.used_codes is None
        and old.credentials_digest is not None
        and not compared(old, declared, values).declared_differ
    )
    if code is None or not (same_as_then or is_used(code, old.used_codes)):
        return
    problem = (
        f'credentials["{SINGLE_USE}"]: this authorization code may have been used for {old.target}'
        " already, and a code works once. Nothing was sent. Set a new code, and remove"
        ' ignore_changes=["credentials"] if the resource has it.'
    )
    if old.credentials_digest and old.status != "CredentialsMissing":
        problem += " To leave the authorization as it is, restore the other inputs instead."
    raise SettingsError([Explained(problem, "an-authorization-code-was-used")])
