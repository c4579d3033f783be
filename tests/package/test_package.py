"""The built package in environments of its own, without access to the sources."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from importlib.metadata import distributions, metadata, requires
from pathlib import Path
from typing import Any

import pytest
from entra_emulator import Emulator
from pulumi_entra_provisioning.graph.secret_keys import KEYS
from support.environments import (
    BUILD,
    DISTRIBUTION,
    Built,
    Environment,
    build,
    environment,
    run,
)
from support.stack import PREAMBLE, REPOSITORY

Once = Callable[[str, Callable[[Path], object]], Path]

NAME = "pulumi_entra_provisioning"

# What takes long to import and is not needed before a call is made.
HEAVY = "msgraph msgraph_core kiota_abstractions kiota_http httpx azure.identity msal starlette"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("dist"))


def copied(folder: Path, *names: str) -> Path:
    for name in names:
        source = REPOSITORY / name
        if source.is_dir():
            # What the programs of other languages are built into is large, and not needed.
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("clients"))
        else:
            shutil.copyfile(source, folder / name)
    return folder


@pytest.fixture(scope="session")
def plain(built: Built, once: Once) -> Environment:
    """An environment with the package alone, without an extra."""
    return Environment(once("plain", lambda folder: environment(folder, built.requirement())))


def sources() -> dict[str, bytes]:
    """The files of both packages, by their path in the wheel."""
    folder = REPOSITORY / "provider"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_has_the_sources_byte_for_byte_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    described = {name: files.pop(name) for name in [*files] if ".dist-info/" in name}
    assert files == sources()
    assert {Path(name).name for name in described} == {
        "METADATA",
        "WHEEL",
        "entry_points.txt",
        "LICENSE",
        "RECORD",
    }
    (licence,) = (described[name] for name in described if name.endswith("/licenses/LICENSE"))
    assert licence == (REPOSITORY / "LICENSE").read_bytes()


def test_the_wheel_declares_that_it_has_no_plugin(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        manifest = archive.read(f"{NAME}/pulumi-plugin.json")
    assert json.loads(manifest) == {"resource": False}


def test_the_source_distribution_builds_the_same_wheel(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    assert names == {
        *(f"provider/{name}" for name in sources()),
        *("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"),
    }
    # The other one was built from the repository.
    (unpacked,) = tmp_path.iterdir()
    run([*BUILD, "--target", "wheel", "--directory", tmp_path], unpacked)
    (again,) = tmp_path.glob("*.whl")
    assert again.read_bytes() == built.wheel.read_bytes()


def test_the_pipelines_program_requires_the_wheel_by_its_file(built: Built) -> None:
    requirements = (REPOSITORY / "examples/pipelines/program/requirements.txt").read_text()
    lines = [line for line in requirements.splitlines() if not line.startswith("#")]
    (own,) = (line for line in lines if re.search("entra.provisioning", line, re.I))
    assert own == f"./{built.wheel.name}[emulator]"


def test_the_requirements_agree_with_each_other(plain: Environment) -> None:
    run([plain.python, "-m", "pip", "check"], plain.folder)


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (f"import {NAME}", HEAVY),
        ("import entra_emulator", f"pulumi {HEAVY}"),
    ],
)
def test_importing_the_package_loads_only_what_it_needs(
    plain: Environment, statement: str, absent: str
) -> None:
    program = f"import sys; {statement}; print(*{set(absent.split())} & sys.modules.keys())"
    assert run([plain.python, "-c", program], plain.folder) == "\n"


def test_the_emulator_names_its_extra_if_it_is_missing(plain: Environment) -> None:
    shown = run([plain.programs / "entra-emulator", "run", "--", "true"], plain.folder, status=125)
    assert re.fullmatch(
        r"entra-emulator: \w+ is missing: install pulumi-entra-provisioning\[emulator\]\n", shown
    )


RIGHT = """\
import pulumi
from pulumi_entra_provisioning import (
    Credentials,
    ProvisioningAuthorization as Authorization,
    RequestError,
    from_environment,
    from_file,
)
from entra_emulator import Emulator

token = pulumi.Config().require_secret("token")
right = Authorization("right", application_id="id", credentials={"SecretToken": token})
status: pulumi.Output[str] = right.status
base: type[Exception] = RequestError
url: str = Emulator().url

Authorization("a", service_principal_id=token, credentials={"SecretToken": "text", "None": "text"})
Authorization("b", application_id="id", credentials={"SecretToken": from_environment("TOKEN")})
Authorization("c", application_id="id", credentials={"Password": from_file("password")})
Authorization("d", application_id="id", credentials={"Password": {"fromEnvironment": "PASSWORD"}})
Authorization("e", application_id="id", credentials={"SyncNotificationSettings": "{}"})
Authorization(
    "f",
    application_id="id",
    credentials={"SyncNotificationSettings": {"Enabled": True, "Recipients": token}},
    restart_job=True,
    expires_at="2027-01-01",
)
Authorization("g", application_id="id", credentials=[{"key": "SecretToken", "value": token}])

computed: dict[str, str] = {}
Authorization("h", application_id="id", credentials=pulumi.Output.secret(computed))
Authorization("i", application_id="id", credentials=pulumi.Output.all(SecretToken=token))
Authorization("j", application_id="id", credentials=token.apply(lambda t: {"SecretToken": t}))
Authorization(
    "k",
    application_id="id",
    credentials=[{"key": key, "value": token} for key in ("SecretToken", "Password")],
)
Authorization(
    "l",
    application_id="id",
    credentials=pulumi.Output.from_input({key: token for key in ("SecretToken", "Password")}),
)
object_of_the_stack = pulumi.Config().require_secret_object("credentials")
Authorization("m", application_id="id", credentials=object_of_the_stack)
common: Credentials = {"BaseAddress": "https://scim.contoso.example/v2"}
Authorization("n", application_id="id", credentials={**common, "SecretToken": token})
"""

WRONG = """\
from pulumi_entra_provisioning import RequestEror
from entra_emulator import Emulater
Authorization("wrong", application="id", credentials={"SecretToken": token})
Authorization("wrong", application_id=1, credentials={"SecretToken": token})
revision: pulumi.Output[str] = right.revision
Authorization("unknown key", application_id="id", credentials={"SecretTokens": token})
Authorization("wrong case", application_id="id", credentials={"secretToken": token})
named: Credentials = {"baseAddress": "https://scim.contoso.example/v2"}
Authorization("not text", application_id="id", credentials={"SecretToken": 1})
Authorization("None", application_id="id", credentials={"SecretToken": None})
Authorization("no reference", application_id="id", credentials={"Password": {"fromEnv": "X"}})
Authorization("field", application_id="id", credentials={"SyncNotificationSettings": {"on": True}})
Authorization("unchecked", application_id="id", credentials=computed)
Authorization("not a mapping", application_id="id", credentials=token)
Authorization("no target", credentials={"SecretToken": token})
Authorization("two", application_id="i", service_principal_id="i", credentials={"Password": "p"})
Authorization("no credentials", application_id="id")
"""

MYPY = ["mypy", "--strict", "--config-file", "mypy.ini", "--python-executable"]
PYRIGHT = ["pyright", "--pythonpath"]


@pytest.mark.parametrize("checker", [MYPY, PYRIGHT], ids=["mypy", "pyright"])
def test_type_checkers_report_exactly_the_mistakes_of_a_program(
    plain: Environment, tmp_path: Path, checker: list[str]
) -> None:
    # What a user of the package imports says nothing of msgraph's types, of which there are so many
    # that mypy takes a minute.
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-msgraph.*]\nfollow_imports = skip\n")
    (tmp_path / "program.py").write_text(RIGHT + WRONG)
    command: list[str | Path] = [sys.executable, "-m", *checker, plain.python, "program.py"]
    shown = run(command, tmp_path, status=1)
    found = {int(line) for line in re.findall(r"program\.py:(\d+):.*error: ", shown)}
    first = RIGHT.count("\n") + 1
    assert found == set(range(first, first + WRONG.count("\n"))), shown


def test_type_checkers_accept_the_programs_of_the_documentation(
    plain: Environment, tmp_path: Path
) -> None:
    # What a program has around the part that a page shows.
    usual = (
        "principal = config.require_object('principal')\nkeys = ['BaseAddress', 'SecretToken']\n"
    )
    sdk = "pulumi_entra_provisioning_native"
    (tmp_path / sdk).symlink_to(REPOSITORY / "sdk/python" / sdk)
    with_sdk = f"import pulumi\nimport {sdk} as entra\nconfig = pulumi.Config()\n"
    for page in (REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")):
        blocks = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
        for number, text in enumerate(blocks):
            if "ProvisioningAuthorization(" in text:
                before = with_sdk if "entra." in text else PREAMBLE + usual
                path = tmp_path / f"{page.stem}-{number}.py"
                path.write_text(text if "import pulumi\n" in text else before + text)
    programs = sorted(tmp_path.glob("*.py"))
    assert len(programs) >= 5
    run([sys.executable, "-m", *PYRIGHT, plain.python, *programs], tmp_path)


class Editor:
    """An editor with a file open, as pyright's language server sees one.

    https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification
    """

    def __init__(self, python: Path, folder: Path, text: str) -> None:
        self._python = python
        self._document = {"uri": (folder / "program.py").as_uri()}
        self._server = subprocess.Popen(
            [Path(sys.executable).with_name("pyright-langserver"), "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
        )
        self._requests = 0
        self.ask(
            "initialize",
            processId=os.getpid(),
            workspaceFolders=[{"uri": folder.as_uri(), "name": "program"}],
            capabilities={
                "workspace": {"configuration": True},
                "textDocument": {"hover": {"contentFormat": ["plaintext"]}},
            },
        )
        self._send(method="initialized", params={})
        opened = {**self._document, "languageId": "python", "version": 1, "text": text}
        self._send(method="textDocument/didOpen", params={"textDocument": opened})

    def __enter__(self) -> Editor:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()
        self._server.communicate()

    def at(self, method: str, line: int, character: int) -> Any:
        """The server's hover text for a place in the file."""
        return self.ask(
            f"textDocument/{method}",
            textDocument=self._document,
            position={"line": line, "character": character},
        )

    def ask(self, method: str, **params: Any) -> Any:
        """The server's answer. The server may request the editor's settings first."""
        self._requests += 1
        self._send(id=self._requests, method=method, params=params)
        while (message := self._receive()).get("id") != self._requests or "method" in message:
            if "id" in message and "method" in message:
                items = message["params"].get("items", [])
                settings = [{"pythonPath": str(self._python)} for _ in items]
                self._send(id=message["id"], result=settings)
        return message["result"]

    def _send(self, **message: Any) -> None:
        assert self._server.stdin
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._server.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._server.stdout
        headers = b"".join(iter(self._server.stdout.readline, b"\r\n"))
        length = int(headers.partition(b"Content-Length: ")[2].split()[0])
        message: dict[str, Any] = json.loads(self._server.stdout.read(length))
        return message


def test_an_editor_completes_the_keys_and_explains_them(plain: Environment, tmp_path: Path) -> None:
    declared = 'ProvisioningAuthorization("x", application_id="id", credentials={"'
    text = (
        "from pulumi_entra_provisioning import ProvisioningAuthorization\n"
        f'{declared}SecretToken": "t", ""}})\n'
    )
    with Editor(plain.python, tmp_path, text) as editor:
        completed = editor.at("completion", 1, len(f'{declared}SecretToken": "t", "'))
        explained = editor.at("hover", 1, len(declared))
    # A key that is already set is not offered again.
    assert {item["label"].strip('"') for item in completed["items"]} == KEYS - {"SecretToken"}
    assert "Bearer token that the application issued" in explained["contents"]["value"]


def without_manifest(built: Built, folder: Path) -> dict[str, str]:
    """Variables that put a copy of the package without its manifest before the installed one."""
    with zipfile.ZipFile(built.wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("pulumi-plugin.json")]
        archive.extractall(folder, names)
    return {"PYTHONPATH": str(folder)}


def test_no_other_package_makes_the_engine_look_for_a_plugin() -> None:
    names = {distribution.metadata["Name"].lower() for distribution in distributions()}
    assert {name for name in names if name.startswith("pulumi-")} == {DISTRIBUTION}


@pytest.mark.parametrize("manifest", ["present", "missing"])
def test_the_engine_looks_for_a_plugin_only_without_the_manifest(
    emulator: Emulator, built: Built, plain: Environment, tmp_path: Path, manifest: str
) -> None:
    folder = copied(tmp_path, "Pulumi.yaml", "examples")
    script = (REPOSITORY / "examples/quickstart/quickstart.sh").read_text()
    environment = {**plain.variables(tmp_path / "home"), **emulator.environment}
    if manifest == "missing":
        environment |= without_manifest(built, tmp_path / "bare")
    # The emulator of this test, and not one of the script's own.
    own, *others = re.findall(r"^entra-emulator run .* -- pulumi up", script, re.M)
    assert not others
    verbose = script.replace(own, "pulumi up --logtostderr -v=9")
    log = run(["sh", "-c", verbose], folder, environment)
    # It finds the provider plugin on PATH, or would download it.
    found = "pulumi-resource-entra-provisioning" in log
    assert found is (manifest == "missing")
    assert not re.search("direct download|download url|doing install", log)
    assert len(emulator.journal.select("POST", "*/acquireAccessToken")) == 2


def test_pulumi_install_succeeds_in_a_project_that_uses_the_package(
    built: Built, plain: Environment, tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: installed\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(f"import {NAME}\n")
    environment = plain.variables(tmp_path / "home")
    run(["pulumi", "install"], tmp_path, environment)
    run(["pulumi", "plugin", "install"], tmp_path, environment)
    environment |= without_manifest(built, tmp_path / "bare")
    shown = run(["pulumi", "plugin", "install"], tmp_path, environment, status=1)
    assert "failed to download plugin: entra-provisioning" in shown


CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"


def declared_versions() -> list[str]:
    classifiers = metadata(DISTRIBUTION).get_all("Classifier", [])
    return [found[1] for line in classifiers if (found := re.search(r":: (3\.\d+)$", line))]


@functools.cache
def interpreter(version: str) -> str | None:
    """A Python of a version that starts. A pyenv shim can exist and not start."""
    if version == CURRENT:
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [
        shutil.which(f"python{version}"),
        *map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python"))),
    ]
    for candidate in filter(None, candidates):
        finished = subprocess.run([candidate, "-c", ""], capture_output=True, check=False)
        if finished.returncode == 0:
            return candidate
    return None


# On the oldest Python that is here, with the lowest versions of all requirements: all of the
# provider, for what the packages below it answer, and the emulator's tokens and YAML.
AT_THE_LOWEST = [
    "tests/provider",
    "tests/emulator/entra/test_authority.py",
    "tests/emulator/tenant/test_seed.py",
]

# On a newer Python with the newest versions, which all other tests run with: what is likely to
# differ between versions of Python.
OF_EVERY_VERSION = [
    "tests/provider/test_credentials.py",
    "tests/provider/lifecycle/test_operations.py",
    "tests/provider/graph/test_client.py",
    "tests/provider/graph/test_retries.py",
    "tests/provider/identity",
    "tests/emulator/entra/test_authority.py",
]


@pytest.mark.parametrize("version", declared_versions())
def test_the_wheel_passes_the_tests_on_every_version_of_python(
    built: Built, tmp_path: Path, version: str
) -> None:
    """The quickstart with nothing but the package, then the tests that the version may change.

    All tests run with the sources, which the wheel has byte for byte.
    """
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version}")
    resolution: list[str] = []
    tests: list[str] = []
    if version == next(filter(interpreter, declared_versions())):
        # Of the requirements of a wheel, which are not direct, uv takes the newest versions.
        project = f"--requirements={REPOSITORY / 'pyproject.toml'}"
        resolution = ["--resolution=lowest-direct", project, "--extra=emulator"]
        tests = AT_THE_LOWEST
    elif version != CURRENT:
        tests = OF_EVERY_VERSION
    made = environment(
        tmp_path / "venv", *resolution, built.requirement("[emulator]"), python=python
    )
    folder = tmp_path / "project"
    folder.mkdir()
    copied(folder, "Makefile", "Pulumi.yaml", "README.md", "pyproject.toml", "examples", "tests")
    variables = made.variables(folder / "home")
    shown = run(["sh", "examples/quickstart/quickstart.sh"], folder, variables)
    assert "+ 3 created" in shown
    assert len(re.findall(r"acquireAccessToken: 204$", shown, re.M)) == 2

    made.install(*resolution, requirement("pytest"), requirement("hypothesis"))
    shown = run(
        [
            *(made.python, "-m", "pytest", "-p", "no:cacheprovider"),
            *("-m", "not clients and not slow and not hypothesis"),
            *("tests/package/installed.py", *tests),
        ],
        folder,
        variables,
    )
    assert f"Python {version}." in shown
    assert "skipped" not in shown


def requirement(name: str) -> str:
    """The requirement of the tests for a package, as the project declares it."""
    (line,) = (line for line in requires(DISTRIBUTION) or () if line.startswith(f"{name}>"))
    return line.partition(";")[0]
