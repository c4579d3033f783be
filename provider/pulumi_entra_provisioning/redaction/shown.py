"""The parts of an answer that are shown: its code, its message, its ids."""

from __future__ import annotations

import re
from typing import Final

from .secrets import Secrets
from .text import READ, printable

WITHHELD: Final = "the message is withheld, because it quotes a credential"
WITHHELD_UNREAD: Final = "the message is withheld, because it may quote a credential"

KNOWN_CODES: Final = frozenset(
    """
    Authorization_RequestDenied BadRequest CredentialValidationUnavailable
    EncounteredBaseEscrowThreshold EncounteredEscrowProportionThreshold
    EncounteredQuarantineException EncounteredTotalEscrowThreshold IngestionInterrupted
    InternalError InternalServerError InvalidAuthenticationToken InvalidCredentials
    InvalidNotificationSettings OAuth2TokenExchangeUriNotSupported QuarantinedOnDemand
    Request_BadRequest Request_ResourceNotFound SalesforceInvalidCredentials ServiceNotAvailable
    SystemForCrossDomainIdentityManagementCredentialValidationFailure
    SystemForCrossDomainIdentityManagementCredentialValidationUnavailable
    SystemForCrossDomainIdentityManagementServiceIncompatible
    TooManyDeletes TooManyRequests UnknownError
    """.split()
)
"""Codes of Graph and of the synchronization service that are shown whatever the secrets are.

https://learn.microsoft.com/graph/errors
"""

_ENTRA_CODE: Final = re.compile(r"AADSTS[0-9]{4,8}")
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,127}")
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


def shown(said: str, secrets: Secrets) -> str:
    """A service's free text as it may be shown: one printable line, or that it is withheld."""
    if not said:
        return ""
    if not secrets.all_known:
        return WITHHELD_UNREAD
    line = printable(said)
    is_quoted = secrets.can_be_read_in(said[:READ], line)
    if is_quoted is None:
        return WITHHELD_UNREAD
    return WITHHELD if is_quoted else line


def shown_code(said: str, secrets: Secrets) -> str:
    """An error code as it may be shown, or "".

    A known code is always shown, so that its remedy is found. Another one is shown if it has the
    form of a code and no secret can be read in it, as in a password such as `Summer2026`. Where not
    every secret is known, it must also be free of digits.
    """
    if said in KNOWN_CODES or _ENTRA_CODE.fullmatch(said):
        return said
    is_code = _CODE.fullmatch(said) and (secrets.all_known or not re.search("[0-9]", said))
    return said if is_code and secrets.can_be_read_in(said) is False else ""


def shown_id(said: str, secrets: Secrets) -> str:
    """A request-id or the id of a job as it may be shown, or "" if it is none."""
    return said if _ID.fullmatch(said) and secrets.can_be_read_in(said) is False else ""


def shown_answer(code: str, message: str, secrets: Secrets) -> tuple[str, str]:
    """An error's code and message as they may be shown.

    Text that is not a code moves to the message.
    """
    code, odd = shown_code(code, secrets), code
    if odd and not code:
        message = f"{odd}: {message}" if message else odd
    return code, shown(message, secrets)
