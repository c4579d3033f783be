"""The permissions of a caller, those that it lacks, and the commands that grant them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping

import jwt
import pytest
from pulumi_entra_provisioning.identity.caller import Caller
from pulumi_entra_provisioning.identity.permissions import lacking, lacking_to_look

GRAPH = "https://graph.microsoft.us"
TARGET = "servicePrincipals/00000000-0000-4000-8000-00000000051d"
APPLICATION = {
    "tid": "00000000-0000-4000-8000-00000000c0de",
    "appid": "00000000-0000-4000-8000-0000000c11e0",
    "oid": "00000000-0000-4000-8000-0000000c11e1",
    "idtyp": "app",
}
USER = {**APPLICATION, "idtyp": "user", "scp": "Application.Read.All User.Read"}
APPLICATION_ADMINISTRATOR = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"


def caller(claims: Mapping[str, object]) -> Caller:
    read = Caller.of(jwt.encode(dict(claims), "a key that is long enough for its signature"))
    assert read
    return read


def commands(reported: str) -> list[list[str]]:
    """The commands in a text, split like a shell, with `<graph>` for a command substitution."""
    found = re.findall(r"^  (az .*)$", reported, re.MULTILINE)
    return [shlex.split(re.sub(r"\$\(az ad sp show [^)]*\)", "<graph>", line)) for line in found]


def test_the_error_shows_the_permissions_of_the_caller_and_the_command_that_grants_more() -> None:
    reported = lacking(caller({**APPLICATION, "roles": ["User.Read.All"]}), TARGET, GRAPH)
    assert (
        "(client 00000000-0000-4000-8000-0000000c11e0) has the application permissions" in reported
    )
    assert "User.Read.All. It needs Synchronization.ReadWrite.All, or" in reported
    ((*command, body),) = commands(reported)
    assert command == [
        *f"az rest --method POST --resource {GRAPH} --url".split(),
        f"{GRAPH}/v1.0/servicePrincipals/{APPLICATION['oid']}/appRoleAssignments",
        "--body",
    ]
    assert json.loads(body) == {
        "principalId": APPLICATION["oid"],
        "appRoleId": "9b50c33d-700f-43b1-b2eb-87e89b703581",
        "resourceId": "<graph>",
    }


def test_the_error_reports_a_caller_without_permissions() -> None:
    assert "has no application permission. It needs" in lacking(caller(APPLICATION), TARGET, GRAPH)


def test_a_caller_with_owned_by_sees_the_command_that_makes_it_owner() -> None:
    owner = caller({**APPLICATION, "roles": ["Application.ReadWrite.OwnedBy"]})
    reported = lacking(owner, TARGET, GRAPH)
    own, grant = commands(reported)
    assert own[7] == f"{GRAPH}/v1.0/{TARGET}/owners/$ref"
    assert json.loads(own[9]) == {
        "@odata.id": f"{GRAPH}/v1.0/directoryObjects/{APPLICATION['oid']}"
    }
    assert grant[7].endswith("/appRoleAssignments")


def test_a_caller_with_enough_permissions_sees_no_command() -> None:
    reported = lacking(
        caller({**APPLICATION, "roles": ["Synchronization.ReadWrite.All"]}), TARGET, GRAPH
    )
    assert "which is enough" in reported
    assert commands(reported) == []


def test_a_user_sees_the_missing_scope_and_role() -> None:
    reported = lacking(caller(USER), TARGET, GRAPH)
    assert "the delegated permissions Application.Read.All, User.Read through client" in reported
    assert ", and none of the directory roles. It needs Synchronization.ReadWrite.All" in reported
    assert (
        "Application Administrator, Cloud Application Administrator or Hybrid Identity" in reported
    )
    assign, grant = commands(reported)
    assert assign[7] == f"{GRAPH}/v1.0/roleManagement/directory/roleAssignments"
    assert json.loads(assign[9]) == {
        "principalId": USER["oid"],
        "roleDefinitionId": APPLICATION_ADMINISTRATOR,
        "directoryScopeId": "/",
    }
    assert grant == [
        *"az ad app permission grant --id".split(),
        USER["appid"],
        *"--api 00000003-0000-0000-c000-000000000000 --scope".split(),
        # The command takes away what it does not name.
        "Application.Read.All Synchronization.ReadWrite.All User.Read",
    ]


@pytest.mark.parametrize(
    ("role", "name"),
    [
        (APPLICATION_ADMINISTRATOR, "Application Administrator"),
        ("62e90394-69f5-4237-9190-012177145e10", "Global Administrator"),
    ],
)
def test_a_user_with_a_role_sees_only_the_missing_scope(role: str, name: str) -> None:
    reported = lacking(caller({**USER, "wids": [role, "another"]}), TARGET, GRAPH)
    assert f", and {name}. It needs" in reported
    assert [command[3:5] for command in commands(reported)] == [["permission", "grant"]]


def test_a_user_with_scope_and_role_sees_no_command() -> None:
    scopes = {"scp": "Synchronization.ReadWrite.All", "wids": [APPLICATION_ADMINISTRATOR]}
    reported = lacking(caller({**USER, **scopes}), TARGET, GRAPH)
    assert "Application Administrator, which is enough" in reported
    assert commands(reported) == []


@pytest.mark.parametrize(
    "client_id", ["04b07795-8ddb-461a-bbee-02f9e1bf7b46", "1950a258-227b-4e31-a9cf-717495945fc2"]
)
def test_a_user_of_a_microsoft_client_must_use_a_service_principal(client_id: str) -> None:
    reported = lacking(caller({**USER, "appid": client_id}), TARGET, GRAPH)
    assert "This client belongs to Microsoft and cannot get the permission" in reported
    assert commands(reported) == []


def test_a_caller_that_cannot_read_sees_the_permission_to_read() -> None:
    only = caller({**APPLICATION, "roles": ["Synchronization.ReadWrite.All"]})
    reported = lacking_to_look(only, TARGET, GRAPH)
    assert "It needs Application.Read.All to check whether" in reported
    assert "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30" in reported
    assert "delegated permission Application.Read.All" in lacking_to_look(
        caller(USER), TARGET, GRAPH
    )


@pytest.mark.parametrize(
    "token",
    [
        "",
        "opaque",
        "a.b.c",
        "a..c",
        "é.é.é",
        *(
            jwt.encode(claims, "a key that is long enough for its signature")
            for claims in (
                {},
                {**APPLICATION, "scp": 1},
                {**APPLICATION, "roles": 1},
                {name: value for name, value in APPLICATION.items() if name != "oid"},
                {name: value for name, value in APPLICATION.items() if name != "appid"},
            )
        ),
    ],
)
def test_an_unreadable_token_has_no_caller(token: str) -> None:
    assert Caller.of(token) is None


def test_a_version_2_token_names_its_client() -> None:
    claims = {**APPLICATION, "azp": "the-client"}
    del claims["appid"]
    assert caller(claims).client_id == "the-client"
    assert caller(claims).id == "the-client"
    assert caller(USER).id == USER["oid"]


@pytest.mark.parametrize(
    "said", ["\x1b[31m", "x'; rm -rf $HOME; '", "##vso[task.debug]", "a\nb", 1]
)
def test_only_ids_and_permissions_of_a_token_reach_a_command(said: object) -> None:
    roles = caller({**APPLICATION, "roles": [said, "User.Read.All"]}).roles
    assert roles == ("User.Read.All",)
    for claim in ("tid", "appid", "oid"):
        assert Caller.of(jwt.encode({**APPLICATION, claim: said}, "k" * 32)) is None
