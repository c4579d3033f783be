"""The application gallery and the synchronization templates in it."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from entra_emulator import Emulator
from entra_emulator.tenant.gallery import (
    NON_GALLERY_ID,
    OAUTH_TEMPLATE_ID,
    SCIM_TEMPLATE_ID,
    SIGN_ON_TEMPLATE_ID,
)
from msgraph.generated.application_templates.item.instantiate import instantiate_post_request_body
from msgraph.graph_service_client import GraphServiceClient
from support.emulator_clients import error, nested, with_sdk


@pytest.mark.parametrize(
    ("template", "tags", "oauth"),
    [
        (NON_GALLERY_ID, ["scim", "customappsso"], "False"),
        (SCIM_TEMPLATE_ID, ["contoso"], "False"),
        (OAUTH_TEMPLATE_ID, ["fabrikam"], "True"),
        (SIGN_ON_TEMPLATE_ID, [], None),
    ],
)
def test_an_application_has_the_templates_of_its_gallery_entry(
    emulator: Emulator, graph: httpx.Client, template: str, tags: list[str], oauth: str | None
) -> None:
    made = emulator.tenant.instantiate(template, "Ours")
    for kind in ("application", "servicePrincipal"):
        path = f"/v1.0/{kind}s/{made[kind]['id']}/synchronization/templates"
        listed = graph.get(path).json()["value"]
        assert [item["id"] for item in listed] == tags
        for item in listed:
            metadata = {entry["key"]: entry["value"] for entry in item["metadata"]}
            assert metadata["IsOAuthEnabled"] == oauth
            assert graph.get(f"{path}/{item['id']}").json()["factoryTag"] == item["factoryTag"]
        assert error(graph.get(f"{path}/nothing"))[0] == 404
    jobs = f"/v1.0/servicePrincipals/{made['servicePrincipal']['id']}/synchronization/jobs"
    for tag in tags:
        assert graph.post(jobs, json={"templateId": tag}).status_code == 201
    assert nested(graph.post(jobs, json={"templateId": "slack"})) == (
        400,
        "UnknownError",
        "SynchronizationTemplateNotFound",
    )


def test_the_oauth_template_has_the_urls_of_its_third_party(
    emulator: Emulator, graph: httpx.Client
) -> None:
    made = emulator.tenant.instantiate(OAUTH_TEMPLATE_ID, "Ours")["servicePrincipal"]
    path = f"/v1.0/servicePrincipals/{made['id']}/synchronization/templates/fabrikam"
    metadata = {entry["key"]: entry["value"] for entry in graph.get(path).json()["metadata"]}
    settings = json.loads(metadata["OAuthSettings"])
    assert settings["tokenExchangeUri"] == f"{emulator.url}/third-party/fabrikam/token"
    assert settings["authorizationUri"] == f"{emulator.url}/third-party/fabrikam/authorize"


def test_msgraph_sdk_instantiates_an_application_from_the_gallery(emulator: Emulator) -> None:
    async def use(graph: GraphServiceClient) -> tuple[str | None, ...]:
        listed = await graph.application_templates.get()
        assert listed
        assert listed.value
        by_name = {template.display_name: template for template in listed.value}
        found = by_name["Fabrikam Directory"]
        assert found.id
        one = await graph.application_templates.by_application_template_id(found.id).get()
        assert one
        assert one.supported_provisioning_types == ["sync"]
        body = instantiate_post_request_body.InstantiatePostRequestBody(display_name="Ours")
        item = graph.application_templates.by_application_template_id(found.id)
        made = await item.instantiate.post(body)
        assert made
        assert made.application
        assert made.service_principal
        assert made.application.app_id == made.service_principal.app_id
        assert made.application.application_template_id == found.id
        return made.application.display_name, made.service_principal.display_name

    assert asyncio.run(with_sdk(emulator, use)) == ("Ours", "Ours")
    assert len(emulator.tenant.objects("servicePrincipals")) == 2
