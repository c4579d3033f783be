"""The built package, as others install it: in environments of its own, with no source in reach.

`make` builds it into `dist` before the tests. uv makes the environments, as pip would take a minute
for each.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import distributions, metadata, requires
from pathlib import Path
from typing import Any

import pytest
from entra_emulator import Emulator
from pulumi_entra_provisioning.graph.secret_keys import KEYS
from support.stack import PREAMBLE, REPOSITORY, cli_environment

DISTRIBUTION = "pulumi-entra-provisioning"
NAME = "pulumi_entra_provisioning"

UV = [sys.executable, "-m", "uv"]
BUILD = [sys.executable, "-m", "hatchling", "build"]
WHEEL, SDIST = "*.whl", "*.tar.gz"

# What takes long to import and is not needed before a call is made; `make bench` says how long.
HEAVY = "msgraph msgraph_core kiota_abstractions kiota_http httpx azure.identity msal starlette"


def run(
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    status: int = 0,
) -> str:
    """The whole output of a command, which fails the test where it ends otherwise than expected."""
    finished = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert finished.returncode == status, finished.stdout
    return finished.stdout


def built(pattern: str) -> Path:
    (found,) = (REPOSITORY / "dist").glob(pattern)
    return found


def uv_environment() -> dict[str, str]:
    """Where uv is to look, which does not read what pip is configured with, and whom to trust."""
    # Of all places: `pip config get` looks into one file.
    listed = run([sys.executable, "-m", "pip", "config", "list"], REPOSITORY)
    pip = dict(line.partition("=")[::2] for line in listed.splitlines())
    found = {
        variable: ast.literal_eval(pip[key])
        for variable, name in (("UV_DEFAULT_INDEX", "index-url"), ("SSL_CERT_FILE", "cert"))
        for key in (f"global.{name}", f"install.{name}", f":env:.{name}")
        if key in pip
    }
    return {"UV_SYSTEM_CERTS": "true", **found, **os.environ}


def environment_of(python: str | Path, folder: Path, *packages: str) -> Path:
    """A new virtual environment with `packages`; its folder of programs."""
    made = folder / "venv"
    # With pip, which the Pulumi CLI asks what is installed.
    uv = uv_environment()
    run([*UV, "venv", "--quiet", "--seed", "--python", python, made], folder, uv)
    programs = made / "bin"
    run([*UV, "pip", "install", "--quiet", "--python", programs / "python", *packages], folder, uv)
    return programs


def wheel(extras: str = "") -> str:
    return f"{DISTRIBUTION}{extras} @ {built(WHEEL).as_uri()}"


def pulumi_environment(programs: Path, home: Path) -> dict[str, str]:
    """The environment of the CLI with a virtual environment that is not the tests' own."""
    usual = cli_environment(home)
    return {
        **usual,
        "PATH": usual["PATH"].replace(str(Path(sys.executable).parent), str(programs)),
        "VIRTUAL_ENV": str(programs.parent),
    }


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
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the package alone, without an extra."""
    return environment_of(sys.executable, tmp_path_factory.mktemp("plain"), wheel())


def sources() -> Iterator[str]:
    for path in (REPOSITORY / "provider").rglob("*"):
        if path.suffix == ".py" or path.name in ("py.typed", "pulumi-plugin.json"):
            yield str(path.relative_to(REPOSITORY / "provider"))


def test_the_wheel_has_the_package_and_nothing_else() -> None:
    with zipfile.ZipFile(built(WHEEL)) as archive:
        names = set(archive.namelist())
        (licence,) = (name for name in names if name.endswith("/licenses/LICENSE"))
        assert archive.read(licence) == (REPOSITORY / "LICENSE").read_bytes()
    described = {name for name in names if ".dist-info/" in name}
    assert {Path(name).name for name in described} == {
        "METADATA",
        "WHEEL",
        "entry_points.txt",
        "LICENSE",
        "RECORD",
    }
    assert names - described == set(sources())


def test_the_wheel_tells_the_engine_that_it_has_no_plugin() -> None:
    with zipfile.ZipFile(built(WHEEL)) as archive:
        manifest = archive.read(f"{NAME}/pulumi-plugin.json")
    assert json.loads(manifest) == {"resource": False}


def test_the_source_distribution_builds_the_same_wheel(tmp_path: Path) -> None:
    with tarfile.open(built(SDIST)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    assert names == {
        *(f"provider/{name}" for name in sources()),
        *("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"),
    }
    # That of `dist` was built from the repository.
    (unpacked,) = tmp_path.iterdir()
    run([*BUILD, "--target", "wheel", "--directory", tmp_path], unpacked)
    (again,) = tmp_path.glob(WHEEL)
    assert again.read_bytes() == built(WHEEL).read_bytes()


def test_the_pipelines_program_requires_the_wheel_by_its_file() -> None:
    requirements = (REPOSITORY / "examples/pipelines/program/requirements.txt").read_text()
    lines = [line for line in requirements.splitlines() if not line.startswith("#")]
    (own,) = (line for line in lines if re.search("entra.provisioning", line, re.I))
    assert own == f"./{built(WHEEL).name}[emulator]"


def test_the_requirements_agree_with_each_other(plain: Path) -> None:
    run([plain / "python", "-m", "pip", "check"], plain)


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (f"import {NAME}", f"pulumi {HEAVY}"),
        (f"import {NAME}.emulator", f"pulumi {HEAVY}"),
        (f"from {NAME} import ProvisioningAuthorization", HEAVY),
    ],
)
def test_an_import_loads_nothing_that_it_does_not_need(
    plain: Path, statement: str, absent: str
) -> None:
    program = f"import sys; {statement}; print(*{set(absent.split())} & sys.modules.keys())"
    assert run([plain / "python", "-c", program], plain) == "\n"


def test_the_emulator_names_its_extra_where_that_is_missing(plain: Path) -> None:
    shown = run([plain / "entra-emulator", "run", "--", "true"], plain, status=125)
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
def test_type_checkers_see_every_mistake_of_a_users_program_and_no_other(
    plain: Path, tmp_path: Path, checker: list[str]
) -> None:
    # What a user of the package imports says nothing of msgraph's types, of which there are so many
    # that mypy takes a minute.
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-msgraph.*]\nfollow_imports = skip\n")
    (tmp_path / "program.py").write_text(RIGHT + WRONG)
    command: list[str | Path] = [sys.executable, "-m", *checker, plain / "python", "program.py"]
    shown = run(command, tmp_path, status=1)
    found = {int(line) for line in re.findall(r"program\.py:(\d+):.*error: ", shown)}
    first = RIGHT.count("\n") + 1
    assert found == set(range(first, first + WRONG.count("\n"))), shown


def test_a_type_checker_finds_nothing_in_the_programs_of_the_documentation(
    plain: Path, tmp_path: Path
) -> None:
    # What a program has around the part that a page shows.
    usual = (
        "principal = config.require_object('principal')\nkeys = ['BaseAddress', 'SecretToken']\n"
    )
    for page in (REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")):
        blocks = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
        for number, text in enumerate(blocks):
            if "ProvisioningAuthorization(" in text:
                path = tmp_path / f"{page.stem}-{number}.py"
                path.write_text(text if "import pulumi\n" in text else PREAMBLE + usual + text)
    assert len([*tmp_path.iterdir()]) >= 5
    run([sys.executable, "-m", *PYRIGHT, plain / "python", *tmp_path.iterdir()], tmp_path)


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
        """What the server says of a place in the file."""
        return self.ask(
            f"textDocument/{method}",
            textDocument=self._document,
            position={"line": line, "character": character},
        )

    def ask(self, method: str, **params: Any) -> Any:
        """The server's answer, which may ask for the settings of the editor first."""
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


def test_an_editor_completes_the_keys_and_explains_them(plain: Path, tmp_path: Path) -> None:
    declared = 'ProvisioningAuthorization("x", application_id="id", credentials={"'
    text = (
        "from pulumi_entra_provisioning import ProvisioningAuthorization\n"
        f'{declared}SecretToken": "t", ""}})\n'
    )
    with Editor(plain / "python", tmp_path, text) as editor:
        completed = editor.at("completion", 1, len(f'{declared}SecretToken": "t", "'))
        explained = editor.at("hover", 1, len(declared))
    # A key that is there already is not offered again.
    assert {item["label"].strip('"') for item in completed["items"]} == KEYS - {"SecretToken"}
    assert "Bearer token that the application issued" in explained["contents"]["value"]


def test_the_quickstart_runs_in_a_clean_environment(tmp_path: Path) -> None:
    programs = environment_of(sys.executable, tmp_path, wheel("[emulator]"))
    folder = copied(tmp_path, "Pulumi.yaml", "examples")
    (folder / ".quickstart").mkdir()
    shown = run(
        [programs / "entra-emulator", "run", "--", "sh", "examples/quickstart/quickstart.sh"],
        folder,
        pulumi_environment(programs, tmp_path / "home"),
    )
    assert "+ 3 created" in shown
    assert len(re.findall(r"acquireAccessToken: 204$", shown, re.M)) == 2


def without_manifest(folder: Path) -> dict[str, str]:
    """What puts the package before the installed one, the same but for its manifest."""
    with zipfile.ZipFile(built(WHEEL)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("pulumi-plugin.json")]
        archive.extractall(folder, names)
    return {"PYTHONPATH": str(folder)}


def test_no_other_package_of_the_tests_sends_the_engine_after_a_plugin() -> None:
    names = {distribution.metadata["Name"].lower() for distribution in distributions()}
    assert {name for name in names if name.startswith("pulumi-")} == {DISTRIBUTION}


@pytest.mark.parametrize("manifest", ["present", "missing"])
def test_the_engine_downloads_a_plugin_only_where_the_manifest_is_missing(
    emulator: Emulator, plain: Path, tmp_path: Path, manifest: str
) -> None:
    folder = copied(tmp_path, "Pulumi.yaml", "examples")
    (folder / ".quickstart").mkdir()
    script = (REPOSITORY / "examples/quickstart/quickstart.sh").read_text()
    environment = {**pulumi_environment(plain, tmp_path / "home"), **emulator.environment}
    if manifest == "missing":
        environment |= without_manifest(tmp_path / "bare")
    verbose = script.replace("pulumi up", "pulumi up --logtostderr -v=9")
    log = run(["sh", "-c", verbose], folder, environment)
    attempts = set(re.findall(r"direct download|download url|doing install", log))
    every = {"direct download", "download url", "doing install"}
    assert attempts == (every if manifest == "missing" else set())
    assert len(emulator.journal.select("POST", "*/acquireAccessToken")) == 2


def test_pulumi_install_succeeds_in_a_project_that_uses_the_package(
    plain: Path, tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: installed\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(f"import {NAME}\n")
    environment = pulumi_environment(plain, tmp_path / "home")
    run(["pulumi", "install"], tmp_path, environment)
    run(["pulumi", "plugin", "install"], tmp_path, environment)
    environment |= without_manifest(tmp_path / "bare")
    shown = run(["pulumi", "plugin", "install"], tmp_path, environment, status=1)
    assert "failed to download plugin: entra-provisioning" in shown


def declared_versions() -> list[str]:
    classifiers = metadata(DISTRIBUTION).get_all("Classifier", [])
    return [found[1] for line in classifiers if (found := re.search(r":: (3\.\d+)$", line))]


def interpreter(version: str) -> str | None:
    """A Python of a version that starts; a shim of pyenv's may be there and not do so."""
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


# The provider without the engine, the emulator's tokens, and a program with the engine: what is
# likely to differ between versions of Python and does not take minutes.
OF_EVERY_VERSION = [
    "tests/provider/test_authorization.py",
    "tests/provider/test_credentials.py",
    "tests/emulator/test_tokens.py",
    "tests/provider/test_errors.py",
    "tests/provider/test_tokens.py",
    "tests/package/test_layout.py::test_what_is_tested_is_what_is_installed",
    "tests/provider/test_lifecycle.py",
    "tests/provider/test_permissions.py",
    "tests/provider/test_settings.py",
    "tests/provider/test_secret_keys.py",
    "tests/provider/test_target.py",
    "tests/docs/test_readme.py::test_the_quickstart_authorizes_two_targets_and_then_changes_nothing",
]


# The rest of the provider's, for what the packages below it answer, and the emulator's with YAML.
AT_THE_LOWEST_VERSIONS = [
    *OF_EVERY_VERSION,
    "tests/emulator/test_seed.py",
    "tests/provider/test_expiry.py",
    "tests/provider/test_job.py",
    "tests/provider/test_old_keys.py",
    "tests/provider/test_references.py",
    "tests/provider/test_text_file.py",
    "tests/provider/test_used_codes.py",
]


def outcome_of(folder: Path, programs: Path, tests: Sequence[str]) -> str:
    """The output of the tests, which pass with the packages of an environment, without a source."""
    copied(folder, "Makefile", "Pulumi.yaml", "README.md", "pyproject.toml", "examples", "tests")
    shown = run(
        [programs / "python", "-m", "pytest", "-p", "no:cacheprovider", *tests],
        folder,
        pulumi_environment(programs, folder / "home"),
    )
    assert "skipped" not in shown
    return shown


def test_the_wheel_passes_the_tests_at_the_lowest_versions_that_it_declares(tmp_path: Path) -> None:
    # Of the requirements of a wheel, which are not direct, uv takes the newest versions.
    lowest = ["--resolution=lowest-direct", f"--requirements={REPOSITORY / 'pyproject.toml'}"]
    pytest_too = [line for line in requires(DISTRIBUTION) or () if line.startswith("pytest>")]
    (tests_with,) = (line.partition(";")[0] for line in pytest_too)
    programs = environment_of(
        sys.executable, tmp_path, *lowest, "--extra=emulator", wheel(), tests_with
    )
    outcome_of(tmp_path, programs, AT_THE_LOWEST_VERSIONS)


@pytest.mark.parametrize("version", declared_versions())
def test_the_wheel_passes_the_tests_on_every_version_of_python(
    tmp_path: Path, version: str
) -> None:
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip("all tests run on this one")
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version}")
    programs = environment_of(python, tmp_path, wheel("[emulator]"), "pytest")
    assert f"Python {version}." in outcome_of(tmp_path, programs, OF_EVERY_VERSION)
