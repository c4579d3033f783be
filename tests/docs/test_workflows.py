"""The workflows of this repository: linted, and with no more rights than each job needs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs.test_pipelines import actionlint, mappings, run, zizmor
from support.stack import REPOSITORY

FOLDER = REPOSITORY / ".github/workflows"
NAMES = sorted(path.name for path in FOLDER.glob("*.yml"))
RELEASE: dict[Any, Any] = yaml.safe_load((FOLDER / "release.yml").read_text())
JOBS: dict[str, dict[str, Any]] = RELEASE["jobs"]


def schema_check(file: Path) -> list[str]:
    return ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(file)]


CHECKS = [schema_check, actionlint, zizmor]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", NAMES)
def test_no_check_finds_anything_in_a_workflow(
    name: str, check: Callable[[Path], list[str]]
) -> None:
    status, printed = run(check(FOLDER / name))
    assert status == 0, printed


@pytest.mark.parametrize(
    ("check", "good", "bad", "finding"),
    [
        (schema_check, "runs-on:", "run-on:", "'runs-on' is a required property"),
        (actionlint, "matrix.dist }}/", "matrix.dists }}/", 'property "dists" is not defined'),
        (zizmor, "persist-credentials: false", "fetch-depth: 1", "artipacked"),
        (zizmor, "@cef221092ed1bacb1cc03d23a2d87d1d172e277b", "@v1", "action is not pinned"),
    ],
    ids=["schema", "actionlint", "zizmor", "zizmor pin"],
)
def test_the_checks_find_a_broken_release(
    tmp_path: Path, check: Callable[[Path], list[str]], good: str, bad: str, finding: str
) -> None:
    text = (FOLDER / "release.yml").read_text()
    assert good in text
    (tmp_path / "release.yml").write_text(text.replace(good, bad))
    status, printed = run(check(tmp_path / "release.yml"))
    assert status != 0, printed
    assert finding in printed


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_gives_each_job_its_own_rights_and_pins_each_action(name: str) -> None:
    text = (FOLDER / name).read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]
    assert "secrets." not in text
    assert "pull_request_target" not in text
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"]
    used = [mapping["uses"] for mapping in mappings(workflow) if "uses" in mapping]
    pinned = re.findall(r"uses: ([\w/-]+@[0-9a-f]{40}) # v\d+\.\d+\.\d+$", text, re.MULTILINE)
    assert sorted(pinned) == sorted(used)
    # One version of an action, in all workflows and in those of the examples.
    others = "".join(path.read_text() for path in (REPOSITORY / "examples/pipelines").glob("*.yml"))
    for action in used:
        assert set(re.findall(rf"{action.partition('@')[0]}@\w+", text + others)) == {action}


def test_a_job_with_an_identity_or_a_right_to_write_runs_no_code_of_the_repository() -> None:
    strong = {name for name, job in JOBS.items() if set(job["permissions"].values()) != {"read"}}
    assert strong == {"attest", "python", "npm", "nuget", "go", "release"}
    for name in strong:
        actions = [step["uses"] for step in JOBS[name]["steps"] if "uses" in step]
        assert not any(action.startswith("actions/checkout@") for action in actions)
        # Nothing is published before the tests have passed.
        needed, waiting = set[str](), [name]
        while waiting:
            above = JOBS[waiting.pop()].get("needs", [])
            waiting += [above] if isinstance(above, str) else above
            needed.update(waiting)
        assert {"check", "build"} <= needed


def test_a_job_that_publishes_to_an_index_has_an_environment_and_nothing_but_its_identity() -> None:
    published = {name: job for name, job in JOBS.items() if "environment" in job}
    assert {name: job["environment"] for name, job in published.items()} == {
        "python": "pypi",
        "npm": "npm",
        "nuget": "nuget",
    }
    for job in published.values():
        assert job["permissions"] == {"id-token": "write"}


def test_the_release_runs_for_a_tag_alone_and_the_check_for_every_change() -> None:
    # YAML 1.1 reads the key `on` as true.
    assert RELEASE[True] == {"push": {"tags": ["v*"]}}
    check = yaml.safe_load((FOLDER / "check.yml").read_text())
    assert set(check[True]) == {"pull_request", "push"}
    assert check["jobs"]["check"] == JOBS["check"]


# tools/release.py


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """The files that name a version, as they are when version 1.2.3 is ready."""
    tool = Path("tools/release.py")
    schema = Path("provider/pulumi_entra_provisioning/schema.json")
    for name in (tool, schema, Path("pyproject.toml"), Path("CHANGELOG.md")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, tmp_path / name)
    replace(tmp_path / "pyproject.toml", r'^version = ".*"$', 'version = "1.2.3"')
    replace(tmp_path / schema, r'^  "version": ".*",$', '  "version": "1.2.3",')
    replace(tmp_path / schema, r'^  "publisher": ".*",$', '  "publisher": "contoso",')
    replace(
        tmp_path / "CHANGELOG.md", r"^(?=## )", "## 1.2.3 (2026-12-01)\n\n- Released.\n\n", count=1
    )
    return tmp_path


def replace(path: Path, pattern: str, new: str, count: int = 0) -> None:
    text, found = re.subn(pattern, new, path.read_text(), count=count, flags=re.MULTILINE)
    assert found == 1
    path.write_text(text)


def notes(folder: Path, tag: str) -> tuple[int, str]:
    return run(["python", "tools/release.py", tag], folder)


def test_the_notes_of_a_release_are_its_section_of_the_changelog(released: Path) -> None:
    assert notes(released, "v1.2.3") == (0, "- Released.\n")


@pytest.mark.parametrize(
    ("file", "pattern", "new", "problem"),
    [
        ("pyproject.toml", r'^version = ".*"$', 'version = "1.2.4"', "pyproject.toml has"),
        (
            "provider/pulumi_entra_provisioning/schema.json",
            r'^  "version": ".*",$',
            '  "version": "1.2.4",',
            "run `make schema`",
        ),
        (
            "provider/pulumi_entra_provisioning/schema.json",
            r'^  "publisher": ".*",$',
            '  "publisher": "example",',
            "a placeholder",
        ),
        ("CHANGELOG.md", r"\(2026-12-01\)", "(unpublished)", "with 1.2.3 and a date"),
        ("CHANGELOG.md", r"^## 1\.2\.3", "## 1.2.2", "with 1.2.3 and a date"),
    ],
    ids=["package", "schema", "owner", "date", "heading"],
)
def test_a_version_that_differs_is_not_released(
    released: Path, file: str, pattern: str, new: str, problem: str
) -> None:
    replace(released / file, pattern, new)
    status, printed = notes(released, "v1.2.3")
    assert status == 1
    assert "v1.2.3 cannot be released." in printed
    assert problem in printed
    assert len(printed.splitlines()) == 2


@pytest.mark.parametrize("tag", ["v1.2.4", "1.2.3", "v1.2.3-rc1"])
def test_another_tag_is_not_released(released: Path, tag: str) -> None:
    status, printed = notes(released, tag)
    assert status == 1
    assert f"{tag} cannot be released." in printed
