"""The programs of examples/languages run with the real CLI, against the emulator.

Each runs in a copy of the folders that it has in the repository, and is built there with the
commands of docs/languages.md.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from support.environments import UV, run
from support.readme import page, section
from support.stack import REPOSITORY, Stack, cli_environment
from support.tenant import another_service_principal, authorizing, held

HOSTS = REPOSITORY / ".pulumi-hosts"
# Of Maven: the SDK is installed into it, and so not into this user's.
MAVEN = HOSTS / "maven"
BUILD_LIMIT = 900
BUILT = shutil.ignore_patterns(
    "node_modules", "bin", "obj", "target", ".venv", "build", "*.egg-info"
)

pytestmark = pytest.mark.languages


@dataclass(frozen=True)
class Language:
    """A language: the folder of its example, its heading in docs/languages.md, its host.

    `version` prints the version of its toolchain, `sdk` that of Pulumi's SDK in the project.
    """

    folder: str
    heading: str
    host: str
    tools: tuple[str, ...] = ()
    version: str = ""
    sdk: str = ""


LANGUAGES = [
    Language("yaml", "YAML", "yaml"),
    Language(
        "typescript",
        "TypeScript",
        "nodejs",
        ("node", "npm"),
        "node --version",
        "node --print 'require(\"@pulumi/pulumi/package.json\").version'",
    ),
    Language(
        "python",
        "Python",
        "python",
        (),
        ".venv/bin/python --version",
        ".venv/bin/python -c 'from importlib import metadata; print(metadata.version(\"pulumi\"))'",
    ),
    Language("go", "Go", "go", ("go",), "go version", "go list -m github.com/pulumi/pulumi/sdk/v3"),
    Language(
        "java",
        "Java",
        "java",
        ("java", "javac", "mvn"),
        "java --version",
        "grep --after-context=1 '<artifactId>pulumi<' pom.xml",
    ),
    Language(
        "csharp",
        "C#",
        "dotnet",
        ("dotnet",),
        "dotnet --version",
        "dotnet list package | grep '> Pulumi '",
    ),
]


def shell(script: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a script and return its output. A failure fails the test."""
    finished = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_LIMIT,
        check=False,
    )
    assert finished.returncode == 0, f"{script}\n{finished.stdout}"
    return finished.stdout


def number(shown: str) -> str:
    return str(re.findall(r"\d+\.\d+\.\d+", shown)[-1])


def host_version(host: str, environment: dict[str, str]) -> str:
    """The version of a language host: its own if it was built here, else that of the release."""
    found = shutil.which(f"pulumi-language-{host}", path=environment["PATH"])
    if not found:
        pytest.skip(
            f"{host}: `make languages` builds its host with Go, or install Pulumi's release"
        )
    module = REPOSITORY / f"tools/pulumi-cli/language-{host}/go.mod"
    if Path(found).parent in (HOSTS, REPOSITORY / ".pulumi/bin") and module.exists():
        (version,) = re.findall(r"^require \S+ v(\S+)$", module.read_text(), re.MULTILINE)
        return str(version)
    return shell("pulumi version", REPOSITORY, environment).strip().removeprefix("v")


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.folder)
def test_a_program_authorizes_twice_and_takes_both_back(
    language: Language,
    emulator: Emulator,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    missing = [tool for tool in language.tools if not shutil.which(tool)]
    if missing:
        pytest.skip(f"{language.heading}: install {' and '.join(missing)}")
    environment = {
        **cli_environment(tmp_path / "home"),
        "CLONE": str(tmp_path),
        "MAVEN_OPTS": f"-Dmaven.repo.local={MAVEN}",
    }
    record_property("host", host_version(language.host, environment))
    for path in ("sdk", f"examples/languages/{language.folder}"):
        shutil.copytree(REPOSITORY / path, tmp_path / path, ignore=BUILT)
    project = tmp_path / "examples/languages" / language.folder
    own = project / ".venv"
    began = time.monotonic()
    if language.folder == "python":
        run([*UV, "venv", "--python", sys.executable, "--seed", own], project)
        run([*UV, "pip", "install", "--python", own / "bin/python", REPOSITORY], project)
    else:
        own.symlink_to(Path(sys.executable).parents[1])
    explained = section(language.heading, page("languages"))
    for script in re.findall(r"```sh\n(.*?)```", explained, re.DOTALL):
        shell(script, project, environment)
    record_property("seconds of building", round(time.monotonic() - began))
    record_property("language", language.heading)
    for name, command in (("version", language.version), ("sdk", language.sdk)):
        record_property(name, number(shell(command, project, environment)) if command else "")

    other = another_service_principal(emulator)
    stack = Stack(
        project,
        {
            **emulator.environment,
            "MAVEN_OPTS": environment["MAVEN_OPTS"],
            "VIRTUAL_ENV": str(own),
            "PATH": f"{own / 'bin'}{os.pathsep}{environment['PATH']}",
            "WIKI_TOKEN": "pl4nted-reference",
        },
    )
    stack.configure(directoryId=DEFAULT_SERVICE_PRINCIPAL_ID, wikiId=other)
    stack.configure_secret(scimToken="pl4nted-literal")
    assert "3 created" in stack.up()
    assert held(emulator) == {
        "BaseAddress": "https://scim.contoso.example/v2",
        "SecretToken": "pl4nted-literal",
    }
    assert held(emulator, other) == {
        "BaseAddress": "https://wiki.contoso.example/scim",
        "SecretToken": "pl4nted-reference",
    }
    outputs = json.loads(stack.pulumi("stack", "output", "--json"))
    assert outputs["directoryAuthorizedAt"].endswith("Z")
    assert outputs["wikiStatus"] == "Authorized"
    assert outputs["templateId"] == "scim"

    emulator.journal.clear()
    assert "3 unchanged" in stack.up()
    assert authorizing(emulator) == []

    state = json.dumps(stack.deployment())
    stack.destroy()
    assert held(emulator) == held(emulator, other) == {}
    shown = "\n".join([*stack.printed, state])
    assert "pl4nted" not in shown
