"""The failures of a call to Microsoft Graph, as answers."""

from __future__ import annotations

import json

import httpx
from kiota_abstractions.api_error import APIError
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from ..answers import Answer, seconds, unanswered
from ..network.bodies import UnusableAnswerError
from ..redaction.secrets import Secrets
from ..redaction.shown import shown_answer


def refused(error: APIError, request_id: str, retry_after: str, secrets: Secrets) -> Answer:
    """Graph's answer in `error`, without what must not be shown."""
    status = error.response_status_code
    details = error.error if isinstance(error, ODataError) else None
    code, message = unwrapped(
        (details.code if details else None) or "", (details.message if details else None) or ""
    )
    code, message = shown_answer(code, message, secrets)
    return Answer(
        status=status,
        code=code,
        message=message,
        request_id=request_id,
        retry_after=seconds(retry_after),
        may_have_acted=status is None or _may_have_acted(status),
    )


def unwrapped(code: str, message: str) -> tuple[str, str]:
    """The synchronization service's own code and message, which Graph may wrap.

    Graph passes that service's error as JSON inside `message`, with the code UnknownError.
    """
    while True:
        try:
            inner = json.loads(message)["error"]
            inner_code, inner_message = inner["code"], inner["message"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return code, message
        if not isinstance(inner_code, str):
            return code, message
        code, message = inner_code, inner_message if isinstance(inner_message, str) else ""


def unusable(error: UnusableAnswerError) -> Answer:
    """The answer to record for one that is not in Graph's form."""
    acted = _may_have_acted(error.status)
    return Answer(error.status, "", str(error), may_have_acted=acted, is_final=True)


def not_answered(error: Exception) -> Answer:
    """The answer to record if none came, or none that the libraries could read."""
    if isinstance(error, httpx.ProxyError):
        return unanswered(f"Tunnel connection failed: {error}")
    if not isinstance(error, httpx.HTTPError):
        message = f"unreadable answer ({type(error).__name__})"
        return Answer(None, "", message, may_have_acted=True, is_final=True)
    not_sent = isinstance(
        error,
        (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.LocalProtocolError,
            httpx.UnsupportedProtocol,
        ),
    )
    return unanswered(f"{type(error).__name__}: {error}", may_have_acted=not not_sent)


def _may_have_acted(status: int) -> bool:
    return status >= 500 or status < 300
