"""The README's commands run, its program authorizes, and its tables say what the code does."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Assumptions,
    Emulator,
)
from pulumi_entra_provisioning import ProvisioningAuthorization
from pulumi_entra_provisioning.identity.lookup import SETTINGS, stack_keys, variables
from pulumi_entra_provisioning.identity.settings import settings
from pulumi_entra_provisioning.remedies import REMEDIES, SIGN_IN_REMEDIES
from support.readme import TEXT, block, table, tables
from support.stack import REPOSITORY, Stack, cli_environment


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_program_authorizes(emulator: Emulator, stack: Stack) -> None:
    stack.program(block("python", "pulumi.export("))
    stack.configure(
        servicePrincipalId=DEFAULT_SERVICE_PRINCIPAL_ID,
        oauthBaseAddress="https://m-files.example/scim",
        oauthExchangeUri="https://m-files.example/token",
        oauthClientId="contoso",
    )
    stack.configure_secret(oauthClientSecret="a-secret")
    assert 'authorizedAt: "20' in stack.up()
    assert stack.authorizations()["m-files"]["outputs"]["status"] == "Authorized"


def test_the_program_is_the_first_of_the_quickstart() -> None:
    def declared(program: str) -> list[str]:
        return [
            ast.unparse(call)
            for call in ast.walk(ast.parse(program))
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "ProvisioningAuthorization"
        ]

    (shown,) = declared(block("python", "pulumi.export("))
    quickstart = (REPOSITORY / "examples/quickstart/__main__.py").read_text()
    assert shown == declared(quickstart)[0]


def test_the_program_beside_pulumi_azuread_authorizes(
    emulator: Emulator, program_for: Callable[[str], Stack]
) -> None:
    principal = f"SimpleNamespace(object_id={DEFAULT_SERVICE_PRINCIPAL_ID!r})"
    stack = program_for(
        f"from types import SimpleNamespace\nprincipal = {principal}\n"
        + block("python", "principal.object_id")
    )
    stack.configure_secret(scimToken="a-token")
    stack.up()
    assert stack.authorizations()["directory"]["outputs"]["status"] == "Authorized"


def test_the_wheel_is_where_the_installation_looks_for_it() -> None:
    # What pip would do, without its index: the requirements are here.
    dry = {"PIP_DRY_RUN": "1", "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_FORCE_REINSTALL": "1"}
    shown = subprocess.run(
        ["sh", "-eu", "-c", block("sh", "pip install")],
        capture_output=True,
        text=True,
        check=True,
        env={**cli_environment(REPOSITORY), **dry, "CLONE": str(REPOSITORY)},
    ).stdout
    assert (
        f"Would install pulumi-entra-provisioning-{version('pulumi-entra-provisioning')}" in shown
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the README's commands need of the repository, where they may write."""
    for name in ("Pulumi.yaml", "examples"):
        source = REPOSITORY / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, tmp_path / name)
    return tmp_path


def test_the_commands_for_a_tenant_authorize(emulator: Emulator, checkout: Path) -> None:
    endpoints = {
        name: value for name, value in emulator.environment.items() if not name.startswith("AZURE_")
    }
    commands = block("sh", "pulumi stack init tenant")
    # No test has an account, and --local is a folder of the one who runs it: this is another.
    assert "`pulumi login --local`" in commands
    without_account = re.sub(
        "^pulumi login ", f"pulumi login file://{checkout} ", commands, flags=re.MULTILINE
    )
    finished = subprocess.run(
        ["sh", "-eu", "-c", without_account],
        cwd=checkout,
        env={
            **cli_environment(checkout / "home"),
            **endpoints,
            "PULUMI_SKIP_CONFIRMATIONS": "true",
            "TENANT_ID": emulator.environment["AZURE_TENANT_ID"],
            "CLIENT_ID": emulator.environment["AZURE_CLIENT_ID"],
            "CLIENT_SECRET": emulator.environment["AZURE_CLIENT_SECRET"],
            "SERVICE_PRINCIPAL_ID": DEFAULT_SERVICE_PRINCIPAL_ID,
            "APPLICATION_ID": DEFAULT_APPLICATION_ID,
            "OAUTH_BASE_ADDRESS": "https://m-files.example/scim",
            "OAUTH_EXCHANGE_URI": "https://m-files.example/token",
            "OAUTH_CLIENT_ID": "contoso",
            "OAUTH_CLIENT_SECRET": "a-secret",
            "SCIM_BASE_ADDRESS": "https://scim.example/v2",
            "SCIM_TOKEN": "a-token",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert len(emulator.journal.select("POST", "*/acquireAccessToken")) == 2


def test_the_quickstart_authorizes_two_targets_and_then_changes_nothing(checkout: Path) -> None:
    recipe = re.search(r"^quickstart:.*\n\t@(.*)$", (REPOSITORY / "Makefile").read_text(), re.M)
    assert recipe
    shown = []
    for _ in range(2):
        finished = subprocess.run(
            ["sh", "-c", recipe[1]],
            cwd=checkout,
            env=cli_environment(checkout / "home"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout
        shown.append(finished.stdout)
    first, second = shown
    assert "+ 3 created" in first
    assert len(re.findall(r"^  POST /v1.0/.*/acquireAccessToken: 204$", first, re.M)) == 2
    assert "3 unchanged" in second
    assert "Microsoft Graph received nothing" in second
    for output in shown:
        holds = output.split("The tenant now holds:")[1]
        assert holds.count("authorized 20") == 2
        assert not re.search(r"quickstart-(client-secret|bearer)", output)


def test_every_file_and_heading_that_is_linked_is_there() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXT, flags=re.MULTILINE)
    }
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        file, _, heading = link.partition("#")
        if ":" not in link:
            assert (REPOSITORY / file).exists(), link
            assert file or heading in headings, link


def test_every_make_target_that_is_named_is_there() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)$|`make ([a-z]+)`", TEXT, flags=re.MULTILINE))
    targets = {first or second for first, second in named}
    assert {"quickstart", "check", "clean"} <= targets
    listed = subprocess.run(
        ["make", "--no-print-directory"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    ).stdout
    assert targets <= set(re.findall(r"make (\w+)", listed))


def test_the_inputs_are_those_of_the_resource() -> None:
    parameters = inspect.signature(ProvisioningAuthorization).parameters
    declared = [code(row[0])[0] for row in table("Inputs")]
    assert sorted(declared) == sorted(set(parameters) - {"resource_name", "opts"})


def test_the_outputs_are_those_of_the_resource() -> None:
    inputs = set(inspect.signature(ProvisioningAuthorization).parameters)
    declared = inspect.get_annotations(ProvisioningAuthorization)
    assert [code(row[0])[0] for row in table("Outputs")] == [
        name for name in declared if name not in inputs
    ]


def test_every_setting_is_read_from_each_of_its_places_in_order() -> None:
    rows = table("Configuration")
    assert [row[0].strip("`") for row in rows] == list(SETTINGS)
    for setting, twin, others, *_ in rows:
        name = setting.strip("`")
        assert stack_keys(name) == [f"entra-provisioning:{name}", *code(twin)]
        assert variables(name) == code(others)


def test_the_identities_are_told_in_the_order_in_which_they_are_looked_for() -> None:
    told = [row[0] for row in tables("Configuration")[1]]
    looked_for = [line.partition(":")[0] for line in settings(lambda _: None, {}).passed_over]
    assert told == [*looked_for, "Azure CLI, then Azure Developer CLI", "DefaultAzureCredential"]


def test_the_remedies_are_those_of_the_errors() -> None:
    of_graph, of_entra = tables("Errors")
    assert {row[0].strip("`"): row[1] for row in of_graph} == REMEDIES
    assert {row[0].strip("`"): row[1] for row in of_entra} == SIGN_IN_REMEDIES


def documented_assumptions() -> dict[str, str]:
    """The settings of the emulator's assumptions with the first paragraph of their docstrings."""
    source = REPOSITORY / "provider/pulumi_entra_provisioning/emulator/assumptions.py"
    classes = [
        node for node in ast.parse(source.read_text()).body if isinstance(node, ast.ClassDef)
    ]
    (assumptions,) = (node for node in classes if node.name == Assumptions.__name__)
    documented = {}
    for setting, described in zip(assumptions.body, assumptions.body[1:], strict=False):
        if isinstance(setting, ast.AnnAssign) and isinstance(setting.target, ast.Name):
            assert isinstance(described, ast.Expr)
            text = ast.literal_eval(described.value)
            documented[setting.target.id] = " ".join(text.split("\n\n")[0].split())
    return documented


def test_every_assumption_of_the_emulator_is_told() -> None:
    options, assumptions = tables("The emulator")
    assert {row[0].strip("`"): row[1] for row in assumptions} == documented_assumptions()
    shown = subprocess.run(
        ["entra-emulator", "run", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=cli_environment(REPOSITORY),
    ).stdout
    for option in code(" ".join(row[0] for row in options)):
        assert option.split()[0] in shown
