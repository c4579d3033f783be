"""The README's commands run, its programs authorize, and its tables match the resource."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_APPLICATION_ID, DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from pulumi_entra_provisioning import ProvisioningAuthorization
from support.readme import anchor, block, code, headings, page, readme, table
from support.stack import REPOSITORY, Stack, cli_environment

README = readme()


def test_the_program_authorizes(emulator: Emulator, stack: Stack) -> None:
    stack.program(block("python", "pulumi.export(", README))
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

    (shown,) = declared(block("python", "pulumi.export(", README))
    quickstart = (REPOSITORY / "examples/quickstart/__main__.py").read_text()
    assert shown == declared(quickstart)[0]


def test_the_output_is_within_the_first_thirty_lines_and_the_page_within_150() -> None:
    lines = README.splitlines()
    assert "Outputs:" in lines[:30]
    assert "pip install" in "\n".join(lines[:50])
    assert len(lines) <= 150


def test_the_package_installs_from_a_clone(tmp_path: Path) -> None:
    # What pip would do, without its index: the requirements and the build backend are here.
    dry = {"PIP_DRY_RUN": "1", "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_FORCE_REINSTALL": "1"}
    shown = subprocess.run(
        ["sh", "-eu", "-c", block("sh", "pip install", README)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={
            **cli_environment(tmp_path),
            **dry,
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the option's opposite
            "URL_OF_THIS_REPOSITORY": str(REPOSITORY),
        },
    ).stdout
    assert (
        f"Would install pulumi-entra-provisioning-{version('pulumi-entra-provisioning')}" in shown
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that the README's commands need."""
    for name in ("Pulumi.yaml", "examples"):
        source = REPOSITORY / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, tmp_path / name)
    return tmp_path


def test_the_commands_for_a_tenant_authorize(emulator: Emulator, checkout: Path) -> None:
    endpoints = {
        name: value for name, value in emulator.environment.items() if not name.startswith("AZURE_")
    }
    commands = block("sh", "pulumi stack init tenant", page("configuration"))
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
        next_steps = holds.split("What to do next:\n")[1]
        for file, heading in re.findall(r"([\w/]+\.md)#([\w-]+)$", next_steps, re.MULTILINE):
            text = (REPOSITORY / file).read_text()
            assert heading in map(anchor, headings(text))
        assert next_steps.count(".md#") == 2


def documented_inputs() -> dict[str, str]:
    """What the docstring of the constructor says of each input."""
    docstring = inspect.getdoc(ProvisioningAuthorization.__init__)
    assert docstring
    fields, _ = docstring.split("\n\n", 1)[1].rsplit("\n\n", 1)
    found = {
        name: " ".join(text.split())
        for name, text in re.findall(r"^:param (\w+): (.*?)(?=^:|\Z)", fields, re.M | re.S)
    }
    return {name: text for name, text in found.items() if name not in ("resource_name", "opts")}


def documented_attributes() -> dict[str, str]:
    """What the docstring of each attribute of the resource says."""
    source = (REPOSITORY / "provider/pulumi_entra_provisioning/resource.py").read_text()
    (declared,) = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    return {
        ast.unparse(attribute.target): " ".join(ast.literal_eval(described.value).split())
        for attribute, described in zip(declared.body, declared.body[1:], strict=False)
        if isinstance(attribute, ast.AnnAssign) and isinstance(described, ast.Expr)
    }


def first_sentence(text: str) -> str:
    """The first sentence without its Markdown."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "")
    return re.split(r"(?<=\.)\s", plain)[0]


def test_the_inputs_are_those_of_the_resource_in_its_words() -> None:
    parameters = set(inspect.signature(ProvisioningAuthorization).parameters)
    documented = documented_inputs()
    assert documented.keys() == parameters - {"resource_name", "opts"}
    shown = {code(row[0])[0]: first_sentence(row[1]) for row in table("Inputs", README)}
    assert shown == {name: first_sentence(text) for name, text in documented.items()}


def test_the_outputs_are_those_of_the_resource_in_its_words() -> None:
    inputs = documented_inputs()
    documented = {
        name: first_sentence(text)
        for name, text in documented_attributes().items()
        if name not in inputs
    }
    shown = [(code(row[0])[0], first_sentence(row[1])) for row in table("Outputs", README)]
    assert shown == list(documented.items())
    declared = inspect.get_annotations(ProvisioningAuthorization)
    assert documented.keys() == declared.keys() - inputs.keys()


def test_an_input_that_is_also_an_attribute_has_the_same_words_in_both() -> None:
    attributes, inputs = documented_attributes(), documented_inputs()
    both = attributes.keys() & inputs.keys()
    assert len(both) >= 6
    for name in both:
        assert first_sentence(attributes[name]) == first_sentence(inputs[name])
