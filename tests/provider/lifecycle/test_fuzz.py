"""Random inputs and random answers."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pulumi_entra_provisioning.answers import Answer
from pulumi_entra_provisioning.errors import RequestError
from pulumi_entra_provisioning.graph.failures import unwrapped
from pulumi_entra_provisioning.graph.secret_keys import KEYS
from pulumi_entra_provisioning.lifecycle.comparison import diff
from pulumi_entra_provisioning.lifecycle.inputs import Inputs, check
from pulumi_entra_provisioning.lifecycle.outputs import Outputs
from pulumi_entra_provisioning.redaction.secrets import Secrets
from pulumi_entra_provisioning.redaction.shown import shown_answer
from pulumi_entra_provisioning.wire import UNKNOWN

SECRET = "pl4nted"
GUID = "00000000-0000-4000-8000-00000000051d"

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from([SECRET, UNKNOWN, GUID, f"/servicePrincipals/{GUID}", f"/applications/{GUID}"]),
)
keys = st.one_of(st.sampled_from(sorted(KEYS)), st.text(max_size=12), st.just(SECRET))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
pairs = st.fixed_dictionaries({"key": keys | scalars, "value": values})
credentials = st.one_of(
    values, st.dictionaries(keys, values, max_size=4), st.lists(pairs, max_size=4)
)
inputs = st.fixed_dictionaries(
    {},
    optional={
        "application_id": scalars,
        "service_principal_id": scalars,
        "credentials": credentials,
        "triggers": values,
        "job_id": scalars,
        "timeout": scalars,
    },
)

OLD = Outputs(
    target=f"servicePrincipals/{GUID}",
    credential_keys=["SecretToken"],
    stored_keys=["SecretToken"],
    authorized_at="2026-01-01T00:00:00Z",
    authorized_by=GUID,
    cloud="global",
    request_id=GUID,
    client_request_id=GUID,
    revision=1,
    status="Authorized",
    credentials_digest="salt:digest",
)


@given(inputs)
def test_check_and_diff_accept_any_inputs_and_quote_no_value(
    declared: dict[str, Any],
) -> None:
    checked, failures = check(declared)
    assert SECRET not in "".join(failures)
    if failures:
        return
    assert check(checked) == (checked, []), "what check gives passes check unchanged"
    difference = diff(OLD, Inputs.of(checked))
    same_target = checked.get("service_principal_id") == GUID
    assert bool(difference.replaces) is not same_target
    assert difference.changes


@given(values, st.text(max_size=40))
def test_the_error_for_any_answer_is_one_line(document: Any, text: str) -> None:
    for message in (text, json.dumps(document), json.dumps({"error": document})):
        said = shown_answer(*unwrapped("UnknownError", message), Secrets({}))
        reported = str(RequestError("doing", Answer(500, *said)))
        assert reported.startswith("doing: 500")
        assert len(reported.splitlines()) == 1
