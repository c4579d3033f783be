"""The answers of services that refused, and what to record for those that did not answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from .redaction.text import printable


@dataclass(frozen=True)
class Answer:
    """An answer of a service that refused, or the lack of one.

    `status` is the HTTP status, or None if no answer came. `code` and `message` are the
    service's own, the synchronization service's unwrapped from Graph's, without the values of
    credentials. `retry_after` is in seconds. `may_have_acted` is True if the request may have
    been carried out all the same, `is_final` if sending it again cannot help, `out_of_time` if
    no answer came because the time for the step was over.
    """

    status: int | None
    code: str
    message: str
    request_id: str = ""
    retry_after: float | None = None
    may_have_acted: bool = False
    is_final: bool = False
    out_of_time: bool = False

    @property
    def is_forbidden(self) -> bool:
        """Whether the caller lacks a permission, which the synchronization API answers with 401.

        https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8800
        """
        empty_401 = self.status == 401 and self.code == "UnknownError" and not self.message
        return self.status == 403 or empty_401

    @property
    def is_not_found(self) -> bool:
        """Whether the service does not know what was addressed, or does not show it."""
        return self.status == 404

    def __str__(self) -> str:
        said = ": ".join(
            part
            for part in (f"{self.status or ''} {self.code}".strip(), _sentence(self.message))
            if part
        )
        notes = [f"request-id {self.request_id}"] if self.request_id else []
        if self.retry_after is not None:
            notes.append(f"Retry-After {self.retry_after:.0f} s")
        return said + (f" ({', '.join(notes)})" if notes else "")


def seconds(retry_after: str) -> float | None:
    """The seconds that a Retry-After header asks for, which is a number or a date (RFC 9110).

    Of several, separated by commas, the longest counts.
    """
    each = re.findall(r"[A-Za-z]+,[^,]*|[^,]+", retry_after)
    asked = [found for one in each if (found := _seconds(one.strip())) is not None]
    return max(asked, default=None)


def _seconds(retry_after: str) -> float | None:
    if retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        moment = parsedate_to_datetime(retry_after)
        moment = moment.replace(tzinfo=moment.tzinfo or timezone.utc)
        return max((moment - datetime.now(timezone.utc)).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return None


def unanswered(error: str, *, may_have_acted: bool = False) -> Answer:
    """The answer to record for a request that no service answered.

    `error` is the text of the library's exception.
    """
    if refused := re.search(r"Tunnel connection failed: (\d{3})", error):
        status = int(refused[1])
        known = {known.value: f" ({known.phrase})" for known in HTTPStatus}
        message = f"the proxy answered {status}{known.get(status, '')}"
        final = status < 500 and status not in (408, 429)
        return Answer(None, "no connection", message, is_final=final)
    if mismatch := re.search(r"certificate is not valid for \\?'([^'\\]*)", error):
        message = f"no answer (the certificate of {mismatch[1]} is valid for other names)"
        return Answer(None, "", message, is_final=True)
    return Answer(
        None,
        "",
        _connection_failure(error),
        may_have_acted=may_have_acted,
        is_final="CERTIFICATE_VERIFY_FAILED" in error,
    )


def _connection_failure(error: str) -> str:
    """The failure of a connection, in the words of the system rather than of a library."""
    said = re.search(
        r"\[Errno [^]]*\] [^'\")(]+|\[SSL: \w+\] [^'\")(]+|Remote end closed connection"
        r"|Server disconnected|Name or service not known|timed out",
        error,
    )
    words = said[0].strip() if said else error.partition(":")[0][:60]
    return f"no answer ({printable(words)})"


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
