"""The resource of both front ends through the real CLI and engine, against the emulator."""

from __future__ import annotations

import base64
import json
import os
import pickle
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Emulator,
    Fault,
)
from support.native import BOTH_FRONT_ENDS
from support.stack import BEARER, Stack
from support.tenant import another_service_principal, authorizing, held, token_requests

ProgramFor = Callable[[str], Stack]

PRINCIPAL = f"servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}"
APPLICATION = f"applications/{DEFAULT_APPLICATION_ID}"
pytestmark = BOTH_FRONT_ENDS

PAIR = "microsoft.graph.synchronizationSecretKeyStringValuePair"


def test_a_preview_makes_no_request(emulator: Emulator, program_for: ProgramFor) -> None:
    stack = program_for(BEARER)
    stack.configure_secret(token="t0ken")
    changes = json.loads(stack.preview("--json"))["changeSummary"]
    assert changes == {"create": 2}
    assert emulator.journal.calls == []


def test_two_authorizations_send_two_documented_calls_with_one_token(
    front_end: type[Stack], emulator: Emulator, program_for: ProgramFor
) -> None:
    stack = program_for(
        BEARER
        + f"""
ProvisioningAuthorization(
    "sales",
    application_id="{DEFAULT_APPLICATION_ID}",
    credentials=[
        {{"key": "Oauth2ClientId", "value": "contoso"}},
        {{"key": "Oauth2AuthorizationCode", "value": config.require_secret("code")}},
    ],
)
"""
    )
    stack.configure_secret(token="t0ken", code="a-code")
    stack.up()

    by_path = {call.path: call for call in authorizing(emulator)}
    assert {path: call.body for path, call in by_path.items()} == {
        f"/v1.0/{PRINCIPAL}/synchronization/acquireAccessToken": {
            "credentials": [
                {"@odata.type": PAIR, "key": "BaseAddress", "value": "***"},
                {"@odata.type": PAIR, "key": "SecretToken", "value": "***"},
            ]
        },
        f"/v1.0/{APPLICATION}/synchronization/acquireAccessToken": {
            "credentials": [
                {"@odata.type": PAIR, "key": "Oauth2AuthorizationCode", "value": "***"},
                {"@odata.type": PAIR, "key": "Oauth2ClientId", "value": "***"},
            ]
        },
    }
    assert len(authorizing(emulator)) == 2
    assert len(token_requests(emulator)) == 1
    assert held(emulator) == {
        "BaseAddress": "https://scim.example/v2",
        "SecretToken": "t0ken",
    }
    for call in by_path.values():
        assert call.status == 204
        assert re.match(r"pulumi-entra-provisioning/\d+\.\d+\.\d+ ", call.user_agent or "")

    recorded = stack.authorizations()["directory"]
    call = by_path[f"/v1.0/{PRINCIPAL}/synchronization/acquireAccessToken"]
    assert recorded["id"] == PRINCIPAL
    outputs = recorded["outputs"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", outputs.pop("authorizedAt"))
    assert list(outputs.pop("credentialsDigest")) == [
        "4dabf18193072939515e22adb298388d",
        "ciphertext",
    ]
    if front_end is Stack:
        assert pickle.loads(base64.b64decode(outputs.pop("__provider"))).__dict__ == {}
    else:
        assert outputs.pop("servicePrincipalId") == DEFAULT_SERVICE_PRINCIPAL_ID
    assert outputs == {
        "target": PRINCIPAL,
        "credentialKeys": ["BaseAddress", "SecretToken"],
        "storedKeys": ["BaseAddress", "SecretToken"],
        "authorizedBy": emulator.environment["AZURE_CLIENT_ID"],
        "cloud": "global",
        "requestId": call.request_id,
        "clientRequestId": call.client_request_id,
        "revision": 1,
        "status": "Authorized",
        "keysToEmpty": [],
    }

    emulator.journal.clear()
    assert "3 unchanged" in stack.up()
    assert emulator.journal.calls == []


def test_a_changed_secret_or_trigger_updates_in_place_with_one_call(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    program = BEARER.replace("    credentials=", "    triggers={'on': TRIGGER},\n    credentials=")
    stack = program_for(program.replace("TRIGGER", "1"))
    stack.configure_secret(token="first")
    stack.up()

    emulator.journal.clear()
    stack.configure_secret(token="second")
    assert "1 updated" in stack.up()
    assert len(authorizing(emulator)) == 1
    assert held(emulator)["SecretToken"] == "second"

    emulator.journal.clear()
    program_for(program.replace("TRIGGER", "True"))
    assert "1 updated" in stack.up()
    assert len(authorizing(emulator)) == 1
    assert stack.authorizations()["directory"]["outputs"]["revision"] == 3


def test_a_removed_key_is_emptied_after_the_call(emulator: Emulator, authorized: Stack) -> None:
    authorized.declare(BEARER.replace('"BaseAddress": "https://scim.example/v2",', ""))
    authorized.up()
    changes = [call for call in emulator.journal.calls if call.method != "GET"]
    assert [(call.method, call.path.rpartition("/")[2]) for call in changes] == [
        ("POST", "token"),
        ("POST", "acquireAccessToken"),
        ("PUT", "secrets"),
    ]
    assert changes[2].body == {"value": [{"@odata.type": PAIR, "key": "BaseAddress", "value": ""}]}
    assert list(held(emulator)) == ["SecretToken"]


def test_a_changed_target_replaces(emulator: Emulator, authorized: Stack) -> None:
    other = another_service_principal(emulator)
    authorized.declare(BEARER.replace(DEFAULT_SERVICE_PRINCIPAL_ID, other))
    assert "1 replaced" in authorized.up()
    assert authorized.authorizations()["directory"]["id"] == f"servicePrincipals/{other}"
    assert set(held(emulator, other)) == {
        "BaseAddress",
        "SecretToken",
    }
    assert held(emulator) == {}


def test_the_path_form_and_the_bare_form_of_an_id_are_the_same_target(
    emulator: Emulator, authorized: Stack
) -> None:
    path = f"/servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID.upper()}"
    authorized.declare(BEARER.replace(DEFAULT_SERVICE_PRINCIPAL_ID, path))
    assert "2 unchanged" in authorized.up()
    assert emulator.journal.calls == []


def test_destroy_empties_the_declared_keys_and_tokens_and_no_others(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    emulator.tenant.put_secrets(
        "servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, [("SyncAll", "false")]
    )
    stack = program_for(
        BEARER.replace('"SecretToken": c', '"Oauth2AuthorizationCode": "c0de", "SecretToken": c')
    )
    stack.configure_secret(token="t0ken")
    stack.up()
    stored = set(held(emulator))
    assert {"Oauth2AccessToken", "Oauth2RefreshToken", "SecretToken", "SyncAll"} < stored
    stack.destroy()
    assert held(emulator) == {"SyncAll": "false"}
    assert stack.authorizations() == {}


def test_destroy_warns_about_a_key_that_graph_refuses_to_empty(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    stack = program_for(BEARER.replace('"SecretToken": c', '"SyncNotificationSettings": c'))
    stack.configure_secret(token='{"Enabled":true}')
    stack.up()
    assert f"SyncNotificationSettings of {PRINCIPAL} was not emptied" in stack.destroy()
    assert list(held(emulator)) == ["SyncNotificationSettings"]


def test_destroy_succeeds_if_the_target_is_deleted(emulator: Emulator, authorized: Stack) -> None:
    emulator.tenant.delete("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    authorized.destroy()
    assert authorized.authorizations() == {}


def test_a_renamed_resource_keeps_its_target_authorized(
    emulator: Emulator, authorized: Stack
) -> None:
    authorized.declare(
        BEARER.replace('"directory"', '"renamed"').replace('"BaseAddress": "https', '"Url": "https')
    )
    said = f"declares {PRINCIPAL}: keeps SecretToken; empties BaseAddress"
    assert said in authorized.up()
    assert held(emulator) == {
        "SecretToken": "t0ken",
        "Url": "https://scim.example/v2",
    }
    assert list(authorized.authorizations()) == ["renamed"]


def test_removing_one_of_two_resources_keeps_their_target_authorized(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    stack = program_for(BEARER + BEARER.replace('"directory"', '"twin"'))
    stack.configure_secret(token="t0ken")
    stack.up()
    program_for(BEARER)
    said = f"declares {PRINCIPAL}: keeps BaseAddress, SecretToken; empties nothing"
    assert said in stack.up()
    assert set(held(emulator)) == {"BaseAddress", "SecretToken"}
    assert "2 unchanged" in stack.refresh()


def test_get_fails_on_an_unknown_target(
    front_end: type[Stack], emulator: Emulator, program_for: ProgramFor
) -> None:
    unknown = '"applications/99999999-9999-4999-8999-999999999999"'
    # Pulumi's SDK takes no output as the id of a resource that it reads.
    id_ = f"pulumi.Output.secret({unknown})" if front_end is Stack else unknown
    stack = program_for(f'ProvisioningAuthorization.get("found", {id_})')
    assert "404 Request_ResourceNotFound" in stack.up(succeeds=False)


def test_refresh_removes_a_target_that_was_deleted_elsewhere(
    emulator: Emulator, authorized: Stack
) -> None:
    emulator.tenant.delete("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    authorized.refresh()
    assert authorized.authorizations() == {}


def test_refresh_shows_lost_secrets_and_the_next_up_authorizes_again(
    emulator: Emulator, authorized: Stack
) -> None:
    emulator.tenant.put_secrets(
        "servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, [("SecretToken", "")]
    )
    authorized.refresh()
    assert authorized.authorizations()["directory"]["outputs"]["status"] == "CredentialsMissing"
    authorized.up()
    outputs = authorized.authorizations()["directory"]["outputs"]
    assert (outputs["status"], outputs["revision"]) == ("Authorized", 2)
    assert held(emulator)["SecretToken"] == "t0ken"


def test_get_reads_an_existing_authorization_and_changes_nothing(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    emulator.tenant.put_secrets("applications", DEFAULT_APPLICATION_ID, [("SecretToken", "t0ken")])
    stack = program_for(
        f"""
found = ProvisioningAuthorization.get("found", "{APPLICATION}")
pulumi.export("keys", found.credential_keys)
pulumi.export("status", found.status)
"""
    )
    stack.up()
    outputs = json.loads(stack.pulumi("stack", "output", "--json"))
    assert outputs == {"keys": ["SecretToken"], "status": "Authorized"}
    assert {call.method for call in emulator.journal.select(path="/v1.0/*")} == {"GET"}


# What a program such as pulumi-azuread's does, with nothing between it and Graph but HTTP.
CREATING_THE_TARGET = """
class NewPrincipal(pulumi.dynamic.ResourceProvider):
    def create(self, props):
        import os, httpx
        from azure.identity import ClientSecretCredential
        graph = os.environ["ENTRA_PROVISIONING_GRAPH_ENDPOINT"]
        ca = os.environ["ENTRA_PROVISIONING_CA_FILE"]
        credential = ClientSecretCredential(
            *(os.environ["AZURE_" + name] for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")),
            authority=graph, disable_instance_discovery=True, connection_verify=ca,
        )
        headers = {"Authorization": "Bearer " + credential.get_token(graph + "/.default").token}
        with httpx.Client(base_url=graph + "/v1.0", headers=headers, verify=ca) as client:
            app = client.post("/applications", json={"displayName": "Made here"}).json()
            principal = client.post("/servicePrincipals", json={"appId": app["appId"]}).json()
        return pulumi.dynamic.CreateResult(principal["id"], {"token": "made-" + principal["id"]})

class Principal(pulumi.dynamic.Resource):
    token: pulumi.Output[str]
    def __init__(self, name):
        super().__init__(NewPrincipal(), name, {"token": None})

principal = Principal("principal")
made = ProvisioningAuthorization(
    "made",
    service_principal_id=principal.id,
    credentials=principal.token.apply(lambda token: {"SecretToken": token}),
    triggers=[principal.token],
)
pulumi.export("target", made.target)
"""


def test_inputs_unknown_in_the_preview_are_applied(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    # The new service principal is not there yet for the first call, as Entra replicates.
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=404))
    stack = program_for(CREATING_THE_TARGET)
    stack.preview()
    assert emulator.journal.calls == []
    stack.up()
    target = json.loads(stack.pulumi("stack", "output", "--json"))["target"]
    kind, _, object_id = target.partition("/")
    assert emulator.tenant.secrets(kind, object_id) == {"SecretToken": f"made-{object_id}"}
    assert [call.status for call in authorizing(emulator)] == [404, 204]


def test_no_later_run_sends_a_code_that_may_be_spent(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", drop="after"))
    stack = program_for(BEARER.replace("SecretToken", "Oauth2AuthorizationCode"))
    stack.configure_secret(token="c0de-planted")
    printed = stack.up(succeeds=False)
    assert "The authorization code may be spent" in printed
    asks = "this authorization code may have been used"
    assert asks in stack.preview(succeeds=False)
    assert asks in stack.up(succeeds=False)
    assert len(authorizing(emulator)) == 1
    assert "c0de-planted" not in "".join(stack.printed) + stack.written()
    assert stack.authorizations()["directory"]["outputs"]["status"] == "Unknown"

    stack.configure_secret(token="a-new-code")
    stack.up()
    assert stack.authorizations()["directory"]["outputs"]["status"] == "Authorized"
    assert "2 unchanged" in stack.up()


def test_destroy_removes_what_a_failed_create_may_have_left(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", drop="after", times=9))
    stack = program_for(BEARER.replace("    credentials", "    timeout=5,\n    credentials"))
    stack.configure_secret(token="t0ken")
    stack.up(succeeds=False)
    emulator.faults.clear()
    assert held(emulator)
    stack.destroy()
    assert held(emulator) == {}


def test_the_diff_shows_which_input_changed(emulator: Emulator, authorized: Stack) -> None:
    authorized.configure_secret(token="second")
    assert "[diff: ~credentials]" in authorized.preview()
    assert "~ credentials" in authorized.preview("--diff")


def test_preview_and_up_show_warnings(emulator: Emulator, program_for: ProgramFor) -> None:
    program = BEARER.replace("    credentials", "    expires_at='2026-01-31',\n    credentials")
    twin = BEARER.replace('"directory"', '"twin"').replace("/v2", "/v3")
    stack = program_for(program + twin)
    stack.configure_secret(token="t0ken")
    for printed in (stack.preview(), stack.up(), stack.up()):
        assert f"warning: the credentials of {PRINCIPAL} expired on 2026-01-31" in printed
        assert f"warning: two resources of this program declare {PRINCIPAL}" in printed
    assert stack.authorizations()["directory"]["outputs"]["expiresAt"] == "2026-01-31"


def test_a_failed_update_keeps_the_state_and_the_next_up_succeeds(
    emulator: Emulator, authorized: Stack
) -> None:
    before = authorized.authorizations()["directory"]["outputs"]
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=403))
    authorized.configure_secret(token="second")
    printed = authorized.up(succeeds=False)
    assert f"authorizing {PRINCIPAL}: 403" in printed
    assert "Synchronization.ReadWrite.All" in printed
    after = authorized.authorizations()["directory"]["outputs"]
    assert after["authorizedAt"] == before["authorizedAt"]
    assert after["revision"] == 1
    authorized.up()
    assert authorized.authorizations()["directory"]["outputs"]["revision"] == 2


def test_an_error_is_one_line_without_a_traceback(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=400, message="No."))
    stack = program_for(BEARER)
    stack.configure_secret(token="t0ken")
    printed = stack.up(succeeds=False)
    assert re.search(rf"^ +error: authorizing {PRINCIPAL}: 400 \w+: No \(request", printed, re.M)
    assert "Traceback" not in printed
    assert "RequestError" not in printed


def test_the_preview_reports_a_missing_setting_and_an_unknown_cloud(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    stack = program_for(BEARER)
    stack.environment = {
        **stack.environment,
        "AZURE_CLIENT_ID": "",
        "ARM_ENVIRONMENT": "moon",
        "ENTRA_PROVISIONING_SETTINGS_FROM_ENVIRONMENT": "",
    }
    stack.configure_secret(token="t0ken")
    printed = stack.preview(succeeds=False)
    assert (
        "clientId: not set, but AZURE_CLIENT_SECRET is. Set it with `pulumi config set" in printed
    )
    assert "AZURE_CLIENT_ID" in printed
    assert "environment: unknown cloud" in printed
    assert emulator.journal.calls == []


def in_the_middle_of_a_create(stack: Stack, emulator: Emulator) -> subprocess.Popen[str]:
    """A `pulumi up` whose call has reached Graph without an answer yet."""
    stack.configure_secret(token="t0ken")
    emulator.faults.add(Fault(path="*/acquireAccessToken", delay=3.0))
    running = stack.begin("up")
    while emulator.faults.pending and running.poll() is None:
        time.sleep(0.05)
    return running


def test_the_run_after_a_run_killed_during_create_authorizes(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    stack = program_for(BEARER)
    running = in_the_middle_of_a_create(stack, emulator)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()

    stack.pulumi("cancel", "--yes")
    assert stack.authorizations() == {}
    assert "interrupted while creating" in stack.up()
    assert stack.authorizations()["directory"]["outputs"]["status"] == "Authorized"
    assert "2 unchanged" in stack.up()


def test_the_run_after_a_provider_killed_during_create_authorizes(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    stack = program_for(BEARER)
    running = in_the_middle_of_a_create(stack, emulator)
    os.kill(stack.plugin_process(), signal.SIGKILL)
    running.communicate(timeout=120)
    assert running.returncode != 0

    assert stack.authorizations() == {}
    stack.up()
    assert stack.authorizations()["directory"]["outputs"]["status"] == "Authorized"
    assert "2 unchanged" in stack.up()


def test_two_stacks_can_authorize_one_target_at_the_same_time(
    front_end: type[Stack], emulator: Emulator, tmp_path: Path
) -> None:
    stacks = [front_end(tmp_path / name, emulator.environment) for name in ("one", "other")]
    for stack in stacks:
        stack.declare(BEARER)
        stack.configure_secret(token=f"of-{stack.folder.name}")
    emulator.faults.add(Fault(path="*/acquireAccessToken", delay=1.0, times=2))
    running = [stack.begin("up") for stack in stacks]
    printed = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], printed
    arrivals = [call.time for call in authorizing(emulator)]
    assert len(arrivals) == 2
    for stack in stacks:
        assert stack.authorizations()["directory"]["outputs"]["status"] == "Authorized"
        assert "2 unchanged" in stack.up()

    one, other = stacks
    one.destroy()
    other.refresh()
    assert other.authorizations()["directory"]["outputs"]["status"] == "CredentialsMissing"
    other.up()
    assert held(emulator)["SecretToken"] == "of-other"


def test_60_authorizations_succeed_if_every_fifth_call_fails_at_first(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    bad = [
        Fault(status=429, headers={"Retry-After": "1"}),
        Fault(status=503),
        Fault(status=504),
        Fault(drop="after"),
        Fault(status=404),
    ]
    principals = [another_service_principal(emulator, f"Application {n}") for n in range(60)]
    faulty = principals[::5]
    for number, principal in enumerate(faulty):
        path = f"*/{principal}/synchronization/acquireAccessToken"
        emulator.faults.add(replace(bad[number % len(bad)], path=path))
    stack = program_for(
        """
for number, principal in enumerate(config.require_object("principals")):
    ProvisioningAuthorization(
        f"a{number}", service_principal_id=principal, credentials={"SecretToken": "t0ken"}
    )
"""
    )
    stack.configure(principals=json.dumps(principals))
    began = time.monotonic()
    stack.up("--suppress-outputs")
    assert time.monotonic() - began < 100
    statuses = [item["outputs"]["status"] for item in stack.authorizations().values()]
    assert statuses == ["Authorized"] * 60
    calls = Counter(call.path.split("/")[3] for call in authorizing(emulator))
    assert calls == {principal: 2 if principal in faulty else 1 for principal in principals}
    assert len(token_requests(emulator)) == 1
