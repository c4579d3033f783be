"""The pipelines of examples/pipelines: linted by each ecosystem's own checker, their tests run."""

from __future__ import annotations

import functools
import hashlib
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_SERVICE_CONNECTION_ID,
    DEFAULT_TENANT_ID,
    Emulator,
)
from entra_emulator.workloads import Workload
from support.readme import page, table
from support.stack import REPOSITORY, cli_environment

FOLDER = REPOSITORY / "examples/pipelines"
GITHUB = ("github-actions.yml", "github-actions-test.yml")
AZURE, GITLAB = "azure-pipelines.yml", "gitlab-ci.yml"
FILES = (*GITHUB, AZURE, GITLAB)

ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"


def schema_check(file: Path) -> list[str]:
    if file.name in GITHUB:
        options = ["--builtin-schema", "vendor.github-workflows"]
    elif file.name == AZURE:
        # Its schema has a pattern that is none in Unicode mode.
        options = ["--builtin-schema", "vendor.azure-pipelines", "--regex-variant", "nonunicode"]
        options += ["--data-transform", "azure-pipelines"]
    else:
        options = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    return ["check-jsonschema", *options, str(file)]


def actionlint(file: Path) -> list[str]:
    if shutil.which("actionlint"):
        return ["actionlint", str(file)]
    reason = why_go_does_not_run_actionlint()
    if reason:
        pytest.skip(reason)
    return ["go", "run", ACTIONLINT, str(file)]


@functools.cache
def why_go_does_not_run_actionlint() -> str:
    """Empty if it works: a machine can have Go and no access to modules."""
    if not shutil.which("go"):
        return "neither actionlint nor Go, which would build it, is here"
    status, printed = run(["go", "run", ACTIONLINT, "-version"])
    return f"Go does not get actionlint: {printed.strip()}" if status else ""


def zizmor(file: Path) -> list[str]:
    return ["zizmor", "--offline", "--no-config", "--no-progress", "--color=never", str(file)]


def run(command: list[str], folder: Path = REPOSITORY, **variables: str) -> tuple[int, str]:
    """The exit status and the output of a command."""
    finished = subprocess.run(
        command,
        cwd=folder,
        env={**cli_environment(folder / "home"), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return finished.returncode, finished.stdout


def content(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return loaded


def mappings(part: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a part of a YAML document."""
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part:
        if isinstance(inner, (dict, list)):
            yield from mappings(inner)


def scripts(name: str) -> list[str]:
    """The shell scripts of a pipeline, by job or step."""
    found = []
    for mapping in mappings(content(name)):
        lines = [
            *([mapping["before_script"]] if "before_script" in mapping else []),
            *(mapping[key] for key in ("run", "bash", "inlineScript", "script") if key in mapping),
        ]
        parts = ["\n".join(part) if isinstance(part, list) else part for part in lines]
        found += ["\n".join(parts)] if parts else []
    return found


def variables(name: str) -> list[tuple[str, str]]:
    """The environment variables that a pipeline sets, with their values."""
    found = []
    for mapping in mappings(content(name)):
        for key in ("env", "variables"):
            if isinstance(mapping.get(key), dict):
                found += [(name, str(value)) for name, value in mapping[key].items()]
        found += [(name, str(token["aud"])) for name, token in mapping.get("id_tokens", {}).items()]
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_pipeline_matches_the_published_schema(name: str) -> None:
    status, printed = run(schema_check(FOLDER / name))
    assert status == 0, printed


@pytest.mark.parametrize("name", GITHUB)
def test_actionlint_finds_nothing_in_a_workflow(name: str) -> None:
    status, printed = run(actionlint(FOLDER / name))
    assert status == 0, printed


@pytest.mark.parametrize("name", GITHUB)
def test_zizmor_finds_nothing_in_a_workflow(name: str) -> None:
    status, printed = run(zizmor(FOLDER / name))
    assert status == 0, printed


@pytest.mark.parametrize(
    ("check", "name", "good", "bad", "finding"),
    [
        (
            *(schema_check, GITHUB[0], "runs-on:", "run-on:"),
            "$.jobs.preview: 'runs-on' is a required property",
        ),
        (
            *(schema_check, AZURE, "lockBehavior: sequential", "lockBehavior: always"),
            "$.stages[2].lockBehavior: 'always' does not match",
        ),
        (
            *(schema_check, GITLAB, "resource_group: production", "resource_group: [production]"),
            "$.up.resource_group: ['production'] is not of type 'string'",
        ),
        (
            *(actionlint, GITHUB[0], "vars.TENANT_ID", "var.TENANT_ID"),
            'undefined variable "var"',
        ),
        (
            *(zizmor, GITHUB[0], "@f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca", "@v3"),
            "azure/login@v3 # v3.0.1\n   |               ^^^^^^^^^^^^^^ action is not pinned",
        ),
    ],
    ids=["github schema", "azure schema", "gitlab schema", "actionlint", "zizmor"],
)
def test_the_checks_find_a_broken_pipeline(
    tmp_path: Path, check: Any, name: str, good: str, bad: str, finding: str
) -> None:
    text = (FOLDER / name).read_text()
    assert good in text
    (tmp_path / name).write_text(text.replace(good, bad))
    status, printed = run(check(tmp_path / name))
    assert status != 0, printed
    assert finding in printed


def commands_of_the_head(name: str) -> str:
    """The shell commands in the comment at the top of a pipeline, to run once."""
    head = re.match(r"(#.*\n)*", (FOLDER / name).read_text())
    assert head
    lines = re.findall(r"^#(?:   (?!-)(.*))?$", head[0], flags=re.MULTILINE)
    return "\n".join(lines)


@pytest.mark.parametrize("name", FILES)
def test_shellcheck_finds_nothing_in_a_script(tmp_path: Path, name: str) -> None:
    files = []
    for number, script in enumerate([*scripts(name), commands_of_the_head(name)]):
        files.append(tmp_path / f"{number}.sh")
        files[-1].write_text(script)
    # Not there yet: the virtual environment of GitLab's job, and what a reader sets before.
    command = ["shellcheck", "--shell=bash", "--exclude=SC1091,SC2154", *map(str, files)]
    status, printed = run(command)
    assert status == 0, printed


@pytest.mark.parametrize("name", FILES)
def test_no_pipeline_holds_a_secret(name: str) -> None:
    for variable, value in variables(name):
        if re.search("KEY|PASS|SECRET|TOKEN(?!_CREDENTIALS)", variable):
            references = r"|\$\{\{ .* \}\}|\$\(.*\)|api://AzureADTokenExchange|urn:pulumi:org:.*"
            assert re.fullmatch(references, value), variable
    text = (FOLDER / name).read_text().replace(checksum_of_the_release(), "")
    assert "secrets." not in text
    long_words = re.findall(r"(?<!@)\b[A-Za-z0-9+/_~-]{40,}={0,2}", text)
    assert [word for word in long_words if "/" not in word] == []


@pytest.mark.parametrize("name", [GITHUB[0], AZURE, GITLAB])
def test_every_setting_of_a_pipeline_has_a_name_of_pulumi_azuread(name: str) -> None:
    documented = set(re.findall(r"`(ARM_\w+)`", str(table("Settings", page("configuration")))))
    used = {variable for variable, _ in variables(name) if variable.startswith("ARM_")}
    assert "ARM_USE_OIDC" in used
    assert used <= documented


def test_the_commands_that_test_a_program_pass_on_the_emulator(tmp_path: Path) -> None:
    """Runs once, because all three are the same. The installations before them do not run."""
    jobs = {
        name: [script for script in scripts(name) if "entra-emulator" in script] for name in FILES
    }
    (found,) = jobs[GITHUB[1]]
    commands = found.splitlines()
    for name in (AZURE, GITLAB):
        (script,) = jobs[name]
        assert script.splitlines()[-len(commands) :] == commands
        assert set(variables(GITHUB[1])) <= set(variables(name))

    program = tmp_path / "program"
    shutil.copytree(FOLDER / "program", program)
    status, printed = run(["bash", "-e", "-c", found], program, **dict(variables(GITHUB[1])))
    assert status == 0, printed
    assert "1 passed" in printed
    assert re.search(r"acquireAccessToken: 204$", printed, re.MULTILINE)


def checksum_of_the_release() -> str:
    """The checksum of the CLI for Linux that tools/pulumi-cli pins."""
    pinned = (REPOSITORY / "tools/pulumi-cli/checksums.txt").read_text()
    (checksum,) = re.findall(r"^(\w{64})  pulumi-v[\d.]+-linux-x64\.tar\.gz$", pinned, re.MULTILINE)
    return str(checksum)


def test_every_pipeline_installs_the_tested_version_of_the_cli() -> None:
    pin = r"(?:pulumi-version: |CLI_VERSION: |image: pulumi/pulumi-python:)([\d.]+)(?:@.*)?$"
    texts = [(FOLDER / name).read_text() for name in FILES]
    pinned = [version for text in texts for version in re.findall(pin, text, re.MULTILINE)]
    # As many as there are installations; those of Azure DevOps have one variable.
    installed = r"uses: pulumi/actions@|^  CLI_SHA256: |image: pulumi/"
    assert len(pinned) == sum(len(re.findall(installed, text, re.MULTILINE)) for text in texts)
    required = (REPOSITORY / "tools/pulumi-cli/go.mod").read_text()
    assert set(pinned) == set(re.findall(r"pulumi/pkg/v3 v(\S+)", required))
    assert dict(variables(AZURE))["CLI_SHA256"] == checksum_of_the_release()


@pytest.mark.parametrize("name", FILES)
def test_a_pipeline_pins_everything_that_it_runs(name: str) -> None:
    for script in scripts(name):
        assert not re.search(r"(curl|wget)\b.*\|\s*(ba|z)?sh\b", script)
    for mapping in mappings(content(name)):
        if "uses" in mapping:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", mapping["uses"])
        if "image" in mapping:
            assert re.fullmatch(r"[\w/-]+:\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?", mapping["image"])
        for key in ("runs-on", "vmImage"):
            assert not str(mapping.get(key)).endswith("latest")


@pytest.mark.parametrize("right", [True, False])
def test_azure_pipelines_installs_the_cli_only_with_the_right_checksum(
    tmp_path: Path, right: bool
) -> None:
    installations = {script for script in scripts(AZURE) if "curl" in script}
    (installation,) = installations
    version = dict(variables(AZURE))["CLI_VERSION"]
    name = f"pulumi-v{version}-linux-x64.tar.gz"
    release = tmp_path / f"v{version}"
    release.mkdir()
    (tmp_path / "pulumi").mkdir()
    (tmp_path / "pulumi/pulumi").write_text("the CLI")
    with tarfile.open(release / name, "w:gz") as archive:
        archive.add(tmp_path / "pulumi", "pulumi")
    content = (release / name).read_bytes()
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "home").mkdir()
    (tmp_path / "temporary").mkdir()

    address = "https://github.com/pulumi/pulumi/releases/download"
    assert address in installation
    status, printed = run(
        ["bash", "-c", installation.replace(address, tmp_path.as_uri())],
        tmp_path,
        HOME=str(tmp_path / "home"),
        AGENT_TEMPDIRECTORY=str(tmp_path / "temporary"),
        CLI_VERSION=version,
        CLI_SHA256=hashlib.sha256(content if right else content + b"!").hexdigest(),
    )
    assert (status == 0) is right, printed
    assert ("pulumi.tar.gz: OK" if right else "pulumi.tar.gz: FAILED") in printed
    assert (tmp_path / "home/pulumi/pulumi").exists() is right
    assert (f"##vso[task.prependpath]{tmp_path}/home/pulumi\n" in printed) is right


@functools.cache
def help_of(command: str) -> str:
    """The help text of a command."""
    status, shown = run(["pulumi", *command.split(), "--help"])
    assert status == 0, shown
    return shown


@pytest.mark.parametrize("name", FILES)
def test_the_cli_has_every_command_and_option_that_a_pipeline_names(name: str) -> None:
    text = re.sub(r"\\\n#?", " ", (FOLDER / name).read_text())
    named = re.findall(r"(?<![\w/-])pulumi ((?:stack )?[a-z]+)(?= )(.*)", text)
    assert named
    for command, arguments in named:
        shown = help_of(command)
        for option in re.findall(r"(?<= )--[a-z-]+", arguments):
            assert f"{option} " in shown, command


@pytest.mark.parametrize(
    ("name", "workload"),
    [(GITHUB[0], "github-actions"), (AZURE, "azure-devops"), (GITLAB, "gitlab")],
)
def test_the_deployment_of_a_pipeline_signs_in_with_its_federated_identity(
    tmp_path: Path, emulator: Emulator, name: str, workload: Workload
) -> None:
    (found,) = re.findall(r"pulumi up --stack \S+.*", "\n".join(scripts(name)))
    command = re.sub(r"--stack \S+", "--stack test", found)
    given = {
        "ARM_TENANT_ID": DEFAULT_TENANT_ID,
        "ARM_CLIENT_ID": DEFAULT_CLIENT_ID,
        "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID": DEFAULT_SERVICE_CONNECTION_ID,
    }
    # What the service itself sets in every job, and what the file sets there.
    service = emulator.environment_in(workload)
    job = {key: value for key, value in service.items() if not key.startswith("AZURE")}
    if name == GITLAB:
        job |= {key: given[key] for key in ("ARM_TENANT_ID", "ARM_CLIENT_ID")}
    for key, value in variables(name):
        if key.startswith("ARM_"):
            job[key] = given.get(key) or service.get(key) or value
    job |= {"PULUMI_BACKEND_URL": tmp_path.as_uri(), "PULUMI_CONFIG_PASSPHRASE": ""}

    program = tmp_path / "program"
    shutil.copytree(FOLDER / "program", program)
    run(["pulumi", "stack", "select", "--create", "test"], program, **job)
    status, printed = run(["bash", "-c", command], program, **job)
    assert status == 0, printed
    (posted,) = emulator.journal.select("POST", "*/acquireAccessToken")
    assert (posted.status, posted.client_id) == (204, DEFAULT_CLIENT_ID)
