"""The findings about a client, and behavior without a finding."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import httpx
import pytest
from entra_emulator import Emulator, Fault, Rule
from support.emulator_clients import (
    ACQUIRE,
    PLANTED,
    PRINCIPAL,
    SECRETS,
    TOKEN,
    anonymous,
    authorized,
    scope,
    secret_credential,
    token_form,
)

CODE = {"credentials": [{"key": "Oauth2AuthorizationCode", "value": PLANTED}]}


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    """A client that has a token and names its requests."""
    with authorized(emulator) as client:
        client.headers["client-request-id"] = str(uuid4())
        yield client


def rules(emulator: Emulator) -> list[Rule]:
    return [finding.rule for finding in emulator.judgement()]


def refuse(emulator: Emulator, retry_after: str, **changed: Any) -> None:
    headers = {"Retry-After": retry_after}
    emulator.faults.add(Fault(path="*/secrets", status=429, headers=headers, **changed))


def test_a_correct_client_gets_no_finding(emulator: Emulator, client: httpx.Client) -> None:
    refuse(emulator, "5")
    assert client.get(SECRETS).status_code == 429
    emulator.clock.advance(5)
    assert client.get(SECRETS).status_code == 200
    assert client.post(ACQUIRE, json=CODE).status_code == 204
    assert emulator.judgement() == []


def test_a_call_before_its_retry_after_has_passed_is_found(
    emulator: Emulator, client: httpx.Client
) -> None:
    refuse(emulator, "5")
    client.get(SECRETS)
    emulator.clock.advance(3)
    client.get(SECRETS)
    (finding,) = emulator.judgement()
    assert finding.rule is Rule.RETRY_AFTER
    assert [call.status for call in (finding.earlier, finding.call) if call] == [429, 200]
    assert finding.sentence.startswith(f"GET {SECRETS} was sent again after 3.")
    assert finding.sentence.endswith("; the 429 before it asked for 5 s.")


def test_retry_after_can_be_a_date(emulator: Emulator, client: httpx.Client) -> None:
    later = datetime.now(timezone.utc) + timedelta(seconds=60)
    refuse(emulator, later.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    refuse(emulator, "soon", nth=2)
    for _ in range(3):
        client.get(SECRETS)
    assert rules(emulator) == [Rule.RETRY_AFTER] * 2


def test_retry_after_holds_for_one_call_of_one_client(
    emulator: Emulator, client: httpx.Client
) -> None:
    refuse(emulator, "60")
    client.get(SECRETS)
    client.get(PRINCIPAL)
    client.get(SECRETS, headers={"User-Agent": "another/1.0"})
    assert rules(emulator) == []


@pytest.mark.parametrize(
    "first",
    [
        {"drop": "before"},
        {"drop": "after"},
        {"drop": "body"},
        {"drop": "body", "status": 400},
        {"status": 503},
        {},
    ],
)
def test_a_code_sent_again_after_an_answer_that_may_have_acted_is_found(
    emulator: Emulator, client: httpx.Client, first: dict[str, Any]
) -> None:
    if first:
        emulator.faults.add(Fault(path="*/acquireAccessToken", **first))
    for _ in range(2):
        try:
            client.post(ACQUIRE, json=CODE)
        except httpx.TransportError:
            continue
    (finding,) = emulator.judgement()
    assert finding.rule is Rule.SINGLE_USE_CODE
    assert finding.sentence.startswith(f"POST {ACQUIRE} sent an Oauth2AuthorizationCode")


@pytest.mark.parametrize("status", [429, 404, 401])
def test_a_code_can_be_sent_again_after_an_answer_that_rules_out_its_use(
    emulator: Emulator, client: httpx.Client, status: int
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=status))
    assert client.post(ACQUIRE, json=CODE).status_code == status
    assert client.post(ACQUIRE, json=CODE).status_code == 204
    assert emulator.judgement() == []


def test_the_journal_recognizes_a_code_by_its_digest(
    emulator: Emulator, client: httpx.Client
) -> None:
    for value in (PLANTED, PLANTED, "another"):
        pairs = [{"key": "Oauth2AuthorizationCode", "value": value}]
        client.post(ACQUIRE, json={"credentials": pairs})
    one, same, other = (
        call.authorization_code for call in emulator.journal.select("POST", ACQUIRE)
    )
    assert one == same != other
    assert PLANTED not in repr(emulator.journal.calls)
    with Emulator() as elsewhere, authorized(elsewhere) as client:
        client.post(ACQUIRE, json=CODE)
        assert elsewhere.journal.calls[-1].authorization_code != one
        client.post(ACQUIRE, json={"credentials": [1, {"key": "Oauth2AuthorizationCode"}]})
        assert elsewhere.journal.calls[-1].authorization_code is None


def test_a_token_request_for_each_call_is_found(emulator: Emulator) -> None:
    for _ in range(2):
        secret_credential(emulator).get_token(scope(emulator))
    (finding,) = emulator.judgement()
    assert finding.rule is Rule.TOKEN_CACHE
    assert "s after it got one for 3599 s" in finding.sentence


def test_a_justified_token_request_is_not_found(emulator: Emulator) -> None:
    form = token_form(emulator)
    with anonymous(emulator) as http:
        emulator.faults.add(Fault(path=TOKEN, status=503), Fault(path=TOKEN, drop="after"))
        assert http.post(TOKEN, data=form).status_code == 503
        with pytest.raises(httpx.TransportError):
            http.post(TOKEN, data=form)
        assert http.post(TOKEN, data=form).status_code == 200
        http.post(TOKEN, data=form, headers={"User-Agent": "another/1.0"})
        http.get(SECRETS, headers={"client-request-id": str(uuid4())})
        assert http.post(TOKEN, data=form).status_code == 200
        emulator.clock.advance(3400)
        assert http.post(TOKEN, data=form).status_code == 200
    assert emulator.judgement() == []


@pytest.mark.parametrize("headers", [{}, {"client-request-id": "mine"}])
def test_a_call_without_a_client_request_id_is_found(
    emulator: Emulator, headers: dict[str, str]
) -> None:
    with authorized(emulator) as client:
        client.get(SECRETS, headers=headers)
    (finding,) = emulator.judgement()
    assert finding.rule is Rule.CLIENT_REQUEST_ID
    assert finding.sentence == f"GET {SECRETS} has no client-request-id that is a GUID."


def test_the_judgement_is_served_over_http(emulator: Emulator, client: httpx.Client) -> None:
    refuse(emulator, "5")
    first, second = client.get(SECRETS), client.get(SECRETS)
    (shown,) = client.get("/emulator/judgement").json()["judgement"]
    assert shown.keys() == {"rule", "sentence", "time", "requestId", "earlierRequestId"}
    assert shown["rule"] == "RetryAfterIgnored"
    assert shown["requestId"] == second.headers["request-id"]
    assert shown["earlierRequestId"] == first.headers["request-id"]
