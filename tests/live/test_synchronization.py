"""The documented synchronization API, on a tenant or on the emulator."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from live.experiments import BEARER, refusal
from live.place import Place, pairs


@pytest.mark.parametrize("name", ["acquireAccessToken", "microsoft.graph.acquireAccessToken"])
def test_an_authorization_answers_204_and_saves_the_credentials(place: Place, name: str) -> None:
    target = place.new_target()
    answer = place.call("POST", f"{target.synchronization}/{name}", {"credentials": pairs(BEARER)})
    assert (answer.status_code, answer.content) == (204, b"")
    assert place.secrets(target).keys() >= BEARER.keys()


def test_a_bearer_token_is_saved_and_masked(place: Place) -> None:
    target = place.new_target()
    assert place.put(target, BEARER).status_code == 204
    shown = place.secrets(target)
    assert shown["BaseAddress"] == BEARER["BaseAddress"]
    assert shown["SecretToken"] == "*"


def test_an_empty_value_removes_only_its_key(place: Place) -> None:
    target = place.new_target()
    assert place.put(target, BEARER).is_success
    assert place.put(target, {"SecretToken": ""}).status_code == 204
    assert place.secrets(target).keys() & BEARER.keys() == {"BaseAddress"}


def test_an_annotated_type_changes_nothing(place: Place) -> None:
    target = place.new_target()
    kind = "#microsoft.graph.synchronizationSecretKeyStringValuePair"
    annotated = [{"@odata.type": kind, **pair} for pair in pairs(BEARER)]
    answer = place.call("POST", target.acquire, {"credentials": annotated})
    assert answer.status_code == 204


def test_a_target_that_is_deleted_is_not_found(place: Place) -> None:
    target = place.new_target()
    place.done("DELETE", f"/servicePrincipals/{target.id}")
    place.settle()
    answer = place.call("GET", f"/servicePrincipals/{target.id}", at_once=True)
    assert refusal(answer)[:2] == (404, "Request_ResourceNotFound")


@pytest.mark.parametrize("kind", ["applications", "servicePrincipals"])
def test_an_unknown_object_is_not_found(place: Place, kind: str) -> None:
    answer = place.call("GET", f"/{kind}/{uuid4()}", at_once=True)
    assert refusal(answer)[:2] == (404, "Request_ResourceNotFound")
    assert_is_graphs(answer)


def test_an_invalid_token_is_refused(place: Place) -> None:
    answer = place.call("GET", "/applications", token="nonsense", at_once=True)
    assert refusal(answer)[:2] == (401, "InvalidAuthenticationToken")
    assert_is_graphs(answer)


def assert_is_graphs(answer: httpx.Response) -> None:
    """The ids that Microsoft's support needs are in the headers and the body, and are equal."""
    inner = answer.json()["error"]["innerError"]
    assert inner["request-id"] == answer.headers["request-id"]
    assert inner["client-request-id"] == answer.headers["client-request-id"]


def test_objects_are_found_by_their_app_id(place: Place) -> None:
    target = place.new_target()
    application = place.done("GET", f"/applications/{target.application_id}")
    path = f"/servicePrincipals?$filter=appId eq '{application['appId']}'&$select=id"
    assert place.done("GET", path)["value"] == [{"id": target.id}]


def test_a_new_job_is_not_configured_and_disabled(place: Place) -> None:
    job = place.done("GET", place.new_job(place.new_target()))
    assert job["status"]["code"] == "NotConfigured"
    assert job["schedule"]["state"] == "Disabled"


def test_a_job_is_started_paused_and_deleted(place: Place) -> None:
    target = place.new_target()
    assert place.put(target, BEARER).is_success
    job = place.new_job(target)
    for action, state in (("start", "Active"), ("pause", "Paused")):
        assert place.call("POST", f"{job}/{action}").status_code == 204
        place.settle()
        assert place.done("GET", job)["schedule"]["state"] == state
    assert place.call("DELETE", job).status_code == 204
    place.settle()
    assert place.call("GET", job, at_once=True).status_code == 404


def test_a_deleted_object_is_listed_in_the_deleted_items(place: Place) -> None:
    target = place.new_target()
    place.done("DELETE", f"/applications/{target.application_id}")
    place.settle()
    deleted = place.done("GET", f"/directory/deletedItems/{target.application_id}")
    assert deleted["@odata.type"] == "#microsoft.graph.application"
    assert deleted["deletedDateTime"]
