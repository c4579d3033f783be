from __future__ import annotations

import pytest
from pulumi_entra_provisioning.graph.target import Kind, Target, parse

GUID = "ABCDEF01-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (GUID, "servicePrincipals"),
        (f"/servicePrincipals/{GUID}", "servicePrincipals"),
        (f"servicePrincipals/{GUID}", None),
        (f" /servicePrincipals/{GUID}/ ", "servicePrincipals"),
    ],
)
def test_every_form_of_an_id_names_the_same_target(text: str, kind: Kind | None) -> None:
    found = parse(text, kind)
    assert found == Target("servicePrincipals", GUID.lower())
    assert str(found) == f"servicePrincipals/{GUID.lower()}"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "applications"),
        (GUID, None),
        (GUID[:-1], "applications"),
        (f"{{{GUID}}}", "applications"),
        (f"/servicePrincipals/{GUID}", "applications"),
        (f"/users/{GUID}", None),
        (f"/v1.0/applications/{GUID}", "applications"),
        ("/applications/", "applications"),
    ],
)
def test_any_other_text_names_no_target(text: str, kind: Kind | None) -> None:
    assert parse(text, kind) is None
