"""The emulator's clock."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    ClientSecret,
    Emulator,
)
from support.emulator_clients import (
    SECRETS,
    TOKEN,
    anonymous,
    authorized,
    status_and_code,
    token_form,
)

CLOCK = "/emulator/clock"


def test_advancing_the_clock_changes_later_timestamps(emulator: Emulator) -> None:
    emulator.clock.advance(86_400)
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    application = emulator.tenant.create_application("Fabrikam")
    created = datetime.fromisoformat(application["createdDateTime"].replace("Z", "+00:00"))
    assert abs(created - tomorrow) < timedelta(seconds=30)
    with authorized(emulator) as client:
        client.get(SECRETS)
    assert abs(emulator.journal.calls[-1].time - tomorrow) < timedelta(seconds=30)


def test_advancing_the_clock_expires_tokens_and_client_secrets(emulator: Emulator) -> None:
    expires = datetime.now(timezone.utc) + timedelta(days=1)
    emulator.tenant.register_client(DEFAULT_CLIENT_ID, [ClientSecret.of("short", expires)])
    form = token_form(emulator, client_secret="short")
    with anonymous(emulator) as client:
        token = client.post(TOKEN, data=form).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        emulator.clock.advance(3590)
        assert status_and_code(client.get(SECRETS, headers=bearer))[1] == "UnknownError"
        emulator.clock.advance(10)
        assert (
            status_and_code(client.get(SECRETS, headers=bearer))[1] == "InvalidAuthenticationToken"
        )
        assert client.post(TOKEN, data=form).status_code == 200
        emulator.clock.advance(86_400)
        assert client.post(TOKEN, data=form).json()["error_codes"] == [7000222]


def test_the_clock_advances_over_http(emulator: Emulator) -> None:
    with anonymous(emulator) as client:
        before = client.get(CLOCK).json()
        moved = client.post(CLOCK, json={"advance": 90.5}).json()
    assert (before["ahead"], moved["ahead"], emulator.clock.ahead) == (0, 90.5, 90.5)
    passed = datetime.fromisoformat(moved["now"]) - datetime.fromisoformat(before["now"])
    assert 90 < passed.total_seconds() < 120


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "the body: advance is missing."),
        ({"advance": "1"}, "the body: advance must be a number."),
        ({"advance": True}, "the body: advance must be a number."),
        ({"advance": -1}, "the clock advances by a number of seconds, and only forward."),
        ({"advance": 10**12}, "the clock advances by a hundred years at most."),
        ({"back": 1}, "the body: unknown field 'back' (use advance)."),
        ([], "the body must be a mapping with the fields advance."),
    ],
)
def test_an_invalid_advance_leaves_the_clock_unchanged(
    emulator: Emulator, body: Any, sentence: str
) -> None:
    with anonymous(emulator) as client:
        answer = client.post(CLOCK, json=body)
        assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    assert emulator.clock.ahead == 0


def test_the_clock_advances_only_by_finite_positive_numbers(
    emulator: Emulator,
) -> None:
    for seconds in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="the clock advances by a number of seconds"):
            emulator.clock.advance(seconds)
