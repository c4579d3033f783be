"""An error names the action, the answer and the remedy."""

from __future__ import annotations

import pytest
from pulumi_entra_provisioning.answers import Answer
from pulumi_entra_provisioning.errors import RequestError, SignInError
from pulumi_entra_provisioning.remedies import CODE_SPENT, REMEDIES, SIGN_IN_REMEDIES


def test_an_error_names_the_action_the_answer_and_the_remedy() -> None:
    answer = Answer(403, "Authorization_RequestDenied", "Insufficient privileges.", "r-1")
    assert str(RequestError("authorizing servicePrincipals/x", answer)) == (
        "authorizing servicePrincipals/x: 403 Authorization_RequestDenied: Insufficient privileges"
        f" (request-id r-1). {REMEDIES['403']}"
    )


def test_an_error_warns_about_a_spent_code_only_if_the_call_may_have_acted() -> None:
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
def test_an_error_has_the_most_specific_remedy(answer: Answer, name: str) -> None:
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
def test_a_sign_in_error_has_the_most_specific_remedy(answer: Answer, name: str) -> None:
    assert str(SignInError("doing", answer)).endswith(f". {SIGN_IN_REMEDIES[name]}")


def test_an_entra_code_without_a_remedy_links_to_entras_page() -> None:
    reported = str(SignInError("doing", Answer(400, "AADSTS50001", "")))
    assert reported.startswith(
        "doing: 400 AADSTS50001. Look up the code at"
        " https://login.microsoftonline.com/error?code=50001. See docs/errors.md#"
    )
