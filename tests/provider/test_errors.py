from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from pulumi_entra_provisioning.answers import Answer, seconds, unanswered
from pulumi_entra_provisioning.errors import RequestError, SignInError
from pulumi_entra_provisioning.graph.failures import unwrapped
from pulumi_entra_provisioning.remedies import CODE_SPENT, REMEDIES, SIGN_IN_REMEDIES


def test_an_error_says_what_was_done_what_was_answered_and_what_to_do() -> None:
    answer = Answer(403, "Authorization_RequestDenied", "Insufficient privileges.", "r-1")
    assert str(RequestError("authorizing servicePrincipals/x", answer)) == (
        "authorizing servicePrincipals/x: 403 Authorization_RequestDenied: Insufficient privileges"
        f" (request-id r-1). {REMEDIES['403']}"
    )


def test_a_code_that_may_be_spent_is_reported_only_where_the_call_may_have_been_carried_out() -> (
    None
):
    acted = Answer(503, "", "", may_have_acted=True)
    refused = Answer(429, "", "")
    assert "may be spent" in str(RequestError("authorizing x", acted, if_carried_out=CODE_SPENT))
    assert "may be spent" not in str(RequestError("authorizing x", acted))
    assert "may be spent" not in str(
        RequestError("authorizing x", refused, if_carried_out=CODE_SPENT)
    )


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (Answer(400, "InvalidNotificationSettings", ""), "400 InvalidNotificationSettings"),
        (Answer(400, "Request_BadRequest", ""), "400"),
        (Answer(401, "UnknownError", ""), "401 UnknownError"),
        (Answer(401, "InvalidAuthenticationToken", ""), "401"),
        (Answer(403, "Authorization_RequestDenied", ""), "403"),
        (Answer(404, "Request_ResourceNotFound", ""), "404"),
        (Answer(405, "Request_BadRequest", ""), "405"),
        (Answer(429, "TooManyRequests", ""), "429"),
        (Answer(500, "InternalError", ""), "500 InternalError"),
        (Answer(502, "", ""), "5xx"),
        (Answer(307, "", ""), "3xx"),
        (Answer(None, "", "no answer"), "no answer"),
        (Answer(200, "", ""), "2xx"),
        (Answer(418, "", ""), "else"),
    ],
)
def test_the_remedy_is_the_most_exact_one(answer: Answer, name: str) -> None:
    assert str(RequestError("doing", answer)).endswith(f". {REMEDIES[name]}")


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (Answer(401, "AADSTS7000222", ""), "AADSTS7000222"),
        (Answer(429, "AADSTS90055", ""), "429"),
        (Answer(503, "", ""), "5xx"),
        (Answer(None, "", "no answer"), "no answer"),
        (Answer(403, "", ""), "else"),
        (Answer(400, "", ""), "else"),
    ],
)
def test_the_remedy_of_a_refused_sign_in_is_the_most_exact_one(answer: Answer, name: str) -> None:
    assert str(SignInError("doing", answer)).endswith(f". {SIGN_IN_REMEDIES[name]}")


def test_a_code_of_entra_without_a_remedy_is_sent_to_entras_page() -> None:
    reported = str(SignInError("doing", Answer(400, "AADSTS50001", "")))
    assert reported.startswith(
        "doing: 400 AADSTS50001. Look up the code at"
        " https://login.microsoftonline.com/error?code=50001. See docs/errors.md#"
    )


def test_the_synchronization_services_own_error_is_unwrapped() -> None:
    message = '{"error":{"code":"InvalidNotificationSettings","message":null,"details":[]}}'
    assert unwrapped("UnknownError", message) == ("InvalidNotificationSettings", "")
    twice = json.dumps({"error": {"code": "Outer", "message": message}})
    assert unwrapped("UnknownError", twice) == ("InvalidNotificationSettings", "")


@pytest.mark.parametrize(
    "message", ["", "plain", "[]", "{}", '{"error": 1}', '{"error":{"code":1}}']
)
def test_a_message_that_wraps_nothing_stays(message: str) -> None:
    assert unwrapped("UnknownError", message) == ("UnknownError", message)


def test_brackets_without_end_are_no_error_of_the_synchronization_service() -> None:
    for message in ("[" * 100_000, '{"error":' * 100_000):
        assert unwrapped("UnknownError", message) == ("UnknownError", message)


def test_what_went_wrong_with_a_connection_is_reported_in_one_line() -> None:
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


def test_retry_after_a_date_to_come_is_the_seconds_until_then() -> None:
    then = datetime.now(timezone.utc) + timedelta(minutes=1)
    asked = seconds(format_datetime(then))
    assert asked is not None
    assert 50 < asked <= 60
