"""Calls of Graph that fail, and answers that do not come from Graph."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from entra_emulator import Emulator, Fault
from pulumi_entra_provisioning.errors import RequestError, SignInError
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from support.hostile_server import ENDLESS, HTML, StartHostile, Trick, graph_and_entra, said
from support.steps import (
    ACTION,
    GUID,
    INPUTS,
    JOBS,
    SECRETS,
    TARGET,
    WITH_CODE,
    created,
    failure,
    posts,
    run,
)
from support.tenant import another_service_principal

pytestmark = pytest.mark.usefixtures("plain_environment")


@pytest.mark.parametrize("kind", ["servicePrincipals", "applications"])
def test_the_first_404_reports_an_application_id_given_as_object_id(
    emulator: Emulator, kind: Any
) -> None:
    app = emulator.tenant.create_application("Mistaken")
    principal = emulator.tenant.create_service_principal(app["appId"])
    name = "application_id" if kind == "applications" else "service_principal_id"
    object_id = app["id"] if kind == "applications" else principal["id"]
    inputs = {"credentials": INPUTS["credentials"], name: app["appId"]}
    with pytest.raises(
        RequestError,
        match=rf"404 .*{app['appId']} is an application \(client\) id\. Use the object id"
        rf" instead: {object_id}\.",
    ):
        created(emulator, inputs)
    assert posts(emulator) == [404]
    assert len(emulator.journal.select("GET", "/v1.0/*appId*")) == 1


def test_a_redirect_is_not_followed(emulator: Emulator) -> None:
    emulator.faults.add(
        Fault(
            path="*/acquireAccessToken",
            status=307,
            headers={"Location": f"{emulator.url}/elsewhere"},
        )
    )
    with pytest.raises(RequestError, match=r"307.*Redirects are not followed"):
        created(emulator)
    assert emulator.journal.select(path="/elsewhere") == []


def test_a_page_of_a_proxy_is_reported_by_its_status_alone(emulator: Emulator) -> None:
    page = Fault(
        path="*/acquireAccessToken",
        status=407,
        body="<html>pl4nted</html>",
        headers={"Content-Type": "text/html"},
    )
    emulator.faults.add(page)
    with pytest.raises(RequestError, match=f"authorizing {TARGET}: 407") as caught:
        created(emulator)
    assert "pl4nted" not in str(caught.value)


CHALLENGE = (
    'Bearer realm="", error="insufficient_claims", '
    'claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxIn19fQ=="'
)


@pytest.mark.parametrize(("times", "answers"), [(1, [401, 204]), (2, [401, 401])])
def test_a_claims_challenge_is_answered_once_with_a_new_token_and_then_fails(
    emulator: Emulator, times: int, answers: list[int]
) -> None:
    challenge = Fault(
        path="*/acquireAccessToken",
        status=401,
        code="InvalidAuthenticationToken",
        headers={"WWW-Authenticate": CHALLENGE},
        times=times,
    )
    emulator.faults.add(challenge)
    if times == 1:
        created(emulator, WITH_CODE)
    else:
        with pytest.raises(RequestError, match="a Conditional Access policy"):
            created(emulator, WITH_CODE)
    assert posts(emulator) == answers
    assert len(emulator.journal.select("POST", "*/token")) == 2


def test_an_untrusted_certificate_fails_at_once_with_its_remedy(emulator: Emulator) -> None:
    trusting_others = {**emulator.environment, "ENTRA_PROVISIONING_CA_FILE": ""}
    message = r"getting a token from .*CERTIFICATE_VERIFY_FAILED.*caFile"
    began = time.monotonic()
    with pytest.raises(SignInError, match=message):
        run(
            emulator,
            lambda steps: steps.create(Inputs.of({**INPUTS, "timeout": 60})),
            trusting_others,
        )
    assert time.monotonic() - began < 20


@pytest.mark.slow
def test_an_unreachable_authority_is_reported_by_its_url(emulator: Emulator) -> None:
    elsewhere = {
        **emulator.environment,
        "ENTRA_PROVISIONING_AUTHORITY_HOST": "https://127.0.0.1:9",
    }
    message = r"getting a token from https://127\.0\.0\.1:9 .*: no answer \(.*refused"
    with pytest.raises(SignInError, match=message):
        run(emulator, lambda steps: steps.create(Inputs.of({**INPUTS, "timeout": 6})), elsewhere)


def test_a_404_of_the_authority_does_not_count_as_deleted(emulator: Emulator) -> None:
    old = created(emulator)
    for step in (lambda steps: steps.delete(old), lambda steps: steps.read(TARGET, old)):
        emulator.faults.add(Fault(path="*/token", status=404))
        with pytest.raises(SignInError, match="404"):
            run(emulator, step)
    assert emulator.tenant.secrets("servicePrincipals", GUID) == {"SecretToken": "pl4nted"}


def test_a_404_page_of_a_proxy_does_not_count_as_deleted(emulator: Emulator) -> None:
    old = created(emulator)
    page = Fault(path="/v1.0/*", status=404, body="<html>No such page.</html>", times=4)
    for step in (lambda steps: steps.delete(old), lambda steps: steps.read(TARGET, old)):
        emulator.faults.clear()
        emulator.faults.add(page)
        with pytest.raises(RequestError, match="404"):
            run(emulator, step)


def test_a_404_of_the_secrets_alone_does_not_count_as_deleted(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=404))
    seen, _ = run(emulator, lambda steps: steps.read(TARGET, old))
    assert seen == replace(old, status="Unknown")
    emulator.tenant.delete("servicePrincipals", GUID)
    assert run(emulator, lambda steps: steps.read(TARGET, old))[0] is None


NONSENSE = {
    "text": said({"value": "x"}),
    "null": said({"value": None}),
    "numbers": said({"value": [1]}),
    "nameless": said({"value": [{}]}),
    "numbers for names": said({"value": [{"key": 1, "id": 1}]}),
    "list": said([]),
    "empty": said({}),
    "null alone": said(None),
    "part": said({"value": [], "@odata.nextLink": "{url}/v1.0/more"}),
    "page": HTML,
    "nothing": Trick(200),
    "no content": Trick(204),
    "deep": Trick(200, ENDLESS.headers, b"[" * 100_000),
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_delete_fails_on_a_malformed_answer(
    hostile: StartHostile, emulator: Emulator, nonsense: Trick
) -> None:
    made = created(emulator)
    server = hostile({SECRETS: nonsense})
    reported = str(failure(graph_and_entra(server), lambda steps: steps.delete(made)))
    assert reported.startswith(f"reading the credentials' keys of {TARGET}: 200: ")
    assert "Check graphEndpoint and any proxy on the way" in reported
    assert not [asked for asked in server.asked if asked.startswith("PUT")]


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_refresh_fails_on_a_malformed_answer(
    hostile: StartHostile, emulator: Emulator, nonsense: Trick
) -> None:
    made = created(emulator)
    held = said({"value": [{"key": key, "value": "*"} for key in made.stored_keys or ()]})
    for tricks, doing in (
        ({SECRETS: nonsense}, "reading the credentials' keys of"),
        ({SECRETS: held, JOBS: nonsense}, "reading the synchronization jobs of"),
    ):
        variables = graph_and_entra(hostile(tricks))
        error = failure(variables, lambda steps: steps.read(TARGET, made))
        assert isinstance(error, RequestError)
        assert str(error).startswith(f"{doing} {TARGET}: 200: ")


def test_update_leaves_old_keys_to_the_next_one_after_a_malformed_answer(
    hostile: StartHostile, emulator: Emulator
) -> None:
    made = created(emulator)
    server = hostile({SECRETS: NONSENSE["text"], ACTION: Trick(204)})
    inputs = {**INPUTS, "credentials": {"Password": "anew"}}
    new, lines = run(
        emulator, lambda steps: steps.update(made, Inputs.of(inputs)), graph_and_entra(server)
    )
    assert new.keys_to_empty == ["SecretToken"]
    assert "The next `pulumi up` empties SecretToken." in lines[-1]


@pytest.mark.slow
def test_calls_that_follow_each_other_share_their_connections(emulator: Emulator) -> None:
    principals = [another_service_principal(emulator, f"Application {n}") for n in range(40)]
    emulator.faults.add(Fault(path="*/synchronization/*", delay=0.5, times=120))

    async def created_and_deleted(steps: Lifecycle) -> None:
        inputs = [Inputs.of({**INPUTS, "service_principal_id": found}) for found in principals]
        made = await asyncio.gather(*map(steps.create, inputs))
        await asyncio.gather(*map(steps.delete, made))

    run(emulator, created_and_deleted)
    calls = emulator.journal.select(path="/v1.0/*")
    assert len(calls) == 120
    assert len({call.connection for call in calls}) <= 40
