"""The warning before and after credentials expire."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from entra_emulator import Emulator
from pulumi_entra_provisioning.lifecycle.comparison import diff
from pulumi_entra_provisioning.lifecycle.expiry import expiry_warning
from pulumi_entra_provisioning.lifecycle.inputs import Inputs, check
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from support.steps import INPUTS, TARGET, created, posts, run, updated

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def warning(expires_at: str | None, now: datetime = NOW) -> str | None:
    return expiry_warning(expires_at, TARGET, now)


@pytest.mark.parametrize(
    ("expires_at", "said"),
    [
        (None, None),
        ("2027-11-21", None),
        ("2026-12-21T12:00:01Z", None),
        ("2026-12-21T12:00:00Z", "expire in 30 days, on 2026-12-21T12:00:00Z."),
        ("2026-11-23", "expire in 1 day, on 2026-11-23."),
        ("2026-11-22", "expire within a day, on 2026-11-22."),
        ("2026-11-21T14:00:00+02:00", "expired on 2026-11-21T14:00:00+02:00: provisioning may"),
        ("2026-11-21T14:00:00.123+01:00", "expire within a day, on"),
        ("2026-01-31", "expired on 2026-01-31: provisioning may have stopped."),
    ],
)
def test_the_warning_starts_30_days_before_expiry_and_changes_after_it(
    expires_at: str | None, said: str | None
) -> None:
    if said is None:
        assert warning(expires_at) is None
    else:
        assert f"the credentials of {TARGET} {said}" in str(warning(expires_at))


@pytest.mark.parametrize(
    "expires_at",
    ["soon", "2026-13-01", "2026-02-30", "2026-1-1", "2026-01-01 ", "20260101", 20260101, "",
     "2026-01-01T12:00:00", "2026-01-01T25:00:00Z", "\u0662\u0660\u0662\u0666-01-01"],
)  # fmt: skip
def test_check_refuses_an_invalid_date(expires_at: object) -> None:
    (failure,) = check({**INPUTS, "expires_at": expires_at})[1]
    assert failure.startswith("expires_at: must be a date or a date and time of RFC 3339")


def test_a_new_expiry_date_updates_without_a_call(emulator: Emulator) -> None:
    old = created(emulator, {**INPUTS, "expires_at": "2027-01-31"})
    later = {**INPUTS, "expires_at": "2028-01-31"}
    difference = diff(old, Inputs.of(later))
    assert (difference.changes, difference.only_inputs_differ) == (True, True)
    emulator.journal.clear()
    assert updated(emulator, old, later) == replace(old, expires_at="2028-01-31")
    assert emulator.journal.calls == []
    assert posts(emulator) == []


def test_every_check_warns_about_credentials_that_expire_soon(emulator: Emulator) -> None:
    soon = (datetime.now(timezone.utc) + timedelta(days=3, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def step(steps: Lifecycle) -> None:
        steps.declarations.add("urn", Inputs.of({**INPUTS, "expires_at": soon}))

    _, lines = run(emulator, step)
    assert lines == [
        f"the credentials of {TARGET} expire in 3 days, on {soon}. Renew them, and set expires_at"
        " to the new date."
    ]
