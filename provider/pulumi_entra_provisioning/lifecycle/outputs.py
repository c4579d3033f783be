"""The outputs of the resource: what a step leaves for the state and for the next step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Status = Literal["Authorized", "Quarantined", "CredentialsMissing", "Unknown"]

VALID: Final = "Valid"
FAILED: Final = "Failed"
NOT_RESTARTED: Final = "Failed: not restarted"


@dataclass(frozen=True)
class Outputs:
    """The outputs of the resource, and the inputs that the next step compares.

    `ProvisioningAuthorization` documents them. Two stay in the state alone, both secrets:
    `credentials_digest` shows whether the declared credentials changed, and is None after a call
    that Graph may have carried out without an answer. `used_codes` holds digests of the
    authorization codes that may have been used.
    """

    target: str
    cloud: str
    credential_keys: Sequence[str] = field(default_factory=list)
    stored_keys: Sequence[str] | None = None
    authorized_at: str | None = None
    authorized_by: str | None = None
    request_id: str | None = None
    client_request_id: str | None = None
    revision: int = 0
    status: Status = "Unknown"
    credentials_digest: str | None = None
    triggers: Any = None
    job_id: str | None = None
    verification: str | None = None
    expires_at: str | None = None
    keys_to_empty: Sequence[str] = field(default_factory=list)
    used_codes: str | None = None
