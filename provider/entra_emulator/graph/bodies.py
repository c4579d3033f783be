"""The bodies that clients send to Graph, read strictly: an unknown property is an error."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..formats import is_guid
from ..http.errors import NotEmulatedError
from .errors import bad_request, unknown_property

PAIR_TYPE = "microsoft.graph.synchronizationSecretKeyStringValuePair"
OWNERS = "owners@odata.bind"


def read_pairs(body: Any, name: str) -> list[tuple[str, str | None]]:
    """The pairs in `{"<name>": [{"key": …, "value": …}]}`: keys as sent, values str or None."""
    items = _properties(body, {name}, "the request body").get(name)
    if not isinstance(items, list) or not items:
        raise bad_request(
            f"The parameter '{name}' must be a collection of {PAIR_TYPE} that is not empty."
        )
    return [_pair(item) for item in items]


def _pair(item: Any) -> tuple[str, str | None]:
    properties = _properties(item, {"key", "value"}, PAIR_TYPE)
    key, value = properties.get("key"), properties.get("value")
    if not isinstance(key, str):
        raise bad_request(f"The property 'key' of {PAIR_TYPE} must be a string.")
    if value is not None and not isinstance(value, str):
        raise bad_request(f"The property 'value' of {PAIR_TYPE} must be a string or null.")
    return key, value


def read_text(body: Any, name: str, type_name: str) -> str:
    """The only property of the body, which is required, e.g. `displayName`."""
    value = _properties(body, {name}, type_name).get(name)
    if not isinstance(value, str) or not value:
        raise bad_request(f"Property '{name}' of {type_name} is required and must be a string.")
    return value


def read_object(body: Any, type_name: str) -> tuple[dict[str, Any], list[str]]:
    """The properties of an application or a service principal, and the ids of its owners.

    Owners are in `"owners@odata.bind": ["https://…/v1.0/directoryObjects/<id>"]`.
    """
    given = _object(body, type_name)
    for name in body:
        if name.endswith("@odata.bind") and name != OWNERS:
            raise NotEmulatedError(f"'{name}' here")
    bound = body.get(OWNERS, [])
    if not isinstance(bound, list):
        raise bad_request(f"'{OWNERS}' must be a collection of references.")
    return given, [_referenced_id(reference) for reference in bound]


def read_changes(body: Any, type_name: str) -> dict[str, Any]:
    """The properties that the client changes."""
    if isinstance(body, dict) and any(name.endswith("@odata.bind") for name in body):
        raise NotEmulatedError("'@odata.bind' in a PATCH")
    return _object(body, type_name)


def pop_text(given: dict[str, Any], name: str, type_name: str) -> str:
    """Removes and returns a property that is required to create such an object."""
    value = given.pop(name, None)
    if not isinstance(value, str) or not value:
        raise bad_request(f"Property '{name}' of {type_name} is required and must be a string.")
    return value


def read_instance_name(body: Any) -> str:
    """The `displayName` of a new instance of an application template."""
    given = _properties(body, {"displayName", "serviceManagementReference"}, "instantiate")
    return pop_text(given, "displayName", "the request body")


def read_reference(body: Any) -> str:
    """The id in `{"@odata.id": "https://…/v1.0/directoryObjects/<id>"}`."""
    if not isinstance(body, dict):
        raise bad_request("A JSON object is expected for a reference.")
    return _referenced_id(body.get("@odata.id"))


def read_reset_scope(body: Any) -> str:
    """The scopes in `{"criteria": {"resetScope": "…"}}`; "" if there are none."""
    criteria = _properties(body, {"criteria"}, "restart").get("criteria")
    if criteria is None:
        return ""
    type_name = "microsoft.graph.synchronizationJobRestartCriteria"
    scope = _properties(criteria, {"resetScope"}, type_name).get("resetScope")
    if scope is not None and not isinstance(scope, str):
        raise bad_request(f"The property 'resetScope' of {type_name} must be a string.")
    return scope or ""


def read_subject(body: Any) -> tuple[str, str]:
    """The id and the type of the first object to provision on demand.

    The body is `{"parameters": [{"ruleId": …, "subjects": […]}]}`, and a subject
    `{"objectId": …, "objectTypeName": …}`.
    """
    parameters = _properties(body, {"parameters"}, "provisionOnDemand").get("parameters")
    type_name = "microsoft.graph.synchronizationJobApplicationParameters"
    found: list[tuple[str, str]] = []
    for item in _filled_list(parameters, type_name):
        given = _properties(item, {"ruleId", "subjects"}, type_name)
        pop_text(given, "ruleId", type_name)
        subject_type = "microsoft.graph.synchronizationJobSubject"
        for subject in _filled_list(given.get("subjects"), subject_type):
            named = _properties(subject, {"objectId", "objectTypeName", "links"}, subject_type)
            object_id = pop_text(named, "objectId", subject_type)
            found.append((object_id, pop_text(named, "objectTypeName", subject_type)))
    return found[0]


def read_validation(body: Any) -> tuple[str | None, list[tuple[str, str | None]] | None]:
    """The template's id, if given, and the pairs to validate; None means the saved ones.

    The body is `{"useSavedCredentials": …, "credentials": […], "templateId": …}`.
    """
    known = {"applicationIdentifier", "templateId", "useSavedCredentials", "credentials"}
    given = _properties(body, known, "validateCredentials")
    for name in ("applicationIdentifier", "templateId"):
        if not isinstance(given.get(name), (str, type(None))):
            raise bad_request(f"The parameter '{name}' must be a string.")
    if not isinstance(given.get("useSavedCredentials"), (bool, type(None))):
        raise bad_request("The parameter 'useSavedCredentials' must be a Boolean.")
    template_id: str | None = given.get("templateId")
    if given.get("useSavedCredentials"):
        return template_id, None
    return template_id, [_pair(item) for item in _filled_list(given.get("credentials"), PAIR_TYPE)]


def _filled_list(items: Any, type_name: str) -> list[Any]:
    if not isinstance(items, list) or not items:
        raise bad_request(f"A collection of {type_name} that is not empty is expected.")
    return items


def _referenced_id(reference: Any) -> str:
    if not isinstance(reference, str) or "/" not in reference:
        raise bad_request("A reference must be the URL of an object of the directory.")
    id = reference.rstrip("/").rpartition("/")[2]
    if not is_guid(id):
        raise bad_request("A reference must end in the id of an object of the directory.")
    return id


def _object(body: Any, type_name: str) -> dict[str, Any]:
    """Any properties; the tenant knows which of them the type has."""
    names = body if isinstance(body, dict) else ()
    properties = _properties(body, names, type_name)
    return {name: _without_annotations(value) for name, value in properties.items()}


def _without_annotations(value: Any) -> Any:
    """The value without OData annotations."""
    if isinstance(value, dict):
        return {
            name: _without_annotations(inner) for name, inner in value.items() if "@" not in name
        }
    return [_without_annotations(inner) for inner in value] if isinstance(value, list) else value


def _properties(item: Any, known: Collection[str], type_name: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise bad_request(f"A JSON object is expected for {type_name}.")
    declared = item.get("@odata.type", type_name)
    if not isinstance(declared, str) or declared.removeprefix("#") != type_name:
        raise bad_request(f"The type in '@odata.type' is not {type_name}.")
    # OData readers ignore unknown annotations, which have an @ in their names.
    properties = {name: value for name, value in item.items() if "@" not in name}
    for name in properties.keys() - set(known):
        raise unknown_property(name, type_name)
    return properties
