"""The page about languages: its packages and its versions are those of the repository."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from support.readme import code, page, section, table
from support.stack import REPOSITORY

LANGUAGES = page("languages")
EXAMPLES = REPOSITORY / "examples/languages"
VERSIONS = {row[0]: row[1:] for row in table("Versions", LANGUAGES)}
SCHEMA: dict[str, Any] = json.loads(
    (REPOSITORY / "provider/pulumi_entra_provisioning/schema.json").read_text()
)
OF: dict[str, Any] = SCHEMA["language"]


def test_every_example_is_a_language_of_the_page() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    named = {"C#": "csharp"}
    assert {named.get(name, name.lower()) for name in VERSIONS} == folders
    assert all(section(name, LANGUAGES) for name in VERSIONS)


def test_the_packages_are_those_of_the_schema() -> None:
    packages = {row[0]: code(row[1])[0] for row in table("Languages", LANGUAGES)}
    assert packages == {
        "TypeScript": OF["nodejs"]["packageName"],
        "Python": OF["python"]["packageName"],
        "Go": OF["go"]["importBasePath"],
        "Java": f"{OF['java']['basePackage']}:{SCHEMA['name']}",
        "C#": f"{OF['csharp']['rootNamespace']}.EntraProvisioning",
    }


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("typescript/package.json", f'"{OF["nodejs"]["packageName"]}"'),
        ("typescript/index.ts", f'"{OF["nodejs"]["packageName"]}"'),
        ("python/__main__.py", f"import {OF['python']['packageName']} "),
        ("go/go.mod", f"replace {OF['go']['importBasePath'].rpartition('/')[0]} "),
        ("go/main.go", f'"{OF["go"]["importBasePath"]}"'),
        ("java/pom.xml", f"<groupId>{OF['java']['basePackage']}</groupId>"),
        ("java/src/main/java/directory/App.java", f"import {OF['java']['basePackage']}."),
        ("csharp/Program.cs", f"= {OF['csharp']['rootNamespace']}.EntraProvisioning;"),
    ],
)
def test_an_example_names_the_package_of_the_schema(file: str, named: str) -> None:
    assert named in (EXAMPLES / file).read_text()


@pytest.mark.parametrize(
    ("language", "host"),
    [
        ("YAML", "yaml"),
        ("TypeScript", "nodejs"),
        ("Python", "python"),
        ("Go", "go"),
        ("Java", "java"),
    ],
)
def test_the_host_of_a_language_is_the_one_that_is_built(language: str, host: str) -> None:
    module = (REPOSITORY / f"tools/pulumi-cli/language-{host}/go.mod").read_text()
    assert re.findall(r"^require \S+ v(\S+)$", module, re.MULTILINE) == [VERSIONS[language][1]]


@pytest.mark.parametrize(
    ("language", "file", "version"),
    [
        ("Go", "go/go.mod", r"pulumi/pulumi/sdk/v3 v(\S+)"),
        ("Java", "java/pom.xml", r"<artifactId>pulumi</artifactId>\s*<version>(.*)</version>"),
    ],
)
def test_the_pulumi_sdk_of_a_language_is_that_of_its_example(
    language: str, file: str, version: str
) -> None:
    assert re.findall(version, (EXAMPLES / file).read_text()) == [VERSIONS[language][2]]


@pytest.mark.parametrize(
    ("language", "file"),
    [
        ("typescript", "typescript/index.ts"),
        ("python", "python/__main__.py"),
        ("go", "go/main.go"),
        ("java", "java/src/main/java/directory/App.java"),
        ("csharp", "csharp/Program.cs"),
    ],
)
def test_the_program_of_the_page_is_in_the_words_of_the_example(language: str, file: str) -> None:
    """Each line of it, where the example has two resources."""
    (shown,) = re.findall(rf"```{language}\n(.*?)```", LANGUAGES, re.DOTALL)
    names = {"WIKI_TOKEN": "SCIM_TOKEN"}
    example = (EXAMPLES / file).read_text()
    for old, new in names.items():
        example = example.replace(old, new)
    written = {line.strip() for line in example.splitlines()}
    assert [line for line in shown.splitlines() if line.strip() not in written] == []
