"""Reads Retry-After and connection failures into an answer."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from pulumi_entra_provisioning.answers import seconds, unanswered


def test_a_connection_failure_is_one_line() -> None:
    said = "OSError: [Errno 111] Connection\x1b[31m refused\r\n##vso[task.debug]x"
    message = unanswered(said).message
    assert message == "no answer ([Errno 111] Connection refused #vso[task.debug]x)"


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),
        ("", None),
        ("soon", None),
        ("-1", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, asked: float | None) -> None:
    assert seconds(header) == asked


def test_a_retry_after_date_becomes_the_seconds_until_then() -> None:
    then = datetime.now(timezone.utc) + timedelta(minutes=1)
    asked = seconds(format_datetime(then))
    assert asked is not None
    assert 50 < asked <= 60
