"""Bodies that clients send to Graph, read strictly: a name that the type lacks is refused."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .graph_errors import bad_request, not_implemented, unknown_property
from .state import is_guid

PAIR_TYPE = "microsoft.graph.synchronizationSecretKeyStringValuePair"
OWNERS = "owners@odata.bind"


def read_pairs(document: Any, name: str) -> list[tuple[str, str | None]]:
    """The pairs of `{"<name>": [{"key": …, "value": …}]}`: keys as sent, values str or None."""
    items = _properties(document, {name}, "the request body").get(name)
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


def read_text(document: Any, name: str, type_name: str) -> str:
    """The one property that the body must have, e.g. `displayName` of an application."""
    value = _properties(document, {name}, type_name).get(name)
    if not isinstance(value, str) or not value:
        raise bad_request(f"Property '{name}' of {type_name} is required and must be a string.")
    return value


def read_object(document: Any, type_name: str) -> tuple[dict[str, Any], list[str]]:
    """The properties of an application or a service principal, and the ids of its owners.

    Owners are named as `"owners@odata.bind": ["https://…/v1.0/directoryObjects/<id>"]`.
    """
    given = _object(document, type_name)
    for name in document:
        if name.endswith("@odata.bind") and name != OWNERS:
            raise not_implemented(f"'{name}' here")
    bound = document.get(OWNERS, [])
    if not isinstance(bound, list):
        raise bad_request(f"'{OWNERS}' must be a collection of references.")
    return given, [_referred(reference) for reference in bound]


def read_changes(document: Any, type_name: str) -> dict[str, Any]:
    """The properties to change."""
    if isinstance(document, dict) and any(name.endswith("@odata.bind") for name in document):
        raise not_implemented("'@odata.bind' in a PATCH")
    return _object(document, type_name)


def taken_text(given: dict[str, Any], name: str, type_name: str) -> str:
    """Takes out the property that such an object has to be created with."""
    value = given.pop(name, None)
    if not isinstance(value, str) or not value:
        raise bad_request(f"Property '{name}' of {type_name} is required and must be a string.")
    return value


def read_instance_name(document: Any) -> str:
    """The `displayName` for an instance of an application template."""
    given = _properties(document, {"displayName", "serviceManagementReference"}, "instantiate")
    return taken_text(given, "displayName", "the request body")


def read_reference(document: Any) -> str:
    """The id in `{"@odata.id": "https://…/v1.0/directoryObjects/<id>"}`."""
    if not isinstance(document, dict):
        raise bad_request("A JSON object is expected for a reference.")
    return _referred(document.get("@odata.id"))


def read_reset_scope(document: Any) -> str:
    """The scopes of `{"criteria": {"resetScope": "…"}}`, "" where there are none."""
    criteria = _properties(document, {"criteria"}, "restart").get("criteria")
    if criteria is None:
        return ""
    type_name = "microsoft.graph.synchronizationJobRestartCriteria"
    scope = _properties(criteria, {"resetScope"}, type_name).get("resetScope")
    if scope is not None and not isinstance(scope, str):
        raise bad_request(f"The property 'resetScope' of {type_name} must be a string.")
    return scope or ""


def read_subject(document: Any) -> tuple[str, str]:
    """Id and type of the first object to provision on demand.

    The body is `{"parameters": [{"ruleId": …, "subjects": […]}]}`, and a subject
    `{"objectId": …, "objectTypeName": …}`.
    """
    parameters = _properties(document, {"parameters"}, "provisionOnDemand").get("parameters")
    type_name = "microsoft.graph.synchronizationJobApplicationParameters"
    found: list[tuple[str, str]] = []
    for item in _collection(parameters, type_name):
        given = _properties(item, {"ruleId", "subjects"}, type_name)
        taken_text(given, "ruleId", type_name)
        subject_type = "microsoft.graph.synchronizationJobSubject"
        for subject in _collection(given.get("subjects"), subject_type):
            named = _properties(subject, {"objectId", "objectTypeName", "links"}, subject_type)
            object_id = taken_text(named, "objectId", subject_type)
            found.append((object_id, taken_text(named, "objectTypeName", subject_type)))
    return found[0]


def read_validation(document: Any) -> tuple[str | None, list[tuple[str, str | None]] | None]:
    """The template's id, if it was named, and the pairs to validate: None for those that are kept.

    The body is `{"useSavedCredentials": …, "credentials": […], "templateId": …}`.
    """
    known = {"applicationIdentifier", "templateId", "useSavedCredentials", "credentials"}
    given = _properties(document, known, "validateCredentials")
    for name in ("applicationIdentifier", "templateId"):
        if not isinstance(given.get(name), (str, type(None))):
            raise bad_request(f"The parameter '{name}' must be a string.")
    if not isinstance(given.get("useSavedCredentials"), (bool, type(None))):
        raise bad_request("The parameter 'useSavedCredentials' must be a Boolean.")
    template_id: str | None = given.get("templateId")
    if given.get("useSavedCredentials"):
        return template_id, None
    return template_id, [_pair(item) for item in _collection(given.get("credentials"), PAIR_TYPE)]


def _collection(items: Any, type_name: str) -> list[Any]:
    if not isinstance(items, list) or not items:
        raise bad_request(f"A collection of {type_name} that is not empty is expected.")
    return items


def _referred(reference: Any) -> str:
    if not isinstance(reference, str) or "/" not in reference:
        raise bad_request("A reference must be the URL of an object of the directory.")
    id = reference.rstrip("/").rpartition("/")[2]
    if not is_guid(id):
        raise bad_request("A reference must end in the id of an object of the directory.")
    return id


def _object(document: Any, type_name: str) -> dict[str, Any]:
    """An open set of properties; those that the type lacks are refused where they are known."""
    names = document if isinstance(document, dict) else ()
    properties = _properties(document, names, type_name)
    return {name: _plain(value) for name, value in properties.items()}


def _plain(value: Any) -> Any:
    """A value without OData's annotations."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if "@" not in name}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _properties(item: Any, known: Collection[str], type_name: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise bad_request(f"A JSON object is expected for {type_name}.")
    declared = item.get("@odata.type", type_name)
    if not isinstance(declared, str) or declared.removeprefix("#") != type_name:
        raise bad_request(f"The type in '@odata.type' is not {type_name}.")
    # OData has its readers pass over annotations that they do not know; those have an @ in their
    # name.
    properties = {name: value for name, value in item.items() if "@" not in name}
    for name in properties.keys() - set(known):
        raise unknown_property(name, type_name)
    return properties
