"""Every example runs with the real CLI, against the emulator."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import runpy
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Emulator,
)
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.rpc import is_rpc_secret, unwrap_rpc_secret
from pulumi_entra_provisioning import ProvisioningAuthorizationProvider
from pulumi_entra_provisioning.identity.identities import OidcToken
from pulumi_entra_provisioning.identity.settings import settings
from support.readme import table
from support.stack import REPOSITORY, Stack, cli_environment

EXAMPLES = REPOSITORY / "examples"

ExampleStack = Callable[[Path], Stack]


@pytest.fixture
def example_stack(emulator: Emulator, tmp_path: Path) -> ExampleStack:
    """A stack with a copy of an example."""

    def copied(example: Path) -> Stack:
        folder = tmp_path / "project"
        shutil.copytree(example, folder, ignore=shutil.ignore_patterns("__pycache__"))
        return Stack(folder, emulator.environment)

    return copied


def authorized(emulator: Emulator) -> list[str]:
    """The targets of acquireAccessToken in the journal, sorted. Clears the journal."""
    calls = emulator.journal.select("POST", "*/acquireAccessToken")
    emulator.journal.clear()
    assert {call.status for call in calls} <= {204}
    return sorted(call.path.split("/")[3] for call in calls)


def outputs(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.pulumi("stack", "output", "--json"))
    return found


def assert_nowhere(secrets: Iterable[str], stack: Stack) -> None:
    shown = "\n".join([*stack.printed, stack.written()])
    assert not [secret for secret in secrets if secret in shown]


def test_the_bearer_token_is_saved_and_verified(
    emulator: Emulator, example_stack: ExampleStack
) -> None:
    stack = example_stack(EXAMPLES / "scim-bearer-token")
    (job,) = emulator.tenant.jobs("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    stack.configure(
        servicePrincipalId=DEFAULT_SERVICE_PRINCIPAL_ID,
        baseAddress="https://scim.contoso.example/v2",
        jobId=job["id"],
    )
    stack.configure_secret(secretToken="pl4nted-token")
    stack.up()

    assert authorized(emulator) == [DEFAULT_SERVICE_PRINCIPAL_ID]
    assert emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID) == {
        "BaseAddress": "https://scim.contoso.example/v2",
        "SecretToken": "pl4nted-token",
    }
    found = outputs(stack)
    assert (found["status"], found["verification"]) == ("Authorized", "Valid")
    assert_nowhere(["pl4nted-token"], stack)


def test_a_client_id_and_a_secret_obtain_a_token_without_a_code(
    emulator: Emulator, example_stack: ExampleStack
) -> None:
    party = emulator.tenant.third_party
    party.register_client("contoso", "pl4nted-secret")
    stack = example_stack(EXAMPLES / "oauth-client-credentials")
    (job,) = emulator.tenant.jobs("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    stack.configure(
        servicePrincipalId=DEFAULT_SERVICE_PRINCIPAL_ID,
        baseAddress=party.scim_url,
        exchangeUri=party.token_url,
        clientId="contoso",
        jobId=job["id"],
    )
    stack.configure_secret(clientSecret="pl4nted-wrong")
    assert "Oauth2ClientCredentialsInvalid" in stack.up(succeeds=False)
    emulator.journal.clear()

    stack.configure_secret(clientSecret="pl4nted-secret")
    stack.up()
    assert authorized(emulator) == [DEFAULT_SERVICE_PRINCIPAL_ID]
    held = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert party.accepts(held["Oauth2AccessToken"])
    found = outputs(stack)
    assert (found["status"], found["verification"]) == ("Authorized", "Valid")
    assert_nowhere(["pl4nted-wrong", "pl4nted-secret", held["Oauth2AccessToken"]], stack)

    party.register_client("contoso", "pl4nted-second")
    stack.configure_secret(clientSecret="pl4nted-second")
    assert "1 updated" in stack.up()
    assert authorized(emulator) == [DEFAULT_SERVICE_PRINCIPAL_ID]
    renewed = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert party.accepts(renewed["Oauth2AccessToken"])
    assert renewed["Oauth2AccessToken"] != held["Oauth2AccessToken"]


def test_a_nightly_run_authorizes_once_a_quarter_and_once_for_another_token(
    emulator: Emulator, example_stack: ExampleStack
) -> None:
    stack = example_stack(EXAMPLES / "rotation")
    stack.environment = {**stack.environment, "PULUMI_STACK": "prod"}
    stack.pulumi("stack", "init", "prod")
    assert "does not support environments" in stack.preview(succeeds=False)
    file = stack.folder / "Pulumi.prod.yaml"
    file.write_text(re.sub(r"^environment:\n.*\n", "", file.read_text(), flags=re.MULTILINE))
    given = yaml.safe_load(file.read_text())["config"]
    stack.configure(servicePrincipalId=DEFAULT_SERVICE_PRINCIPAL_ID, today="2026-10-01")
    stack.configure_secret(secretToken="pl4nted-first")
    stack.up()
    assert len(authorized(emulator)) == 1

    assert "2 unchanged" in stack.up("--config=today=2026-12-31")
    assert emulator.journal.calls == []

    assert "1 updated" in stack.up("--config=today=2027-01-01")
    assert len(authorized(emulator)) == 1

    stack.configure_secret(secretToken="pl4nted-second")
    assert "1 updated" in stack.up()
    assert len(authorized(emulator)) == 1
    held = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert held == {"BaseAddress": given["rotation:baseAddress"], "SecretToken": "pl4nted-second"}
    found = outputs(stack)
    assert (found["quarter"], found["revision"]) == ("2027-Q1", 3)
    assert_nowhere(["pl4nted-first", "pl4nted-second"], stack)


def test_the_esc_environment_and_the_stack_file_configure_the_rotation() -> None:
    example = EXAMPLES / "rotation"
    environment = yaml.safe_load((example / "environment.yaml").read_text())["values"]
    production = yaml.safe_load((example / "Pulumi.prod.yaml").read_text())
    project = yaml.safe_load((example / "Pulumi.yaml").read_text())["name"]
    required = re.findall(
        r"require(?:_secret)?\(\"(\w+)\"\)", (example / "__main__.py").read_text()
    )
    given = {**environment["pulumiConfig"], **production["config"]}
    assert {name for name in given if name.startswith(f"{project}:")} == {
        f"{project}:{name}" for name in required
    }

    # A secret is only ever a reference: to the key vault, and to the token that opened it.
    opened = environment["azure"]["secrets"]["fn::open::azure-secrets"]["get"]
    assert {name: value for name, value in given.items() if name.endswith("Token")} == {
        **{f"{project}:{name}": f"${{azure.secrets.{name}}}" for name in opened},
        "azuread:oidcToken": "${azure.login.oidc.token}",
    }
    opened_login = {"tenantId": "contoso.example", "clientId": DEFAULT_CLIENT_ID}
    caller = {**given, **{f"azuread:{name}": value for name, value in opened_login.items()}}
    assert settings(caller.get, {}).identity == OidcToken("${azure.login.oidc.token}")


def test_adding_or_removing_an_entry_changes_no_other_application(
    tmp_path: Path,
) -> None:
    example = EXAMPLES / "many-applications"
    declared = yaml.safe_load((example / "applications.yaml").read_text())
    ids = {name: entry["service_principal_id"] for name, entry in declared.items()}
    tokens = {entry["secret_token"]: f"pl4nted-{name}" for name, entry in declared.items()}
    with Emulator(seed=example / "seed.yaml") as emulator:
        by_name = ("displayName", "Woodgrove")
        (woodgrove,) = emulator.tenant.objects("servicePrincipals", by_name)
        ids["woodgrove"] = woodgrove["id"]
        shutil.copytree(example, tmp_path / "project")
        stack = Stack(tmp_path / "project", emulator.environment)
        stack.configure_secret(**tokens, woodgroveToken="pl4nted-woodgrove")
        stack.up()
        assert authorized(emulator) == sorted(ids[name] for name in declared)
        assert set(outputs(stack)["authorizedAt"]) == set(declared)

        declared["woodgrove"] = {
            "service_principal_id": ids["woodgrove"],
            "base_address": "https://woodgrove.example/scim",
            "secret_token": "woodgroveToken",
        }
        (stack.folder / "applications.yaml").write_text(yaml.safe_dump(declared))
        stack.up()
        assert authorized(emulator) == [ids["woodgrove"]]

        del declared["northwind"]
        (stack.folder / "applications.yaml").write_text(yaml.safe_dump(declared))
        stack.up()
        changed = [call for call in emulator.journal.calls if call.method in ("POST", "PUT")]
        assert authorized(emulator) == []
        assert {call.path.split("/")[3] for call in changed if "/v1.0/" in call.path} == {
            ids["northwind"]
        }
        held = {
            name: emulator.tenant.secrets("servicePrincipals", id).get("SecretToken")
            for name, id in ids.items()
        }
        assert held == {**{name: f"pl4nted-{name}" for name in declared}, "northwind": None}
    assert_nowhere([*tokens.values(), "pl4nted-woodgrove"], stack)


def test_a_service_authorizes_without_a_project_and_prints_no_credential(
    emulator: Emulator, tmp_path: Path
) -> None:
    backend = tmp_path / "state"
    backend.mkdir()

    def run(credentials: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(EXAMPLES / "automation-api"), DEFAULT_SERVICE_PRINCIPAL_ID],
            input=json.dumps(credentials),
            cwd=tmp_path,
            env={
                **cli_environment(tmp_path / "home"),
                **emulator.environment,
                "PULUMI_BACKEND_URL": f"file://{backend}",
                "TMPDIR": str(tmp_path),
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    refused = run({"secretToken": "pl4nted-token"})
    assert refused.returncode != 0
    assert 'Use "SecretToken": keys are case-sensitive.' in refused.stderr

    credentials = {"BaseAddress": "https://scim.contoso.example/v2", "SecretToken": "pl4nted-token"}
    first, again = run(credentials), run(credentials)
    found = json.loads(first.stdout)
    assert (found["status"], found["revision"]) == ("Authorized", 1)
    assert found["target"] == f"servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}"
    assert json.loads(again.stdout) == found
    assert authorized(emulator) == [DEFAULT_SERVICE_PRINCIPAL_ID]
    held = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert held == credentials

    for finished in (refused, first, again):
        assert "pl4nted-token" not in finished.stdout + finished.stderr
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"ProvisioningAuthorization" in content for content in written)
    assert not [content for content in written if b"pl4nted-token" in content]


class AzureAD(Mocks):
    """Do in the emulator's tenant what pulumi-azuread would do, without its plugin.

    The authorization is the real provider's, and so are its calls.
    """

    def __init__(self, emulator: Emulator, caller: str, settings: dict[str, str]) -> None:
        client = emulator.tenant.client(caller)
        assert client
        self._tenant = emulator.tenant
        self._caller = client.object_id
        self._provider = ProvisioningAuthorizationProvider()
        self._provider.configure(ConfigureRequest(Config(settings, "gallery-application")))

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        assert args.token.endswith(":getApplicationTemplate")
        (id,) = (
            template["id"]
            for template in self._tenant.application_templates()
            if template["displayName"] == args.args["displayName"]
        )
        return {"templateId": id}, []

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        given = {name: unwrap_rpc_secret(value) for name, value in args.inputs.items()}
        match args.typ.rpartition(":")[2]:
            case "ApplicationFromTemplate":
                # Nothing else is changed, so what the template made stays as it is.
                template, name = given["templateId"], given["displayName"]
                made = self._tenant.instantiate(template, name, owner=self._caller)
                application, principal = (
                    made[kind]["id"] for kind in ("application", "servicePrincipal")
                )
                id = f"/applicationTemplates/{template}/instantiate/{application}/{principal}"
                return id, {
                    **given,
                    "applicationId": f"/applications/{application}",
                    "applicationObjectId": application,
                    "servicePrincipalId": f"/servicePrincipals/{principal}",
                    "servicePrincipalObjectId": principal,
                }
            case "ProvisioningAuthorization":
                assert is_rpc_secret(args.inputs["credentials"])
                checked = self._provider.check({}, given)
                assert not checked.failures
                created = self._provider.create(checked.inputs)
                return created.id, created.outs or {}
            case "SynchronizationJob":
                principal = given["servicePrincipalId"].rpartition("/")[2]
                job = self._tenant.create_job(principal, given["templateId"])
                assert job["status"]["code"] != "NotConfigured"
                if given["enabled"]:
                    self._tenant.start_job("servicePrincipals", principal, job["id"])
                return f"/servicePrincipals/{principal}/synchronization/jobs/{job['id']}", given
        raise AssertionError(args.typ)


class RecordingMonitor(MockMonitor):
    """Pulumi's mock monitor, which also records the types that each type depends on."""

    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.dependencies: dict[str, set[str]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the method's name in Pulumi)
        self.dependencies[request.type.rpartition(":")[2]] = {
            urn.split("::")[2].rpartition(":")[2] for urn in request.dependencies
        }
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


@pytest.fixture
def pulumi_runtime() -> Iterator[None]:
    """An event loop for Pulumi's mocks, which are reset after the test."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()
    pulumi.runtime.reset_options(project="project", stack="stack")
    pulumi.runtime.set_all_config({}, [])


@pytest.mark.usefixtures("pulumi_runtime")
def test_a_gallery_application_is_authorized_before_its_job_starts(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    azuread = REPOSITORY / ".venv/azuread"
    assert azuread.is_dir(), "make .venv/azuread"
    monkeypatch.syspath_prepend(str(azuread))
    for name, value in emulator.environment.items():
        if not name.startswith("AZURE_"):
            monkeypatch.setenv(name, value)
    caller = str(uuid.uuid4())
    emulator.tenant.register_client(
        caller, ["of-the-caller"], roles=["Application.ReadWrite.OwnedBy"]
    )
    redirect = "https://portal.azure.com/tokenauthorize"
    third_party = emulator.tenant.third_party
    third_party.register_client("contoso", "pl4nted-secret", [redirect])
    secrets = {
        "oauthClientSecret": "pl4nted-secret",
        "oauthCode": third_party.issue_code("contoso", redirect),
    }
    configuration = {
        "galleryName": "Fabrikam Directory",
        "synchronizationTemplate": "fabrikam",
        "oauthClientId": "contoso",
        "oauthRedirectUri": redirect,
        **secrets,
    }
    pulumi.runtime.set_all_config(
        {f"gallery-application:{name}": value for name, value in configuration.items()},
        [f"gallery-application:{name}" for name in secrets],
    )
    settings = {
        "azuread:tenantId": emulator.tenant.tenant_id,
        "azuread:clientId": caller,
        "azuread:clientSecret": "of-the-caller",
    }
    monitor = RecordingMonitor(AzureAD(emulator, caller, settings))
    pulumi.runtime.set_mocks(monitor.mocks, "gallery-application", monitor=monitor)

    def declare() -> None:
        runpy.run_path(str(EXAMPLES / "gallery-application"), run_name="__main__")

    pulumi.runtime.test(declare)()  # type: ignore[no-untyped-call]
    assert {type: names for type, names in monitor.dependencies.items() if type != "Stack"} == {
        "ApplicationFromTemplate": set(),
        "ProvisioningAuthorization": {"ApplicationFromTemplate"},
        "SynchronizationJob": {"ApplicationFromTemplate", "ProvisioningAuthorization"},
    }
    (principal,) = authorized(emulator)
    (job,) = emulator.tenant.jobs("servicePrincipals", principal)
    assert job["schedule"]["state"] == "Active"
    assert "Oauth2RefreshToken" in emulator.tenant.secrets("servicePrincipals", principal)
    assert not [secret for secret in secrets.values() if secret in str(monitor.resources)]


def settings_at_the_top(example: Path) -> list[str]:
    head = ast.get_docstring(ast.parse((example / "__main__.py").read_text())) or ""
    return re.findall(r"^    (pulumi config set .*)$", head, flags=re.MULTILINE)


CONFIGURED = [
    program.parent
    for program in sorted(EXAMPLES.glob("*/__main__.py"))
    if settings_at_the_top(program.parent)
]


@pytest.mark.parametrize("example", CONFIGURED, ids=[example.name for example in CONFIGURED])
def test_the_settings_at_the_top_of_an_example_can_be_set(
    example_stack: ExampleStack, example: Path
) -> None:
    stack = example_stack(example)
    commands = settings_at_the_top(example)
    given = dict.fromkeys(re.findall(r'"\$(\w+)"', str(commands)), str(uuid.uuid4()))
    for command in commands:
        # The CLI refuses in clear what it takes for a secret, and reads a secret from its input.
        finished = subprocess.run(
            ["sh", "-c", command],
            cwd=stack.folder,
            env={**stack.whole_environment(), **given},
            input="a-secret",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert finished.returncode == 0, f"{command}: {finished.stdout}"


def test_every_example_is_listed_and_run_by_a_test() -> None:
    folders = {program.parent.name for program in EXAMPLES.glob("*/__main__.py")}
    run_here = set(re.findall(r'EXAMPLES / "([\w-]+)"', Path(__file__).read_text()))
    # `make quickstart` and the README's commands for a tenant run that one.
    assert run_here | {"quickstart"} == folders
    rows = table("Examples", (EXAMPLES / "README.md").read_text())
    listed = [re.findall(r"\(([\w-]+)/(?:__main__\.py|README\.md)\)", row[0]) for row in rows]
    # tests/languages runs the last.
    assert sorted(name for (name,) in listed) == sorted(folders | {"languages"})
