"""The pages that Pulumi's registry shows: their form, and their examples against the schema."""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from pulumi_entra_provisioning.wire import camel_case
from support.native import PROJECT, NativeStack
from support.readme import block, code, page, readme, table
from support.stack import REPOSITORY, cli_environment
from support.tenant import held

INDEX, INSTALLATION = page("_index"), page("installation-configuration")
SCHEMA: dict[str, Any] = json.loads(
    (REPOSITORY / "provider/pulumi_entra_provisioning/schema.json").read_text()
)
AUTHORIZATION = SCHEMA["resources"]["entra-provisioning:index:ProvisioningAuthorization"]
INPUTS = AUTHORIZATION["inputProperties"]
OUTPUTS = AUTHORIZATION["properties"]
KEYS = SCHEMA["types"]["entra-provisioning:index:Credentials"]["properties"]
LANGUAGES = ["typescript", "python", "go", "csharp", "java", "yaml"]


@pytest.mark.parametrize("text", [INDEX, INSTALLATION], ids=["_index", "installation"])
def test_a_page_begins_with_the_front_matter_of_the_registry(text: str) -> None:
    _, front, body = re.split(r"^---\n", text, maxsplit=2, flags=re.MULTILINE)
    matter = yaml.safe_load(front)
    assert list(matter) == ["title", "meta_desc", "layout"]
    assert matter["title"].startswith(SCHEMA["displayName"])
    # The length that search engines show.
    assert 50 <= len(matter["meta_desc"]) <= 160
    assert matter["layout"] == "package"
    # The title is the heading.
    assert not re.search(r"^# ", re.sub(r"```.*?```", "", body, flags=re.DOTALL), re.MULTILINE)


def test_the_pages_link_nothing_that_the_registry_has_not() -> None:
    links = re.findall(r"\]\(([^)]+)\)", INDEX + INSTALLATION)
    assert [link for link in links if not link.startswith("https://learn.microsoft.com/")] == []


def test_the_chooser_has_one_program_for_each_language() -> None:
    (chosen,) = re.findall(r'^\{\{< chooser language "(.*)" >\}\}$', INDEX, re.MULTILINE)
    assert chosen.split(",") == LANGUAGES
    tags = re.findall(r"^\{\{[<%] (.*?) [%>]\}\}$", INDEX, re.MULTILINE)
    inside = [[f"choosable language {language}", "/choosable"] for language in LANGUAGES]
    assert tags[1:-1] == [tag for pair in inside for tag in pair]
    assert tags[-1] == "/chooser"
    assert re.findall(r"^```(\w+)$", INDEX, re.MULTILINE) == LANGUAGES


def program(language: str) -> str:
    return block(language, "directory", INDEX)


# How each language writes an input, a key and an output.
FORMS = {
    "typescript": ("{}: ", "{}: ", "directory.{};"),
    "go": ("{}: ", "{}: ", "directory.{})"),
    "csharp": ("{} = ", "{} = ", "directory.{} "),
    "java": (".{}(", ".{}(", "directory.{}()"),
    "yaml": ("{}: ", "{}: ", "${{directory.{}}}"),
}


@pytest.mark.parametrize("language", FORMS)
def test_a_program_has_the_properties_of_the_schema(language: str) -> None:
    source = re.sub(r"\s+", " ", program(language))
    capital = language in ("go", "csharp")

    def named(name: str) -> str:
        return name[0].upper() + name[1:] if capital else name

    forms = [
        *[(FORMS[language][0], name, INPUTS) for name in ("servicePrincipalId", "credentials")],
        *[(FORMS[language][1], name, KEYS) for name in ("BaseAddress", "SecretToken")],
        (FORMS[language][2], "authorizedAt", OUTPUTS),
    ]
    for form, name, declared in forms:
        assert name in declared
        written = named(name) if declared is not KEYS else name
        assert form.format(written).rstrip() in source, name


def test_the_program_in_python_has_the_properties_of_the_schema() -> None:
    calls = [node for node in ast.walk(ast.parse(program("python"))) if isinstance(node, ast.Call)]
    (made,) = (call for call in calls if "ProvisioningAuthorization" in ast.unparse(call.func))
    inputs = {str(argument.arg): argument.value for argument in made.keywords}
    assert {camel_case(name) for name in inputs} <= set(INPUTS)
    keys = ast.literal_eval(ast.unparse(inputs["credentials"]).replace("config.require_secret", ""))
    # The generated classes have them in snake_case.
    assert {camel_case(f"_{key}") for key in keys} <= set(KEYS)
    assert camel_case("authorized_at") in OUTPUTS
    assert "directory.authorized_at" in program("python")


def test_every_language_imports_what_the_schema_names() -> None:
    settings = SCHEMA["language"]
    listed = {row[0]: code(row[1])[0] for row in table("Installation", INSTALLATION)}
    npm = settings["nodejs"]["packageName"]
    assert f'from "{npm}";' in program("typescript")
    assert listed["TypeScript, JavaScript"] == npm
    python = settings["python"]["packageName"]
    assert f"import {python} as entra\n" in program("python")
    assert listed["Python"] == python
    go = settings["go"]["importBasePath"]
    assert f'"{go}"\n' in program("go")
    assert listed["Go"] == go
    dotnet = settings["csharp"]["rootNamespace"] + ".EntraProvisioning"
    assert settings["csharp"]["namespaces"] == {"entra-provisioning": "EntraProvisioning"}
    assert f"using {dotnet};\n" in program("csharp")
    assert listed[".NET"] == dotnet
    java = settings["java"]["basePackage"] + ".entraprovisioning"
    assert f"import {java}.ProvisioningAuthorization;\n" in program("java")
    assert listed["Java"] == java


def test_the_program_in_yaml_authorizes(emulator: Emulator, tmp_path: Path) -> None:
    if not shutil.which("pulumi-language-yaml", path=cli_environment(Path.home())["PATH"]):
        pytest.skip("needs pulumi-language-yaml on PATH")
    stack = NativeStack(tmp_path / "project", emulator.environment)
    plugins = PROJECT.partition("runtime: python\n")[2]
    program_of_the_page = program("yaml").replace("name: directory", "name: tested", 1)
    (stack.folder / "Pulumi.yaml").write_text(program_of_the_page + plugins)
    stack.configure(servicePrincipalId=DEFAULT_SERVICE_PRINCIPAL_ID)
    stack.configure_secret(scimToken="t0ken")
    stack.up()
    assert held(emulator) == {
        "BaseAddress": "https://scim.contoso.example/v2",
        "SecretToken": "t0ken",
    }
    assert stack.pulumi("stack", "output", "authorizedAt").strip()


def test_the_settings_are_those_of_the_configuration_page() -> None:
    listed = table("Configuration reference", INSTALLATION)
    rows = table("Settings", page("configuration"))
    # A link of that page leads nowhere from the registry.
    expected = [[row[0], row[2], re.sub(r"\[(.*?)\]\(.*?\)", r"\1", row[4])] for row in rows]
    assert listed == expected


def test_the_permissions_are_those_of_the_readme() -> None:
    assert table("Permissions", INDEX) == table("Permissions", readme())


def test_the_schema_has_what_the_registry_requires() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", SCHEMA["version"])
    assert {"category/cloud", "kind/native"} <= set(SCHEMA["keywords"])
    for name in ("displayName", "description", "license", "publisher"):
        assert SCHEMA[name]
    assert SCHEMA["homepage"] == SCHEMA["repository"]
    assert SCHEMA["repository"].startswith(f"https://github.com/{SCHEMA['publisher']}/")


def test_a_placeholder_is_no_address_that_the_engine_downloads_from() -> None:
    if SCHEMA["publisher"] == "example":
        assert "pluginDownloadURL" not in SCHEMA
    else:
        address = SCHEMA["repository"].removeprefix("https://")
        assert SCHEMA["pluginDownloadURL"] == f"git://{address}"
