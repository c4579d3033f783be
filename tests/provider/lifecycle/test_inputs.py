"""Inputs are checked and normalized."""

from __future__ import annotations

import inspect
from typing import Any

import pulumi
import pytest
from pulumi_entra_provisioning import ProvisioningAuthorization
from pulumi_entra_provisioning.lifecycle import inputs
from pulumi_entra_provisioning.lifecycle.inputs import check
from pulumi_entra_provisioning.wire import UNKNOWN
from support.steps import GUID, INPUTS


def test_the_marker_of_an_unknown_value_is_that_of_the_engine() -> None:
    assert pulumi.runtime.rpc.UNKNOWN == UNKNOWN


@pytest.mark.parametrize(
    "credentials",
    [
        {"BaseAddress": "https://x", "SecretToken": "t"},
        [{"key": "BaseAddress", "value": "https://x"}, {"key": "SecretToken", "value": "t"}],
        [
            {"@odata.type": "#x", "key": "BaseAddress", "value": "https://x"},
            {"key": "SecretToken", "value": "t"},
        ],
    ],
)
def test_check_normalizes_inputs(credentials: Any) -> None:
    path = f"/servicePrincipals/{GUID.upper()}"
    assert check({"service_principal_id": path, "credentials": credentials}) == (
        {
            "service_principal_id": GUID,
            "credentials": {"BaseAddress": "https://x", "SecretToken": "t"},
        },
        [],
    )


@pytest.mark.parametrize(
    "inputs",
    [
        {
            "application_id": UNKNOWN,
            "credentials": UNKNOWN,
            "triggers": UNKNOWN,
            "timeout": UNKNOWN,
        },
        {"application_id": UNKNOWN, "credentials": {"SecretToken": UNKNOWN}},
        {"application_id": UNKNOWN, "credentials": [UNKNOWN, {"key": UNKNOWN, "value": UNKNOWN}]},
        {"application_id": UNKNOWN, "credentials": [{"key": "Url", "value": UNKNOWN}]},
    ],
)
def test_check_accepts_unknown_values(inputs: dict[str, Any]) -> None:
    _, failures = check(inputs)
    assert failures == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"service_principal_id": None}, "service_principal_id: no target is declared"),
        ({"application_id": GUID}, "application_id and service_principal_id: two targets"),
        ({"service_principal_id": "pl4nted"}, "service_principal_id: not an object id"),
        ({"service_principal_id": 7}, "service_principal_id: not an object id"),
        ({"service_principal_id": f"/applications/{GUID}"}, "service_principal_id: not an object"),
        ({"credentials": None}, "credentials: must be a mapping"),
        ({"credentials": "pl4nted"}, "credentials: must be a mapping"),
        ({"credentials": ["pl4nted"]}, "credentials: must be a mapping"),
        ({"credentials": [{"key": "Url"}]}, "credentials: must be a mapping"),
        ({"credentials": {}}, "credentials: empty"),
        ({"credentials": []}, "credentials: empty"),
        (
            {"credentials": {"pl4nted": "pl4nted"}},
            "credentials: Graph does not know one of the keys",
        ),
        ({"credentials": [{"key": 5, "value": "pl4nted"}]}, "credentials: Graph does not know one"),
        (
            {"credentials": [{"key": [], "value": "pl4nted"}]},
            "credentials: Graph does not know one",
        ),
        (
            {"credentials": {"url": "pl4nted"}},
            'credentials["url"]: not a key of Graph. Use "Url"',
        ),
        (
            {"credentials": {"pl4ntedSecretTokens": "Url"}},
            "credentials: Graph does not know one of the keys",
        ),
        ({"credentials": {"SecretTokens": "x"}}, 'Did you mean "SecretToken"?'),
        ({"credentials": {"Url": 5}}, 'credentials["Url"]: the value must be text'),
        ({"credentials": {"Url": None}}, 'credentials["Url"]: the value is empty'),
        ({"credentials": {"Url": ""}}, 'credentials["Url"]: the value is empty'),
        (
            {"credentials": [{"key": "Url", "value": "pl4nted"}, {"key": "Url", "value": "x"}]},
            'credentials["Url"]: declared more than once',
        ),
        ({"triggers": object()}, "triggers: must be plain values"),
        ({"job_id": ""}, "job_id: must be text"),
        ({"timeout": 0}, "timeout: must be a number of seconds above 0"),
        ({"timeout": True}, "timeout: must be a number"),
        ({"timeout": "300"}, "timeout: must be a number"),
        ({"timeout": float("nan")}, "timeout: must be a number"),
    ],
)
def test_check_names_the_input_and_the_remedy_but_no_value(
    change: dict[str, Any], said: str
) -> None:
    _, failures = check({**INPUTS, **change})
    assert len(failures) == 1
    assert said in failures[0]
    assert "pl4nted" not in failures[0]


def test_check_reports_everything_at_once() -> None:
    _, failures = check({"credentials": {"url": "x", "Password": 1}, "timeout": -1})
    assert [failure.split(":")[0] for failure in failures] == [
        "service_principal_id",
        'credentials["url"]',
        'credentials["Password"]',
        "timeout",
    ]


def test_the_inputs_are_the_parameters_of_the_resource() -> None:
    of_every_resource = {"self", "resource_name", "opts"}
    parameters = inspect.signature(ProvisioningAuthorization.__init__).parameters
    assert set(inputs.INPUTS) == parameters.keys() - of_every_resource
