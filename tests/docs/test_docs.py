"""The pages in docs/: their programs run, and their tables match the code."""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Assumptions, Emulator
from pulumi_entra_provisioning import Credentials, NotificationSettings, ProvisioningAuthorization
from pulumi_entra_provisioning.answers import Answer
from pulumi_entra_provisioning.errors import RequestError
from pulumi_entra_provisioning.graph.secret_keys import KEYS
from pulumi_entra_provisioning.identity.caller import Caller
from pulumi_entra_provisioning.identity.lookup import SETTINGS, stack_keys, variables
from pulumi_entra_provisioning.identity.permissions import lacking
from pulumi_entra_provisioning.identity.settings import settings
from pulumi_entra_provisioning.remedies import (
    REMEDIES,
    SAME_TARGET,
    SIGN_IN_REMEDIES,
    UNKNOWN_JOB,
)
from support.readme import anchor, block, code, headings, page, readme, section, table, tables
from support.stack import REPOSITORY, Stack, cli_environment

DOCS = REPOSITORY / "docs"
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "CHANGELOG.md",
    REPOSITORY / "examples/README.md",
    REPOSITORY / "examples/languages/README.md",
    *sorted(DOCS.glob("*.md")),
]
CONNECTORS = page("connectors")
UNIT_TESTING = page("unit-testing")
CONFIGURATION = page("configuration")
ERRORS = page("errors")
ERROR_HEADINGS = re.findall(r"^### (.*)$", ERRORS, flags=re.MULTILINE)


def explained(name: str) -> dict[str, str]:
    """The keys of a TypedDict of the package that have a docstring, with it."""
    source = (REPOSITORY / "provider/pulumi_entra_provisioning/credentials.py").read_text()
    (declared,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    found = {}
    for key, described in zip(declared.body, declared.body[1:], strict=False):
        if isinstance(key, ast.AnnAssign) and isinstance(described, ast.Expr):
            assert isinstance(key.target, ast.Name)
            found[key.target.id] = " ".join(ast.literal_eval(described.value).split())
    return found


# Pages


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(REPOSITORY)) for path in PAGES])
def test_every_file_and_heading_that_a_page_links_exists(path: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text()):
        file, _, heading = link.partition("#")
        if ":" in link:
            continue
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), link
        if heading:
            assert heading in map(anchor, headings(linked.read_text())), link


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(REPOSITORY)) for path in PAGES])
def test_no_two_headings_of_a_page_share_a_link(path: Path) -> None:
    links = [anchor(heading) for heading in headings(path.read_text())]
    assert sorted(links) == sorted(set(links))


def test_the_readme_lists_every_page() -> None:
    listed = set(re.findall(r"\]\(docs/([\w-]+)\.md\)", section("Documentation", readme())))
    assert listed == {path.stem for path in DOCS.glob("*.md")}


def test_every_make_target_that_a_page_names_exists() -> None:
    texts = [path.read_text() for path in PAGES]
    named = set(
        re.findall(r"(?:^|`)make ([a-z]+)(?:$|`|\s+#)", "\n".join(texts), flags=re.MULTILINE)
    )
    assert {"quickstart", "test", "check", "clean"} <= named
    listed = subprocess.run(
        ["make", "--no-print-directory"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    ).stdout
    assert named <= set(re.findall(r"make (\w+)", listed))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("run.svg", REPOSITORY / "README.md"),
        ("emulator.png", DOCS / "emulator.md"),
        ("performance.svg", DOCS / "performance.md"),
    ],
)
def test_every_picture_is_shown_with_a_description_and_loads_quickly(name: str, path: Path) -> None:
    picture = DOCS / "pictures" / name
    folder = os.path.relpath(picture.parent, path.parent)
    assert re.search(rf"!\[.{{40,}}\]\({folder}/{re.escape(name)}\)", path.read_text())
    assert 1_000 < picture.stat().st_size < 200_000
    if picture.suffix == ".svg":
        assert ElementTree.parse(picture).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    else:
        assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_picture_of_a_run_is_drawn_from_its_source() -> None:
    source = (REPOSITORY / "tools/pictures/run.dot").read_text()
    named = re.findall(r"<b>(.*?)</b>", source)
    assert len(named) >= 6
    shown = (DOCS / "pictures/run.svg").read_text()
    assert [name for name in named if name not in shown] == []


def test_the_picture_of_the_emulator_is_of_the_page_as_it_is_now() -> None:
    recorded, template = (DOCS / "pictures/emulator.sha256").read_text().split()
    found = hashlib.sha256((REPOSITORY / template).read_bytes()).hexdigest()
    assert recorded == found, "run `make pictures` and look at docs/pictures/emulator.png"


# Configuration


def test_every_setting_is_read_from_each_of_its_places_in_order() -> None:
    rows = table("Settings", CONFIGURATION)
    assert [row[0].strip("`") for row in rows] == list(SETTINGS)
    for setting, twin, others, *_ in rows:
        name = setting.strip("`")
        assert stack_keys(name) == [f"entra-provisioning:{name}", *code(twin)]
        assert variables(name) == code(others)


def test_the_identities_are_listed_in_the_order_of_lookup() -> None:
    listed = [row[0] for row in table("Identities", CONFIGURATION)]
    looked_for = [line.partition(":")[0] for line in settings(lambda _: None, {}).passed_over]
    assert listed == [*looked_for, "Azure CLI, then Azure Developer CLI", "DefaultAzureCredential"]


# Errors


def test_every_remedy_is_under_the_heading_that_the_page_links() -> None:
    of_graph, of_entra, _ = tables("Find your error", ERRORS)
    for rows, by_answer in ((of_graph, REMEDIES), (of_entra, SIGN_IN_REMEDIES)):
        # The others are of one kind of call: see the next test.
        rows = [row for row in rows if re.fullmatch(r"`[^`]+`", row[0])]
        assert [row[0].strip("`") for row in rows] == list(by_answer)
        for name, link in rows:
            found = re.fullmatch(r"\[(.+)\]\(#(.+)\)", link)
            assert found
            assert anchor(found[1]) == found[2]
            quoted = re.findall(r"^> (.*)$", section(found[1], ERRORS), flags=re.MULTILINE)
            remedy = by_answer[name.strip("`")]
            assert remedy.heading == found[2], name
            assert remedy.text in " ".join(quoted), name


def test_a_remedy_of_one_kind_of_call_is_under_its_heading_and_in_the_table() -> None:
    under = {anchor(heading): section(heading, ERRORS) for heading in ERROR_HEADINGS}
    linked = [row[1] for row in tables("Find your error", ERRORS)[0]]
    for remedy in (UNKNOWN_JOB, SAME_TARGET):
        quoted = re.findall(r"^> (.*)$", under[remedy.heading], flags=re.MULTILINE)
        assert remedy.text == " ".join(quoted)
        assert [link for link in linked if link.endswith(f"(#{remedy.heading})")]


def test_every_heading_of_the_page_is_linked_by_an_error() -> None:
    texts = {
        node.value
        for path in (REPOSITORY / "provider/pulumi_entra_provisioning").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    unlinked = [heading for heading in ERROR_HEADINGS if anchor(heading) not in texts]
    # The engine writes this error, not the provider.
    assert unlinked == ["The stack is locked"]


def test_every_heading_that_an_error_links_exists() -> None:
    linked = set()
    for path in (REPOSITORY / "provider/pulumi_entra_provisioning").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Explained" and call.args:
                *_, last = call.args
                if isinstance(last, ast.Constant):
                    linked.add(last.value)
    assert len(linked) >= 30
    assert linked <= set(map(anchor, headings(ERRORS)))


@pytest.mark.parametrize(
    ("shown", "answer", "remedy"),
    [
        ("400 InvalidCredentials", Answer(400, "InvalidCredentials", "Not these.", "<id>"), ""),
        (
            "401 UnknownError",
            Answer(401, "UnknownError", "", "<id>"),
            lacking(
                Caller(
                    tenant_id="",
                    client_id="<client id>",
                    object_id="",
                    is_user=False,
                    roles=("Application.Read.All",),
                    scopes=(),
                    directory_roles=(),
                ),
                "servicePrincipals/<object id>",
                "https://graph.microsoft.com",
            ),
        ),
    ],
)
def test_the_provider_writes_the_errors_that_the_page_shows(
    shown: str, answer: Answer, remedy: str
) -> None:
    error = str(RequestError("authorizing servicePrincipals/<object id>", answer, remedy=remedy))
    parts = " ".join(block("text", shown, ERRORS).split()).split("…")
    assert len(parts) == 2
    assert [part.strip() in " ".join(error.split()) for part in parts] == [True, True]


# Emulator


def documented_assumptions() -> dict[str, str]:
    """The settings of the emulator's assumptions with the first paragraph of their docstrings."""
    source = REPOSITORY / "provider/entra_emulator/assumptions.py"
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


def test_every_assumption_of_the_emulator_is_documented() -> None:
    rows = {row[0].strip("`"): row[1] for row in table("Settings", page("assumptions"))}
    assert rows == documented_assumptions()


def test_the_program_that_changes_an_assumption_runs(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(block("python", "Assumptions(", page("assumptions")))
    shown = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("https://")


def test_every_option_of_the_emulator_exists() -> None:
    options = code(" ".join(row[0] for row in table("Options", page("emulator"))))
    assert len(options) >= 7
    shown = subprocess.run(
        ["entra-emulator", "run", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=cli_environment(REPOSITORY),
    ).stdout
    for option in options:
        assert option.split()[0] in shown


# Pipelines


def test_every_sign_in_variable_of_a_pipeline_belongs_to_a_setting() -> None:
    rows = table("Sign in", page("pipelines"))
    named = {name for row in rows for name in code(row[1]) if re.fullmatch(r"[A-Z_]+", name)}
    assert len(named) >= 5
    assert named <= {variable for name in SETTINGS for variable in variables(name)}


def test_a_clone_builds_the_wheel_that_the_example_installs(tmp_path: Path) -> None:
    subprocess.run(
        ["sh", "-eu", "-c", block("sh", "pip wheel", page("pipelines"))],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env={
            **cli_environment(tmp_path),
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the option's opposite
            "CLONE": str(REPOSITORY),
        },
    )
    (wheel,) = tmp_path.glob("*.whl")
    requirements = (REPOSITORY / "examples/pipelines/program/requirements.txt").read_text()
    assert f"./{wheel.name}[emulator]" in requirements.splitlines()


# Connectors


def test_every_way_and_every_application_has_keys_of_graph_and_a_source() -> None:
    ways = table("Three ways to sign in", CONNECTORS)
    assert {key for row in ways for key in code(row[1])} <= KEYS
    for name, keys, basis, source in table("Applications", CONNECTORS):
        assert set(code(keys)) <= KEYS, name
        assert code(keys) or "**Authorize**" in keys, name
        assert basis in ("documented", "seen", "inferred"), name
        assert basis == "seen" or "](https://learn.microsoft.com/" in source, name


def test_every_key_is_explained_as_in_an_editor_or_listed_as_not_explained() -> None:
    rows = {code(row[0])[0]: row[1] for row in table("Keys", CONNECTORS)}
    assert rows == explained(Credentials.__name__)
    rest = CONNECTORS.split("documents no meaning of the other keys:")[1].split("\n\n")[0]
    assert len(code(rest)) == len(KEYS) - len(rows)
    assert set(code(rest)) | rows.keys() == KEYS


def test_every_field_of_the_notification_settings_is_explained_as_in_an_editor() -> None:
    rows = {code(row[0])[0]: row[1] for row in table("SyncNotificationSettings", CONNECTORS)}
    assert rows == explained(NotificationSettings.__name__)
    assert rows.keys() == NotificationSettings.__annotations__.keys()


def test_the_program_with_notification_settings_sends_their_json(
    emulator: Emulator, program_for: Callable[[str], Stack]
) -> None:
    stack = program_for(block("python", '"SyncNotificationSettings": {', CONNECTORS))
    stack.configure(servicePrincipalId=DEFAULT_SERVICE_PRINCIPAL_ID)
    stack.configure_secret(scimToken="a-token")
    stack.up()
    held = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert held["SyncNotificationSettings"] == (
        '{"DeleteThresholdEnabled":true,"DeleteThresholdValue":50,"Enabled":true,'
        '"Recipients":"identity@contoso.example"}'
    )
    assert "2 unchanged" in stack.up()


# Unit tests


def test_the_unit_tests_of_the_page_pass_and_can_fail(tmp_path: Path) -> None:
    for name in ("infrastructure.py", "test_infrastructure.py"):
        (tmp_path / name).write_text(block("python", f"# {name}\n", UNIT_TESTING))
    # Without -B, Python would take what it compiled in the same second for the changed program.
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]

    def run() -> str:
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        ).stdout

    assert "2 passed" in run()
    program = tmp_path / "infrastructure.py"
    program.write_text(program.read_text().replace("since", "SINCE").replace("/v2", "/v1"))
    assert "2 failed" in run()


def engines_name(name: str) -> str:
    return re.sub("_(.)", lambda found: found[1].upper(), name)


def test_the_mocks_names_are_those_of_the_resource() -> None:
    inputs = set(inspect.signature(ProvisioningAuthorization).parameters) - {
        "resource_name",
        "opts",
    }
    got = table("What the mocks get", UNIT_TESTING)
    assert {code(row[0])[0] for row in got} == inputs
    outputs = set(inspect.get_annotations(ProvisioningAuthorization)) - inputs
    returned = table("What the mocks return", UNIT_TESTING)
    assert {code(row[0])[0] for row in returned} == outputs
    for row in (*got, *returned):
        assert code(row[1])[0] == engines_name(code(row[0])[0])
