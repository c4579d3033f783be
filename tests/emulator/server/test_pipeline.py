"""What holds for every request: unknown paths, limits, crashes, threads."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    Emulator,
)
from msgraph.generated.models.synchronization_secret import SynchronizationSecret
from support.emulator_clients import (
    ACQUIRE,
    JOBS,
    PLANTED,
    PRINCIPAL,
    SECRETS,
    TOKEN,
    anonymous,
    authorized,
    credentials,
    error,
    scope,
    secret_credential,
)


@pytest.fixture(scope="module")
def graph(untouched: Emulator) -> Iterator[httpx.Client]:
    with authorized(untouched) as client:
        yield client


# Microsoft's own generated enumeration. Its members' values are text, though typed otherwise.
KEYS = [str(member.value) for member in SynchronizationSecret]


@pytest.mark.parametrize(
    "path",
    [
        "/v1.0/users",
        "/beta/applications",
        f"{PRINCIPAL}/synchronization",
        f"{PRINCIPAL}/appRoleAssignments",
        f"{JOBS}/scim/schema",
        f"{PRINCIPAL}/",
        "/v1.0/../../etc/passwd",
        f"/v1.0/servicePrincipals/%2e%2e%2f{DEFAULT_APPLICATION_ID}",
    ],
)
def test_an_unknown_path_is_501_and_names_the_emulator(graph: httpx.Client, path: str) -> None:
    status, code, message = error(graph.get(path))
    assert (status, code) == (501, "NotImplemented")
    assert message.startswith("The emulator does not implement the path '/")


@pytest.mark.parametrize("query", [{"$orderby": "id"}, {"$filter": "displayName ge 'a'"}])
def test_an_unknown_query_option_is_501_and_names_the_emulator(
    graph: httpx.Client, query: dict[str, str]
) -> None:
    answer = graph.get("/v1.0/applications", params=query)
    assert error(answer)[0] == 501
    assert next(iter(query)) in error(answer)[2]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ACQUIRE), ("DELETE", SECRETS), ("PATCH", JOBS), ("GET", TOKEN)]
)
def test_another_method_of_a_known_path_is_405(graph: httpx.Client, method: str, path: str) -> None:
    answer = graph.request(method, path)
    assert error(answer) == (
        405,
        "Request_BadRequest",
        "Specified HTTP method is not allowed for the request target.",
    )
    assert answer.headers["x-ms-resource-unit"] == "1"


def test_an_error_carries_the_ids_of_the_call_in_its_body(graph: httpx.Client) -> None:
    sent = str(uuid4())
    with_id = graph.get("/v1.0/users", headers={"client-request-id": sent})
    inner = with_id.json()["error"]["innerError"]
    assert inner["request-id"] == with_id.headers["request-id"]
    assert inner["client-request-id"] == with_id.headers["client-request-id"] == sent
    assert datetime.strptime(inner["date"], "%Y-%m-%dT%H:%M:%S")
    for headers in ({}, {"client-request-id": PLANTED}):
        without = graph.get("/v1.0/users", headers=headers)
        inner = without.json()["error"]["innerError"]
        assert inner["client-request-id"] == inner["request-id"]


def test_a_body_of_more_than_a_mebibyte_is_413(graph: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 65536

    assert error(graph.post(ACQUIRE, content=b"x" * (2 << 20)))[0] == 413
    assert error(graph.post(ACQUIRE, content=chunks()))[0] == 413
    assert graph.get(SECRETS).status_code == 200


def test_the_clouds_metadata_point_at_the_emulator_without_a_token(untouched: Emulator) -> None:
    with anonymous(untouched) as client:
        answer = client.get("/metadata/endpoints", params={"api-version": "2022-09-01"})
        other = client.get("/metadata/endpoints", params={"api-version": "2019-05-01"})
    endpoints = answer.json()
    assert endpoints["authentication"]["loginEndpoint"] == untouched.url
    assert endpoints["microsoftGraphResourceId"] == endpoints["resourceManager"] == untouched.url
    assert error(other)[:2] == (501, "NotImplemented")


def test_a_crash_answers_500_and_quotes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    with Emulator(state=folder / PLANTED) as emulator, authorized(emulator) as client:
        shutil.rmtree(folder)
        answer = client.post(ACQUIRE, json=credentials("UserName"))
        assert error(answer)[:2] == (500, "InternalServerError")
        assert PLANTED not in answer.text
        assert client.get(SECRETS).status_code == 200
    assert "FileNotFoundError in the emulator" in caplog.text
    assert PLANTED not in caplog.text


def test_concurrent_calls_lose_nothing(emulator: Emulator) -> None:
    targets = []
    for number in range(8):
        application = emulator.tenant.create_application(f"Application {number}")
        targets.append(application["id"])
    token = secret_credential(emulator).get_token(scope(emulator)).token

    def authorize(id: str) -> list[int]:
        with authorized(emulator, token) as client:
            path = f"/v1.0/applications/{id}/synchronization/acquireAccessToken"
            return [client.post(path, json=credentials(key)).status_code for key in KEYS[:12]]

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(authorize, targets))
    assert statuses == [[204] * 12] * 8
    assert len(emulator.journal.select("POST", "*/acquireAccessToken")) == 96
    for id in targets:
        assert len(emulator.tenant.secrets("applications", id)) == 12


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Makes Python switch threads constantly, so that a missing lock shows."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("restless_threads")
def test_concurrent_changes_leave_a_complete_state_file(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    with Emulator(state=file) as emulator, ThreadPoolExecutor(8) as pool:
        names = [f"Application {number}" for number in range(80)]
        created = list(pool.map(emulator.tenant.create_application, names))
        expected = emulator.tenant.objects("applications")
    assert len({application["id"] for application in created}) == 80
    with Emulator(state=file) as emulator:
        assert emulator.tenant.objects("applications") == expected
        assert len(expected) == 81


def test_a_response_does_not_wait_for_an_acknowledgement(graph: httpx.Client) -> None:
    began = time.monotonic()
    for _ in range(50):
        assert graph.get(SECRETS).status_code == 200
    assert time.monotonic() - began < 1.5
