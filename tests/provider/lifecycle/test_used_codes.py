"""No run sends an authorization code again that may have been used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from entra_emulator import Emulator, Fault
from pulumi_entra_provisioning.errors import RequestError, SettingsError
from pulumi_entra_provisioning.lifecycle.comparison import diff
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from pulumi_entra_provisioning.lifecycle.outputs import Outputs
from support.steps import GUID, INPUTS, WITH_CODE, created, held, posts, run, updated

Declared = dict[str, Any]


def with_code(code: str, **others: str) -> Declared:
    return {**INPUTS, "credentials": {"Oauth2AuthorizationCode": code, **others}}


def refuses(old: Outputs, inputs: Declared) -> str:
    with pytest.raises(SettingsError, match="this authorization code may have been used") as caught:
        diff(old, Inputs.of(inputs))
    assert "pl4nted" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"triggers": "again"},
        {"credentials": {**WITH_CODE["credentials"], "Oauth2ClientSecret": "rotated"}},
        {"service_principal_id": GUID.replace("0", "1")},
    ],
)
def test_a_change_that_would_resend_a_used_code_fails_in_the_preview(
    emulator: Emulator, change: Declared
) -> None:
    old = created(emulator, WITH_CODE)
    inputs = {**WITH_CODE, **change}
    assert "restore the other inputs" in refuses(old, inputs)
    if "service_principal_id" not in change:  # another target is a create, without a past
        with pytest.raises(SettingsError, match="Set a new code"):
            updated(emulator, old, inputs)
    assert posts(emulator) == [204]


def test_an_unchanged_used_code_is_no_change(emulator: Emulator) -> None:
    old = created(emulator, WITH_CODE)
    assert not diff(old, Inputs.of(WITH_CODE)).changes
    assert diff(old, Inputs.of({**WITH_CODE, "job_id": "job"})).changes


def test_lost_credentials_need_a_new_code(emulator: Emulator) -> None:
    lost = replace(created(emulator, WITH_CODE), status="CredentialsMissing")
    assert "restore the other inputs" not in refuses(lost, WITH_CODE)
    assert diff(lost, Inputs.of(with_code("an0ther"))).changes


def test_update_sends_a_new_code_and_remembers_the_old_one(emulator: Emulator) -> None:
    first = created(emulator, WITH_CODE)
    second = updated(emulator, first, with_code("an0ther"))
    assert posts(emulator) == [204, 204]
    refuses(second, WITH_CODE)
    refuses(second, {**with_code("an0ther"), "triggers": 1})


@pytest.mark.parametrize(
    "fault", [{"drop": "before"}, {"drop": "after"}, {"status": 500}, {"status": 504}]
)
def test_a_failed_step_records_a_code_that_may_be_spent(
    emulator: Emulator, fault: dict[str, Any]
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", **fault))
    with pytest.raises(RequestError) as caught:
        created(emulator, WITH_CODE)
    assert caught.value.outputs is not None
    assert "pl4nted" not in repr(caught.value.outputs)
    uncertain = Outputs(**caught.value.outputs)
    assert (uncertain.status, uncertain.revision) == ("Unknown", 0)
    refuses(uncertain, WITH_CODE)

    after = updated(emulator, uncertain, with_code("an0ther"))
    assert (after.status, after.revision) == ("Authorized", 1)

    emulator.faults.add(Fault(path="*/acquireAccessToken", **fault))
    with pytest.raises(RequestError) as caught:
        updated(emulator, after, with_code("a-third"))
    assert caught.value.outputs is not None
    uncertain = Outputs(**caught.value.outputs)
    for code in ("pl4nted", "an0ther", "a-third"):
        refuses(uncertain, with_code(code))
    assert len(posts(emulator)) == 3


@pytest.mark.parametrize("fault", [{"status": 400}, {"status": 403}, {"status": 401}])
def test_a_refused_code_can_be_sent_again(emulator: Emulator, fault: dict[str, Any]) -> None:
    old = created(emulator)
    emulator.faults.add(Fault(path="*/acquireAccessToken", **fault))
    with pytest.raises(RequestError) as caught:
        updated(emulator, old, WITH_CODE)
    assert caught.value.outputs is None
    assert updated(emulator, old, WITH_CODE).revision == 2


def test_a_state_without_used_codes_recognizes_its_code_by_the_digest(
    emulator: Emulator,
) -> None:
    of_0_1_0 = replace(created(emulator, WITH_CODE), used_codes=None)
    refuses(of_0_1_0, {**WITH_CODE, "triggers": "again"})


def test_a_first_code_is_sent_after_an_uncertain_create(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=500))
    with pytest.raises(RequestError) as caught:
        created(emulator)
    assert caught.value.outputs is not None
    uncertain = Outputs(**caught.value.outputs)
    assert updated(emulator, uncertain, WITH_CODE).status == "Authorized"


def test_one_run_sends_a_code_once_for_all_its_resources(emulator: Emulator) -> None:
    app_id = emulator.tenant.create_application("Other")["appId"]
    other = emulator.tenant.create_service_principal(app_id)["id"]

    async def step(steps: Lifecycle) -> None:
        await steps.create(Inputs.of(WITH_CODE))
        for inputs in (WITH_CODE, {**WITH_CODE, "service_principal_id": other}):
            with pytest.raises(SettingsError, match="another resource of this run has used this"):
                await steps.create(Inputs.of(inputs))

    run(emulator, step)
    assert posts(emulator) == [204]


def test_only_the_latest_used_codes_are_kept(emulator: Emulator) -> None:
    old = created(emulator, with_code("code-0"))
    for number in range(1, 12):
        old = updated(emulator, old, with_code(f"code-{number}"))
    refuses(old, with_code("code-2"))
    assert len((old.used_codes or "").split(":")) == 11


def test_the_next_update_repeats_a_call_that_may_have_acted(
    emulator: Emulator,
) -> None:
    old = created(emulator, {**INPUTS, "credentials": {"SecretToken": "first", "Url": "u"}})
    emulator.faults.add(Fault(path="*/acquireAccessToken", drop="after", times=9))
    second = {**INPUTS, "credentials": {"SecretToken": "second"}}
    with pytest.raises(RequestError) as caught:
        updated(emulator, old, {**second, "timeout": 2})
    emulator.faults.clear()
    assert held(emulator)["SecretToken"] == "second"
    assert caught.value.outputs is not None
    uncertain = Outputs(**caught.value.outputs)
    assert (uncertain.status, uncertain.revision) == ("Unknown", 1)
    assert uncertain.credential_keys == ["SecretToken", "Url"]

    first = {**INPUTS, "credentials": {"SecretToken": "first", "Url": "u"}}
    assert diff(uncertain, Inputs.of(first)).changes, "a reverted program has to authorize again"
    seen, _ = run(emulator, lambda steps: steps.read(uncertain.target, uncertain))
    assert seen is not None
    assert seen.status == "Unknown"
    done = updated(emulator, seen, second)
    assert (done.status, done.revision) == ("Authorized", 2)
    assert held(emulator) == {"SecretToken": "second"}


def test_a_failed_retry_still_records_an_attempt_that_may_have_acted(
    emulator: Emulator,
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", drop="after"))
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=403, times=9))
    with pytest.raises(RequestError, match=": 403 ") as caught:
        created(emulator)
    assert posts(emulator) == [None, 403]
    assert caught.value.outputs is not None
