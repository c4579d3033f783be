"""Pulumi's resource options as docs/resource-options.md documents them."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import pytest
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Emulator,
    Fault,
)
from support.readme import block, table
from support.stack import PREAMBLE, REPOSITORY, Stack
from support.tenant import another_service_principal, held

PAGE = (REPOSITORY / "docs/resource-options.md").read_text()

ID = f"servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}"


def declare(
    stack: Stack,
    options: str = "",
    *,
    name: str = "directory",
    principal: str = DEFAULT_SERVICE_PRINCIPAL_ID,
    token: str = "t0ken",
    inputs: str = "",
    before: str = "",
) -> Stack:
    """A stack whose program is `before`, then one authorization with resource options."""
    stack.declare(
        before
        + f"""
declared = ProvisioningAuthorization(
    "{name}",
    service_principal_id="{principal}",
    credentials={{"BaseAddress": "https://scim.example/v2", "SecretToken": "{token}"}},
    {inputs}
    opts=pulumi.ResourceOptions({options}),
)
"""
    )
    return stack


def token(emulator: Emulator, principal: str = DEFAULT_SERVICE_PRINCIPAL_ID) -> str | None:
    """The token that Graph holds for a service principal."""
    return held(emulator, principal).get("SecretToken")


def sent(emulator: Emulator) -> list[str]:
    """The requests since the last call that change something in Graph."""
    calls = emulator.journal.select(path="/v1.0/*")
    emulator.journal.clear()
    changes = [call for call in calls if call.method != "GET"]
    return [f"{call.method} {call.path.rpartition('/')[2]}" for call in changes]


AUTHORIZED, EMPTIED = "POST acquireAccessToken", "PUT secrets"


def test_aliases_rename_without_a_call(emulator: Emulator, authorized: Stack) -> None:
    stack = declare(authorized, 'aliases=[pulumi.Alias(name="directory")]', name="renamed")
    assert "2 unchanged" in stack.up()
    assert sent(emulator) == []
    assert list(stack.authorizations()) == ["renamed"]
    assert token(emulator) == "t0ken"


def test_ignore_changes_keeps_the_credentials_of_the_state(
    emulator: Emulator, authorized: Stack
) -> None:
    assert (
        "2 unchanged" in declare(authorized, 'ignore_changes=["credentials"]', token="changed").up()
    )
    assert sent(emulator) == []
    assert token(emulator) == "t0ken"
    one_key = declare(
        authorized,
        'ignore_changes=["credentials.SecretToken"]',
        token="changed",
        inputs="triggers=1,",
    )
    assert "1 updated" in one_key.up()
    assert sent(emulator) == [AUTHORIZED]
    assert token(emulator) == "t0ken"


def test_replace_on_changes_replaces_and_leaves_the_target_authorized(
    emulator: Emulator, authorized: Stack
) -> None:
    stack = declare(authorized, 'replace_on_changes=["credentials"]', token="changed")
    assert "1 replaced" in stack.up()
    assert sent(emulator) == [AUTHORIZED]
    assert token(emulator) == "changed"
    assert stack.authorizations()["directory"]["outputs"]["revision"] == 1


def test_retain_on_delete_keeps_the_credentials(emulator: Emulator, stack: Stack) -> None:
    declare(stack, "retain_on_delete=True")
    stack.up()
    sent(emulator)
    stack.destroy()
    assert stack.authorizations() == {}
    assert sent(emulator) == []
    assert token(emulator) == "t0ken"


def test_protect_refuses_to_destroy(emulator: Emulator, stack: Stack) -> None:
    declare(stack, "protect=True")
    stack.up()
    sent(emulator)
    assert "protected" in stack.destroy(succeeds=False)
    assert sent(emulator) == []
    assert stack.authorizations()["directory"]["protect"] is True
    assert token(emulator) == "t0ken"
    stack.pulumi("state", "unprotect", "--all", "--yes")
    stack.destroy()
    assert token(emulator) is None


def test_depends_on_authorizes_only_after_the_other_resource(
    emulator: Emulator, stack: Stack
) -> None:
    other = another_service_principal(emulator)
    first = f"""
first = ProvisioningAuthorization(
    "first", service_principal_id="{other}", credentials={{"SecretToken": "first"}}
)
"""
    declare(stack, "depends_on=[first]", before=first)
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=403))
    stack.up(succeeds=False)
    assert sent(emulator) == [AUTHORIZED]
    assert token(emulator) is None
    stack.up()
    (dependency,) = stack.authorizations()["directory"]["dependencies"]
    assert dependency.endswith("::first")
    assert (token(emulator), token(emulator, other)) == ("t0ken", "first")


@pytest.mark.parametrize(
    ("options", "order"),
    [("", [AUTHORIZED, EMPTIED]), ("delete_before_replace=True", [EMPTIED, AUTHORIZED])],
    ids=["without", "with"],
)
def test_delete_before_replace_empties_the_old_target_first(
    emulator: Emulator, authorized: Stack, options: str, order: list[str]
) -> None:
    other = another_service_principal(emulator)
    stack = declare(authorized, options, principal=other)
    assert "1 replaced" in stack.up()
    assert sent(emulator) == order
    assert stack.authorizations()["directory"]["id"] == f"servicePrincipals/{other}"
    assert (token(emulator), token(emulator, other)) == (None, "t0ken")


def test_additional_secret_outputs_encrypt_further_outputs(
    emulator: Emulator, stack: Stack
) -> None:
    declare(stack, 'additional_secret_outputs=["request_id"]')
    stack.up()
    outputs = stack.authorizations()["directory"]["outputs"]
    for name in ("requestId", "credentialsDigest"):
        assert "ciphertext" in outputs[name]
    assert outputs["target"] == ID
    assert token(emulator) == "t0ken"


def test_a_component_can_be_the_parent(emulator: Emulator, stack: Stack) -> None:
    component = 'team = pulumi.ComponentResource("contoso:index:Team", "team")\n'
    declare(stack, "parent=team", before=component)
    stack.up()
    assert stack.authorizations()["directory"]["parent"].endswith("contoso:index:Team::team")
    assert token(emulator) == "t0ken"
    stack.destroy()
    assert token(emulator) is None


def test_deleted_with_sends_no_call_if_the_other_resource_is_deleted(
    emulator: Emulator, stack: Stack
) -> None:
    other = another_service_principal(emulator)
    principal = f"""
principal = ProvisioningAuthorization(
    "principal", service_principal_id="{other}", credentials={{"SecretToken": "other"}}
)
"""
    declare(stack, "deleted_with=principal", before=principal)
    stack.up()
    sent(emulator)
    stack.destroy()
    assert sent(emulator) == [EMPTIED]
    assert (token(emulator), token(emulator, other)) == ("t0ken", None)
    assert stack.authorizations() == {}


def test_custom_timeouts_do_not_reach_the_provider_and_timeout_does(
    emulator: Emulator, stack: Stack
) -> None:
    def ask_to_wait(seconds: int) -> None:
        headers = {"Retry-After": f"{seconds}"}
        emulator.faults.add(Fault(path="*/acquireAccessToken", status=429, headers=headers))

    ask_to_wait(3)
    declare(stack, 'custom_timeouts=pulumi.CustomTimeouts(create="1s", update="1s")')
    stack.up()
    assert stack.authorizations()["directory"]["customTimeouts"] == {"create": 1, "update": 1}
    assert sent(emulator) == [AUTHORIZED, AUTHORIZED]
    assert token(emulator) == "t0ken"
    ask_to_wait(300)
    declare(stack, token="changed", inputs="timeout=60,").up(succeeds=False)
    assert sent(emulator) == [AUTHORIZED]
    assert token(emulator) == "t0ken"


def test_import_fails_and_get_reads(emulator: Emulator, stack: Stack) -> None:
    emulator.tenant.put_secrets(
        "servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, [("SecretToken", "there-before")]
    )
    declare(stack, f'import_="{ID}"')
    assert "KeyError: '__provider'" in stack.up(succeeds=False)
    type_token = "pulumi-python:dynamic/entra-provisioning:ProvisioningAuthorization"
    command = ["import", "--yes", type_token, "directory", ID]
    assert "KeyError: '__provider'" in stack.pulumi(*command, succeeds=False)
    assert stack.authorizations() == {}

    stack.program(
        f"{PREAMBLE}\nfound = ProvisioningAuthorization.get('found', '{ID}')\n"
        "pulumi.export('keys', found.credential_keys)"
    )
    stack.up()
    assert json.loads(stack.pulumi("stack", "output", "keys", "--json")) == ["SecretToken"]
    assert sent(emulator) == []
    assert token(emulator) == "there-before"


def test_version_warns_and_plugin_download_url_does_nothing(
    emulator: Emulator, stack: Stack
) -> None:
    declare(stack, 'version="1.2.3", plugin_download_url="https://plugins.example"')
    printed = stack.up("--logtostderr")
    assert "resource plugin pulumi-python is expected to have version >=1.2.3" in printed
    assert "direct download" not in printed
    assert token(emulator) == "t0ken"


def test_moving_to_an_explicit_provider_of_the_same_tenant_sends_no_call(
    emulator: Emulator, authorized: Stack
) -> None:
    stack = declare(
        authorized,
        "provider=explicit",
        before='explicit = pulumi.ProviderResource("pulumi-python", "own")\n',
    )
    assert "2 unchanged" in stack.up()
    assert sent(emulator) == []
    assert "::own::" in stack.authorizations()["directory"]["provider"]
    assert token(emulator) == "t0ken"


def test_an_explicit_provider_ignores_the_configuration_of_the_stack(stack: Stack) -> None:
    declare(
        stack,
        "provider=explicit",
        before='explicit = pulumi.ProviderResource("pulumi-python", "own")\n',
    )
    stack.environment = {
        **stack.environment,
        "AZURE_CLIENT_ID": "",
        "ENTRA_PROVISIONING_SETTINGS_FROM_ENVIRONMENT": "",
    }
    stack.configure(**{"entra-provisioning:clientId": DEFAULT_CLIENT_ID})
    assert "clientId: not set" in stack.preview(succeeds=False)
    declare(stack).preview()


def test_one_program_can_have_a_provider_for_each_of_two_tenants(tmp_path: Path) -> None:
    secrets = {"contoso": "secret-of-contoso", "fabrikam": "secret-of-fabrikam"}
    endpoints = '**config.require_object(f"{tenant}Endpoints"), "entra-provisioning:tenantId"'
    program = block("python", "ProviderResource", PAGE)
    stack = Stack(tmp_path / "project", {})
    stack.program(program.replace('"entra-provisioning:tenantId"', endpoints))
    with Emulator() as contoso, Emulator() as fabrikam:
        emulators = {"contoso": contoso, "fabrikam": fabrikam}
        clients = {}
        for name, emulator in emulators.items():
            clients[name] = str(uuid.uuid4())
            emulator.tenant.register_client(
                clients[name], [secrets[name]], roles=["Synchronization.ReadWrite.All"]
            )
            given = emulator.environment
            settings = {
                f"entra-provisioning:{setting}": given[f"ENTRA_PROVISIONING_{variable}"]
                for setting, variable in (
                    ("graphEndpoint", "GRAPH_ENDPOINT"),
                    ("authorityHost", "AUTHORITY_HOST"),
                    ("caFile", "CA_FILE"),
                )
            }
            stack.configure(
                **{
                    f"{name}Endpoints": json.dumps(settings),
                    f"{name}TenantId": given["AZURE_TENANT_ID"],
                    f"{name}ClientId": clients[name],
                    f"{name}ServicePrincipalId": DEFAULT_SERVICE_PRINCIPAL_ID,
                }
            )
            stack.configure_secret(
                **{f"{name}ClientSecret": secrets[name], f"{name}ScimToken": f"first-{name}"}
            )

        def check(first: str) -> None:
            """Each tenant got one call of its own client and holds its own token."""
            for name, emulator in emulators.items():
                (call,) = emulator.journal.select("POST", "*/acquireAccessToken")
                assert (call.status, call.client_id) == (204, clients[name])
                assert token(emulator) == f"{first}-{name}"
                emulator.journal.clear()

        stack.up()
        check("first")
        stack.configure_secret(**{f"{name}ScimToken": f"second-{name}" for name in emulators})
        assert "2 updated" in stack.up()
        check("second")

        stack.configure_secret(contosoClientSecret="rotated")
        contoso.tenant.register_client(
            clients["contoso"], ["rotated"], roles=["Synchronization.ReadWrite.All"]
        )
        assert "1 updated" in stack.up()
        assert [sent(emulator) for emulator in emulators.values()] == [[], []]
        assert "5 unchanged" in stack.refresh()
        for state in stack.authorizations().values():
            assert state["outputs"]["status"] == "Authorized"
        shown = "\n".join([*stack.printed, stack.written()])
        planted = [*secrets.values(), "rotated", "second-contoso", "second-fabrikam"]
        assert not [secret for secret in planted if secret in shown]

        stack.destroy()
        assert [token(emulator) for emulator in emulators.values()] == [None, None]


def test_every_option_of_the_page_has_a_test() -> None:
    works = table("Options that work", PAGE)
    does_not = table("Options that do not reach a dynamic provider", PAGE)
    source = Path(__file__).read_text()
    options = [row[0].strip("`") for row in (*works, *does_not)]
    assert len(options) == 15
    assert [option for option in options if not re.search(rf"[\"'(, ]{option}=", source)] == []
