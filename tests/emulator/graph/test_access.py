"""Who may call Graph: tokens, application permissions, delegated permissions of users."""

from __future__ import annotations

import time
from uuid import uuid4

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_CLIENT_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    PERSONAL_TENANT_ID,
    Assumptions,
    DirectoryRole,
    Emulator,
)
from entra_emulator.tenant.gallery import NON_GALLERY_ID
from support.emulator_clients import (
    ACQUIRE,
    APPLICATIONS,
    JOBS,
    PRINCIPAL,
    PRINCIPALS,
    SECRETS,
    TEMPLATES,
    TOKEN,
    UNKNOWN_GUID,
    anonymous,
    authorized,
    claims_of,
    credentials,
    error,
    kept_by,
    pair,
    scope,
    secret_credential,
    token_form,
    with_roles,
)
from support.jobs import SUBJECT, only_job

DENIED = (
    403,
    "Authorization_RequestDenied",
    "Insufficient privileges to complete the operation.",
)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "Access token is empty."),
        ("Bearer", "Access token is empty."),
        ("Basic dXNlcjpwYXNz", "Access token is empty."),
        ("Bearer nonsense", "IDX14100: JWT is not well formed, there are no dots (.)."),
        ("Bearer a.b.c", "Access token validation failure."),
    ],
)
def test_a_call_without_a_valid_token_is_refused(
    untouched: Emulator, header: str | None, message: str
) -> None:
    headers = {} if header is None else {"Authorization": header}
    with anonymous(untouched) as client:
        answer = client.get(SECRETS, headers=headers)
    assert error(answer) == (401, "InvalidAuthenticationToken", message)
    assert answer.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("audience", "lifetime", "message"),
    [
        ("https://graph.microsoft.com", -1, "Access token has expired or is not yet valid."),
        (
            "https://management.azure.com",
            60,
            "Access token validation failure. Invalid audience.",
        ),
    ],
)
def test_a_token_that_is_expired_or_for_another_audience_is_refused(
    untouched: Emulator, audience: str, lifetime: int, message: str
) -> None:
    client = untouched.tenant.client(DEFAULT_CLIENT_ID)
    assert client
    token = untouched.authority.issue(client, audience, lifetime=lifetime)
    assert error(authorized(untouched, token).get(SECRETS)) == (
        401,
        "InvalidAuthenticationToken",
        message,
    )


def test_a_token_of_another_authority_is_refused(untouched: Emulator, emulator: Emulator) -> None:
    token = secret_credential(untouched).get_token("https://graph.microsoft.com/.default").token
    answer = authorized(emulator, token).get(SECRETS)
    assert error(answer)[:2] == (401, "InvalidAuthenticationToken")


def test_a_token_lasts_as_long_as_assumed() -> None:
    with (
        Emulator(assumptions=Assumptions(token_lifetime=1)) as emulator,
        anonymous(emulator) as http,
    ):
        answer = http.post(TOKEN, data=token_form(emulator)).json()
        bearer = {"Authorization": f"Bearer {answer['access_token']}"}
        assert answer["expires_in"] == 1
        assert http.get(SECRETS, headers=bearer).status_code == 200
        time.sleep(1.1)
        assert "expired" in error(http.get(SECRETS, headers=bearer))[2]


EMPTY_401 = (401, "UnknownError", "")


DENIED = (
    403,
    "Authorization_RequestDenied",
    "Insufficient privileges to complete the operation.",
)


def test_a_caller_without_roles_gets_an_empty_401_or_a_403(emulator: Emulator) -> None:
    with with_roles(emulator, "User.Read.All") as caller:
        assert error(caller.post(ACQUIRE, json=credentials("UserName"))) == EMPTY_401
        assert error(caller.put(SECRETS, json={"value": [pair("UserName")]})) == EMPTY_401
        assert error(caller.get(SECRETS)) == EMPTY_401
        assert error(caller.get(JOBS)) == EMPTY_401
        assert error(caller.get(PRINCIPAL)) == DENIED
        assert error(caller.delete(PRINCIPAL)) == DENIED
        assert error(caller.post("/v1.0/applications", json={"displayName": "x"})) == DENIED
    assert kept_by(emulator) == {}


@pytest.mark.parametrize("role", ["Application.ReadWrite.All", "Synchronization.ReadWrite.All"])
def test_each_documented_role_can_authorize(emulator: Emulator, role: str) -> None:
    with with_roles(emulator, role) as caller:
        assert caller.post(ACQUIRE, json=credentials("UserName")).status_code == 204


def test_a_reader_can_read_but_not_write(emulator: Emulator) -> None:
    with with_roles(emulator, "Synchronization.Read.All", "Application.Read.All") as caller:
        assert caller.get(SECRETS).status_code == caller.get(PRINCIPAL).status_code == 200
        assert error(caller.post(ACQUIRE, json=credentials("UserName"))) == EMPTY_401
        assert error(caller.delete(PRINCIPAL)) == DENIED


def test_the_answer_to_a_missing_permission_is_an_assumption() -> None:
    default = Assumptions().missing_synchronization_permission
    assumptions = Assumptions(
        missing_synchronization_permission=default._replace(status=403, code="Forbidden")
    )
    with Emulator(assumptions=assumptions) as emulator, with_roles(emulator) as caller:
        assert error(caller.get(SECRETS)) == (403, "Forbidden", "")


def signed_in(emulator: Emulator, *scopes: str, roles: tuple[str, ...] = ()) -> httpx.Client:
    return authorized(emulator, emulator.authority.issue_for_user(scopes, roles))


CREDENTIALS = {"credentials": [{"key": "SecretToken", "value": "a"}]}


@pytest.mark.parametrize("role", DirectoryRole)
def test_a_user_authorizes_with_the_delegated_permission_and_a_directory_role(
    emulator: Emulator, role: DirectoryRole
) -> None:
    with signed_in(emulator, "Synchronization.ReadWrite.All", roles=(role.value,)) as person:
        assert person.post(ACQUIRE, json=CREDENTIALS).status_code == 204


def test_a_users_token_names_the_user(untouched: Emulator) -> None:
    role = DirectoryRole.APPLICATION_ADMINISTRATOR
    claims = claims_of(untouched.authority.issue_for_user(["A.Read", "B.Read"], [role]))
    assert (claims["scp"], claims["idtyp"]) == ("A.Read B.Read", "user")
    assert claims["wids"] == ["9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"]
    assert "roles" not in claims
    assert "@" in claims["upn"]


@pytest.mark.parametrize(
    ("scopes", "roles"),
    [
        ((), (DirectoryRole.APPLICATION_ADMINISTRATOR,)),
        (("Synchronization.ReadWrite.All",), ()),
        (("Synchronization.ReadWrite.All",), (UNKNOWN_GUID,)),
        (("Synchronization.Read.All",), (DirectoryRole.APPLICATION_ADMINISTRATOR,)),
        (("Application.ReadWrite.All",), (DirectoryRole.APPLICATION_ADMINISTRATOR,)),
        (("Application.ReadWrite.OwnedBy",), (DirectoryRole.APPLICATION_ADMINISTRATOR,)),
    ],
)
def test_a_user_without_either_gets_the_error_of_a_missing_permission(
    untouched: Emulator, scopes: tuple[str, ...], roles: tuple[str, ...]
) -> None:
    with signed_in(untouched, *scopes, roles=roles) as person:
        assert error(person.post(ACQUIRE, json=CREDENTIALS)) == (401, "UnknownError", "")


def test_a_user_reads_jobs_with_the_delegated_permission_to_read(untouched: Emulator) -> None:
    role = DirectoryRole.HYBRID_IDENTITY_ADMINISTRATOR
    with signed_in(untouched, "Synchronization.Read.All", roles=(role,)) as person:
        assert person.get(JOBS).status_code == 200


@pytest.mark.parametrize(
    ("delegated", "reads", "writes"),
    [
        ("Application.Read.All", True, False),
        ("Directory.Read.All", True, False),
        ("Application.ReadWrite.All", True, True),
        ("Directory.ReadWrite.All", True, True),
        ("Application.ReadWrite.OwnedBy", False, False),
        ("User.Read", False, False),
    ],
)
def test_a_user_reads_and_writes_the_directory_with_the_delegated_permissions(
    emulator: Emulator, delegated: str, reads: bool, writes: bool
) -> None:
    with signed_in(emulator, delegated) as person:
        found = person.get(f"/v1.0/servicePrincipals(appId='{DEFAULT_APP_ID}')")
        made = person.post("/v1.0/applications", json={"displayName": "New"})
    assert (found.status_code == 200, made.status_code == 201) == (reads, writes)
    for answer, may in ((found, reads), (made, writes)):
        if not may:
            assert error(answer)[:2] == (403, "Authorization_RequestDenied")


def test_a_personal_account_is_refused(untouched: Emulator) -> None:
    token = untouched.authority.issue_for_user(
        ["Application.Read.All"], tenant_id=PERSONAL_TENANT_ID
    )
    assert claims_of(token)["tid"] == "9188040d-6c67-4c5b-b112-36a304b66dad"
    with authorized(untouched, token) as person:
        answer = person.get(f"/v1.0/servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}")
    assert error(answer) == (400, "BadRequest", "This API is not supported for MSA accounts.")


def test_a_user_of_another_tenant_is_refused(untouched: Emulator) -> None:
    token = untouched.authority.issue_for_user(["Application.Read.All"], tenant_id=UNKNOWN_GUID)
    with authorized(untouched, token) as person:
        assert error(person.get(SECRETS))[:2] == (401, "InvalidAuthenticationToken")


def test_a_users_token_expires(untouched: Emulator) -> None:
    token = untouched.authority.issue_for_user(["Application.Read.All"], lifetime=-1)
    with authorized(untouched, token) as person:
        assert error(person.get(SECRETS))[:2] == (401, "InvalidAuthenticationToken")


def test_every_caller_reads_the_gallery_and_not_every_caller_instantiates(
    emulator: Emulator,
) -> None:
    with with_roles(emulator) as caller:
        assert caller.get(TEMPLATES).status_code == 200
        path = f"{TEMPLATES}/{NON_GALLERY_ID}/instantiate"
        assert error(caller.post(path, json={"displayName": "x"})) == DENIED
    with anonymous(emulator) as stranger:
        assert stranger.get(TEMPLATES).status_code == 401


def test_owned_by_changes_only_owned_objects(emulator: Emulator) -> None:
    pairs = {"credentials": [{"key": "UserName", "value": "x"}]}
    with with_roles(emulator, "Application.ReadWrite.OwnedBy") as caller:
        made = caller.post(
            f"{TEMPLATES}/{NON_GALLERY_ID}/instantiate", json={"displayName": "Ours"}
        ).json()
        own = f"{PRINCIPALS}/{made['servicePrincipal']['id']}"
        assert (
            caller.post(f"{own}/synchronization/acquireAccessToken", json=pairs).status_code == 204
        )
        assert caller.patch(own, json={"notes": "x"}).status_code == 204
        assert caller.get(PRINCIPAL).status_code == 200
        assert error(caller.patch(PRINCIPAL, json={"notes": "x"})) == DENIED
        assert error(caller.delete(PRINCIPAL)) == DENIED
        for refused in (
            caller.post(f"{PRINCIPAL}/synchronization/acquireAccessToken", json=pairs),
            caller.get(f"{PRINCIPAL}/synchronization/secrets"),
        ):
            assert error(refused) == (401, "UnknownError", "")
        secrets = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
        assert secrets == {}
        emulator.tenant.delete("applications", DEFAULT_APPLICATION_ID)
        deleted = "/v1.0/directory/deletedItems"
        assert error(caller.delete(f"{deleted}/{DEFAULT_APPLICATION_ID}")) == DENIED
        gone = f"{APPLICATIONS}/{DEFAULT_APPLICATION_ID}"
        assert error(caller.patch(gone, json={"notes": "x"}))[0] == 404
        assert caller.delete(own).status_code == 204
        assert caller.delete(f"{deleted}/{made['servicePrincipal']['id']}").status_code == 204
        unknown = f"{PRINCIPALS}/{UNKNOWN_GUID}/synchronization/secrets"
        assert error(caller.get(unknown))[0] == 404


def test_the_owner_of_an_application_does_not_own_its_service_principal(
    emulator: Emulator,
) -> None:
    client_id = str(uuid4())
    emulator.tenant.register_client(client_id, ["s"], roles=["Application.ReadWrite.OwnedBy"])
    client = emulator.tenant.client(client_id)
    assert client
    emulator.tenant.add_owner("applications", DEFAULT_APPLICATION_ID, client.object_id)
    token = secret_credential(emulator, "s", client_id).get_token(scope(emulator)).token
    secrets = "synchronization/secrets"
    with authorized(emulator, token) as caller:
        application = f"{APPLICATIONS}/{DEFAULT_APPLICATION_ID}"
        assert caller.get(f"{application}/{secrets}").status_code == 200
        assert error(caller.get(f"{PRINCIPAL}/{secrets}"))[0] == 401
        emulator.tenant.add_owner(
            "servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, client.object_id
        )
        assert caller.get(f"{PRINCIPAL}/{secrets}").status_code == 200


def test_the_objects_that_owned_by_reads_are_an_assumption() -> None:
    with (
        Emulator(assumptions=Assumptions(owned_by_reads_all=False)) as emulator,
        with_roles(emulator, "Application.ReadWrite.OwnedBy") as caller,
    ):
        assert error(caller.get(PRINCIPAL)) == DENIED


def test_a_reader_reads_jobs_and_templates_but_changes_none(emulator: Emulator) -> None:
    with with_roles(emulator, "Synchronization.Read.All") as caller:
        job = only_job(caller)
        assert caller.get(f"{PRINCIPAL}/synchronization/templates").status_code == 200
        for refused in (
            caller.post(JOBS, json={"templateId": "scim"}),
            caller.post(f"{job}/start"),
            caller.post(f"{job}/provisionOnDemand", json=SUBJECT),
            caller.post(f"{JOBS}/validateCredentials", json={"useSavedCredentials": True}),
            caller.delete(job),
        ):
            assert error(refused) == (401, "UnknownError", "")
