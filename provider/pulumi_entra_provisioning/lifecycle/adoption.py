"""Authorizations that a stack takes over: what an import can't know, and what counts instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..errors import SettingsError
from . import references
from .digests import credentials_digest
from .inputs import Inputs
from .outputs import Outputs

_IMPORTED: Final = "imported"
"""In the place of a digest: this stack has not authorized the target, and trusts what it holds."""


def imported(found: Outputs) -> Outputs:
    """What a read found, as the first outputs of a resource."""
    return replace(found, credentials_digest=_IMPORTED)


def adopted(old: Outputs, inputs: Inputs, before: Inputs | None) -> Outputs:
    """`old`, with what the program declared for it.

    The first inputs after an import count as those that Graph holds. From then on the program is
    compared with `before`, its last inputs, until it authorizes.
    """
    if old.credentials_digest != _IMPORTED:
        return old
    last = before if before and before.credentials else inputs
    try:
        values = references.resolved(last.credentials)
    except SettingsError:
        values = None
    return replace(
        old,
        credential_keys=sorted(last.credentials or ()),
        credentials_digest=credentials_digest(last.credentials, values),
        triggers=last.triggers,
        job_id=last.job_id,
        expires_at=last.expires_at,
        # Where Graph holds nothing, nobody has used the code among the credentials.
        used_codes="" if old.status == "CredentialsMissing" else None,
    )
