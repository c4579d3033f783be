"""All calls of a run share one token, and a refused sign-in reports its remedy."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Emulator, Fault
from entra_emulator.workloads import Workload
from pulumi_entra_provisioning.errors import SettingsError, SignInError
from pulumi_entra_provisioning.identity.tokens import SharedTokenCredential
from pulumi_entra_provisioning.redaction.shown import WITHHELD
from pulumi_entra_provisioning.remedies import SIGN_IN_REMEDIES
from support.hostile_server import HTML, StartHostile, Trick, graph_and_entra, said
from support.settings import found
from support.sign_in import (
    CONNECTION,
    MSI,
    OIDC,
    TENANT,
    Machine,
    authorized_by,
    command,
    issued,
    token,
    without_identity,
)
from support.steps import GUID, creates, failure


def test_a_client_secret_signs_in_and_a_wrong_one_fails_with_its_remedy(emulator: Emulator) -> None:
    assert token(found({}, emulator.environment)).count(".") == 2
    wrong = {**emulator.environment, "AZURE_CLIENT_SECRET": "pl4nted-and-wrong"}
    with pytest.raises(SignInError) as caught:
        token(found({}, wrong))
    reported = str(caught.value)
    assert reported.startswith(
        f"getting a token from {emulator.url} for client {DEFAULT_CLIENT_ID}"
    )
    assert "AADSTS7000215: Invalid client secret provided" in reported
    assert reported.endswith(f". {SIGN_IN_REMEDIES['AADSTS7000215']}")
    assert "pl4nted" not in reported


def test_an_unknown_client_or_tenant_fails_with_its_remedy(emulator: Emulator) -> None:
    unknown = "99999999-9999-4999-8999-999999999999"
    for name, code in (("AZURE_CLIENT_ID", "AADSTS700016"), ("AZURE_TENANT_ID", "AADSTS90002")):
        with pytest.raises(SignInError, match=code) as caught:
            token(found({}, {**emulator.environment, name: unknown}))
        assert "Check " in str(caught.value)
        assert "(request-id " in str(caught.value)


def test_an_answer_that_is_not_from_entra_is_reported_without_its_text(emulator: Emulator) -> None:
    page = Fault(path="*/token", status=403, body="<html>client_secret=pl4nted</html>")
    emulator.faults.add(page)
    with pytest.raises(SignInError, match=r": 403\. Check authorityHost") as caught:
        token(found({}, emulator.environment))
    assert "pl4nted" not in str(caught.value)


def test_a_message_of_entra_is_one_line_or_withheld(emulator: Emulator) -> None:
    trace = "5f2b8c1e-0000-4000-8000-00000000aaaa"
    secret = base64.b64encode(DEFAULT_CLIENT_SECRET.encode()).decode()
    hostile = "a\x1b[31m ##vso[task.debug]\r\n::add-mask::x\u202e"
    for words, shown_as in (
        (f"Not {secret}", WITHHELD),
        (hostile, "a #vso[task.debug] : add-mask: x"),
    ):
        description = f"AADSTS7000215: {words}\r\nTrace ID: {trace}\r\nCorrelation ID: x"
        body = json.dumps({"error": "invalid_client", "error_description": description})
        fault = Fault(
            path="*/token", status=401, body=body, headers={"Content-Type": "application/json"}
        )
        emulator.faults.add(fault)
        with pytest.raises(SignInError) as caught:
            token(found({}, emulator.environment))
        reported = str(caught.value)
        assert f": 401 AADSTS7000215: {shown_as} (request-id {trace}). Set clientSecret" in reported


def test_concurrent_calls_share_one_token_request(emulator: Emulator) -> None:
    chosen = found({}, emulator.environment)

    async def several() -> set[str]:
        credential = SharedTokenCredential(chosen)
        calls = (credential.get_token(chosen.scope) for _ in range(8))
        return {given.token for given in await asyncio.gather(*calls)}

    assert len(asyncio.run(several())) == 1
    assert len(emulator.journal.select("POST", "*/token")) == 1


@pytest.mark.parametrize("workload", ["virtual-machine", "kubernetes", "github-actions"])
def test_a_failed_token_request_is_retried_for_every_identity(
    emulator: Emulator, machine: Machine, path: Path, workload: Workload
) -> None:
    machine(emulator.environment_in(workload))
    emulator.faults.add(Fault(path="*/token", status=503))
    stack = OIDC if workload == "github-actions" else {}
    assert authorized_by(found(stack, os.environ))


def test_a_missing_managed_identity_is_reported(emulator: Emulator, machine: Machine) -> None:
    machine(emulator.environment_in("virtual-machine"))
    other = {**MSI, "azuread:clientId": DEFAULT_CLIENT_ID}
    with pytest.raises(SettingsError, match="Identity not found") as caught:
        token(found(other, os.environ))
    assert str(caught.value).startswith(
        f"getting a token of the managed identity {DEFAULT_CLIENT_ID}: no identity gave a token."
    )
    assert "\n  client secret: clientSecret or clientSecretFilePath" in str(caught.value)


@pytest.mark.parametrize(
    ("subject", "audience", "code", "remedy"),
    [
        (
            "repo:contoso/provisioning:pull_request",
            "api://AzureADTokenExchange",
            "AADSTS700213",
            "Add a federated identity credential with this subject",
        ),
        (None, "https://github.com/contoso", "AADSTS700212", "the audience of the ID token"),
    ],
)
def test_an_untrusted_id_token_fails_with_its_remedy(
    emulator: Emulator, subject: str | None, audience: str, code: str, remedy: str
) -> None:
    id_token = emulator.federation.token("github-actions", subject, audience)
    variables = {**without_identity(emulator), **TENANT, "ARM_CLIENT_ID": DEFAULT_CLIENT_ID}
    with pytest.raises(SignInError) as caught:
        token(found(OIDC, {**variables, "ARM_OIDC_TOKEN": id_token}))
    reported = str(caught.value)
    assert f"(OpenID Connect token): 401 {code}: " in reported
    assert remedy in reported
    assert id_token not in reported


def test_an_untrusted_issuer_fails_with_its_remedy(emulator: Emulator) -> None:
    emulator.tenant.register_client(DEFAULT_CLIENT_ID)
    with pytest.raises(SignInError, match="AADSTS700211") as caught:
        token(found(OIDC, emulator.environment_in("gitlab")))
    assert "Add a federated identity credential with this issuer" in str(caught.value)


@pytest.mark.parametrize(
    ("workload", "stack", "variable"),
    [
        ("github-actions", OIDC, "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
        ("azure-devops", CONNECTION, "SYSTEM_ACCESSTOKEN"),
    ],
)
def test_a_job_without_the_id_token_permission_fails_with_its_remedy(
    emulator: Emulator,
    machine: Machine,
    workload: Workload,
    stack: dict[str, str],
    variable: str,
) -> None:
    machine({**emulator.environment_in(workload), variable: "pl4nted-and-wrong"})
    with pytest.raises(SignInError, match=": 401 no ID token") as caught:
        token(found(stack, os.environ))
    assert "`permissions: id-token: write`" in str(caught.value)
    assert "pl4nted" not in str(caught.value)


@pytest.mark.parametrize(
    ("workload", "stack"), [("github-actions", OIDC), ("azure-devops", CONNECTION)]
)
def test_an_id_token_service_that_fails_is_not_reported_as_a_refusal(
    emulator: Emulator, machine: Machine, workload: Workload, stack: dict[str, str]
) -> None:
    machine(emulator.environment_in(workload))
    emulator.faults.add(Fault(path="/oidc/*/token", status=503, headers={"Retry-After": "7"}))
    with pytest.raises(SignInError, match="503: the service that issues ID tokens fails") as caught:
        token(found(stack, os.environ))
    assert caught.value.answer.retry_after == 7
    assert str(caught.value).endswith(f". {SIGN_IN_REMEDIES['5xx']}")


def test_a_timed_out_token_request_is_not_started_twice(emulator: Emulator, path: Path) -> None:
    said = json.dumps({"accessToken": issued(emulator), "expires_on": 4102444800})
    calls = command(path, "az", f"import time; time.sleep(1); print({said!r})")
    chosen = found({}, without_identity(emulator))

    async def impatient() -> str:
        credential = SharedTokenCredential(chosen)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(credential.get_token(chosen.scope), 0.3)
        return (await credential.get_token(chosen.scope)).token

    assert asyncio.run(impatient()).count(".") == 2
    assert len(calls.read_text().splitlines()) == 1


def test_a_failed_search_for_an_identity_is_not_repeated(emulator: Emulator, path: Path) -> None:
    calls = command(path, "az", "sys.exit('ERROR')")
    chosen = found({}, without_identity(emulator))

    async def several() -> list[object]:
        credential = SharedTokenCredential(chosen)
        tokens = (credential.get_token(chosen.scope) for _ in range(3))
        return await asyncio.gather(*tokens, return_exceptions=True)

    assert [type(error) for error in asyncio.run(several())] == [SettingsError] * 3
    assert len(calls.read_text().splitlines()) == 1


UNKNOWN_TENANT = said(
    {
        "error": "invalid_tenant",
        "error_description": f"AADSTS90002: Tenant '{GUID}' not found. Trace ID: 7race Time",
    },
    400,
)


@pytest.mark.usefixtures("plain_environment")
@pytest.mark.parametrize(
    ("answer", "reported"),
    [
        (Trick(400), ": 400. Check authorityHost"),
        (Trick(400, HTML.headers, HTML.body), ": 400. Check authorityHost"),
        (said([], 400), ": 400. Check authorityHost"),
        (said({"error_description": 1}, 400), ": 400. Check authorityHost"),
        (HTML, ": 200. Check authorityHost"),
        (UNKNOWN_TENANT, "not found (request-id 7race). This cloud has no such tenant."),
    ],
)
def test_only_an_answer_of_entra_reports_an_unknown_tenant(
    hostile: StartHostile, answer: Trick, reported: str
) -> None:
    variables = graph_and_entra(hostile({"/openid-configuration": answer}))
    error = str(failure(variables, creates()))
    assert reported in error
    assert ("AADSTS90002" in error) == (answer is UNKNOWN_TENANT)
