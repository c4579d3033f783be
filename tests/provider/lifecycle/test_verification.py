"""After an authorization, the job is verified, restarted, and read by refresh."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from entra_emulator import Emulator, Fault
from pulumi_entra_provisioning.lifecycle.comparison import diff
from pulumi_entra_provisioning.lifecycle.inputs import Inputs, check
from pulumi_entra_provisioning.lifecycle.outputs import Outputs
from support.steps import GUID, INPUTS, TARGET, created, posts, run, updated

CREDENTIALS = "EncounteredQuarantineException"
REFUSED = Fault(path="*/validateCredentials", status=400, code="InvalidCredentials", message="No.")


def job_id(emulator: Emulator) -> str:
    found: str = emulator.tenant.jobs("servicePrincipals", GUID)[0]["id"]
    return found


def quarantine(emulator: Emulator, reason: str = CREDENTIALS) -> None:
    emulator.tenant.start_job("servicePrincipals", GUID, job_id(emulator))
    emulator.tenant.set_job_status(GUID, "Quarantine", reason=reason)


def job_code(emulator: Emulator) -> str:
    code: str = emulator.tenant.jobs("servicePrincipals", GUID)[0]["status"]["code"]
    return code


def verifying(emulator: Emulator, **others: Any) -> dict[str, Any]:
    return {**INPUTS, "job_id": job_id(emulator), **others}


def calls(emulator: Emulator, action: str) -> int:
    return len(emulator.journal.select("POST", f"*/{action}"))


def test_the_next_update_verifies_again_without_authorizing(
    emulator: Emulator,
) -> None:
    inputs = verifying(emulator)
    emulator.faults.add(REFUSED)
    failed = created(emulator, inputs)
    assert failed.verification == "Failed: 400 InvalidCredentials"
    difference = diff(failed, Inputs.of(inputs))
    assert difference.changes
    assert not difference.only_inputs_differ, "the engine would see no difference"

    emulator.faults.add(REFUSED)
    again, lines = run(emulator, lambda steps: steps.update(failed, Inputs.of(inputs)))
    assert again == failed
    assert f" the credentials of {TARGET}: 400" in lines[-1]
    valid = updated(emulator, again, inputs)
    assert valid == replace(failed, verification="Valid")
    assert not diff(valid, Inputs.of(inputs)).changes
    assert (posts(emulator), calls(emulator, "validateCredentials")) == ([204], 3)


def test_every_refresh_repeats_a_failed_verification(emulator: Emulator) -> None:
    emulator.faults.add(REFUSED)
    failed = created(emulator, verifying(emulator))
    secret = replace(REFUSED, message="pl4nted")
    emulator.faults.add(secret)
    seen, lines = run(emulator, lambda steps: steps.read(TARGET, failed))
    assert seen == failed
    assert "400 InvalidCredentials" in lines[-1]
    assert "pl4nted" not in lines[-1]
    seen, lines = run(emulator, lambda steps: steps.read(TARGET, failed))
    assert seen == replace(failed, verification="Valid")
    assert lines == []
    run(emulator, lambda steps: steps.read(TARGET, seen))
    assert calls(emulator, "validateCredentials") == 3, "a valid one is not repeated"


def test_an_authorization_restarts_a_job_in_quarantine_for_its_credentials(
    emulator: Emulator,
) -> None:
    old = created(emulator)
    quarantine(emulator)
    inputs = verifying(emulator, restart_job=True, triggers="renewed")
    new, lines = run(emulator, lambda steps: steps.update(old, Inputs.of(inputs)))
    assert (new.status, new.verification) == ("Authorized", "Valid")
    assert job_code(emulator) != "Quarantine"
    assert calls(emulator, "restart") == 1
    assert lines == [f"restarted job {job_id(emulator)} of {TARGET}, which was in quarantine"]


def test_a_job_that_is_not_in_quarantine_is_not_restarted(emulator: Emulator) -> None:
    created(emulator, verifying(emulator, restart_job=True))
    assert calls(emulator, "restart") == 0


def test_no_job_is_restarted_without_restart_job(emulator: Emulator) -> None:
    old = created(emulator)
    quarantine(emulator)
    updated(emulator, old, verifying(emulator, triggers="renewed"))
    assert calls(emulator, "restart") == 0


def test_refused_credentials_do_not_restart_the_job(emulator: Emulator) -> None:
    old = created(emulator)
    quarantine(emulator)
    emulator.faults.add(REFUSED)
    new = updated(emulator, old, verifying(emulator, restart_job=True))
    assert (calls(emulator, "restart"), new.verification) == (0, "Failed: 400 InvalidCredentials")
    mended = updated(emulator, new, verifying(emulator, restart_job=True))
    assert (calls(emulator, "restart"), mended.verification) == (1, "Valid")


def test_a_quarantine_for_another_reason_warns_and_stays(emulator: Emulator) -> None:
    old = created(emulator)
    quarantine(emulator, "TooManyDeletes")
    inputs = verifying(emulator, restart_job=True)
    new, lines = run(emulator, lambda steps: steps.update(old, Inputs.of(inputs)))
    assert (calls(emulator, "restart"), new.status) == (0, "Authorized")
    assert f"{job_id(emulator)}, TooManyDeletes is not restarted" in lines[-1]
    assert not diff(new, Inputs.of(inputs)).changes


def test_the_next_update_repeats_a_failed_restart(
    emulator: Emulator,
) -> None:
    old = created(emulator)
    quarantine(emulator)
    emulator.faults.add(Fault(path="*/restart", status=403))
    inputs = verifying(emulator, restart_job=True, triggers="renewed")
    new, lines = run(emulator, lambda steps: steps.update(old, Inputs.of(inputs)))
    assert (new.status, new.revision) == ("Quarantined", 2)
    assert new.verification == "Failed: not restarted"
    seen, _ = run(emulator, lambda steps: steps.read(TARGET, new))
    assert seen == new, "a refresh does not forget what is left to do"
    assert f"restarting job {job_id(emulator)} of {TARGET}: 403" in lines[-1]
    assert diff(new, Inputs.of(inputs)).changes
    done = updated(emulator, new, inputs)
    assert done == replace(new, status="Authorized", verification="Valid")
    assert not diff(done, Inputs.of(inputs)).changes
    assert posts(emulator) == [204, 204]


@pytest.mark.parametrize("reason", [CREDENTIALS, "TooManyDeletes"])
def test_refresh_does_not_return_authorized_for_a_disabled_job(
    emulator: Emulator, reason: str
) -> None:
    old = created(emulator)
    quarantine(emulator, reason)
    emulator.clock.advance(29 * 24 * 3600)
    job = emulator.tenant.jobs("servicePrincipals", GUID)[0]
    assert job["schedule"]["state"] == "Disabled"
    seen, lines = run(emulator, lambda steps: steps.read(TARGET, old))
    assert isinstance(seen, Outputs)
    assert seen.status == "Quarantined"
    assert "disabled" in lines[-1]


def test_an_authorization_restarts_a_job_disabled_for_its_credentials(
    emulator: Emulator,
) -> None:
    old = created(emulator)
    inputs = verifying(emulator, restart_job=True)
    for reason, status in (("TooManyDeletes", "Quarantined"), (CREDENTIALS, "Authorized")):
        quarantine(emulator, reason)
        emulator.clock.advance(29 * 24 * 3600)
        old = updated(emulator, old, {**inputs, "triggers": reason})
        assert old.status == status
        assert not diff(old, Inputs.of({**inputs, "triggers": reason})).changes, (
            "nothing is left to do"
        )
    assert calls(emulator, "restart") == 1


def test_restart_job_needs_a_job() -> None:
    assert check({**INPUTS, "restart_job": True})[1] == [
        "restart_job: needs job_id, the id of the synchronization job to restart."
    ]
    assert check({**INPUTS, "restart_job": "yes", "job_id": "job"})[1] == [
        "restart_job: must be true or false."
    ]
    assert check({**INPUTS, "restart_job": False})[1] == []
