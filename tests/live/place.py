"""Where the live tests run: a real tenant or an emulated one. Plain HTTP."""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from azure.core.credentials import TokenCredential
from azure.identity import CertificateCredential, ClientSecretCredential
from entra_emulator import Assumptions, Emulator

CLOUDS = {
    "global": ("https://graph.microsoft.com", "https://login.microsoftonline.com"),
    "usgovernmentl4": ("https://graph.microsoft.us", "https://login.microsoftonline.us"),
    "usgovernmentl5": ("https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
    "china": ("https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
}
"""Graph and the authority host by environment: https://learn.microsoft.com/graph/deployments"""

NON_GALLERY = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
"""The template of applications that are not in the gallery."""

NAME = "entra-provisioning live test"
"""The prefix of every display name, to find objects that were left behind."""

REPLICATION = 180.0
"""Seconds that a new object may take to replicate."""

_ALWAYS_NEEDED = ("TENANT_ID", "CLIENT_ID")


class MissingSettingError(Exception):
    """A setting is missing or unusable."""


def setting(name: str) -> str | None:
    return os.environ.get(f"ENTRA_LIVE_{name}") or None


def missing(*names: str) -> list[str]:
    """The required variables that are not set. `|` separates alternatives."""
    return [
        " or ".join(f"ENTRA_LIVE_{name}" for name in names_of_one.split("|"))
        for names_of_one in names
        if not any(map(setting, names_of_one.split("|")))
    ]


def require(*names: str) -> None:
    if absent := missing(*names):
        raise MissingSettingError(f"set {', '.join(absent)}")


@dataclass(frozen=True)
class Target:
    """An application and its service principal, made for one test."""

    id: str
    application_id: str

    @property
    def synchronization(self) -> str:
        return f"/servicePrincipals/{self.id}/synchronization"

    @property
    def secrets(self) -> str:
        return f"{self.synchronization}/secrets"

    @property
    def acquire(self) -> str:
        return f"{self.synchronization}/acquireAccessToken"

    @property
    def jobs(self) -> str:
        return f"{self.synchronization}/jobs"


@dataclass
class Place:
    """A tenant and the client that the tests sign in as.

    `assumed` is what the emulator is set to do, or would do. `transcript` is what was answered,
    without any value that was sent.
    """

    url: str
    authority: str
    tenant_id: str
    credential: TokenCredential
    verify: ssl.SSLContext | bool
    assumed: Assumptions
    emulator: Emulator | None = None
    transcript: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._made: list[str] = []
        self._sent: set[str] = set()
        self._has_deleted = False
        self._fresh_until = 0.0
        self._http = httpx.Client(
            verify=self.verify, trust_env=self.emulator is None, timeout=60, follow_redirects=False
        )

    @property
    def is_live(self) -> bool:
        return self.emulator is None

    # Calls

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        at_once: bool = False,
    ) -> httpx.Response:
        """Call Graph. By default, retry until a new object has replicated."""
        if token is None:
            token = self.credential.get_token(f"{self.url}/.default").token
        self._keep_secret(body)
        while True:
            answer = self._http.request(
                method,
                f"{self.url}/v1.0{path}",
                json=body,
                headers={"Authorization": f"Bearer {token}"},
            )
            self.transcript.append(f"{method} {path} {self._shown(body)}→ {self._told(answer)}")
            wait = self._wait(answer, at_once)
            if wait is None:
                return answer
            time.sleep(wait)

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a successful answer."""
        answer = self.call(method, path, body)
        assert answer.is_success, self.transcript[-1]
        self._has_deleted |= method == "DELETE"
        return answer.json() if answer.content else None

    def token_request(self, form: Mapping[str, str]) -> httpx.Response:
        self._sent.add(form["client_secret"])
        url = f"{self.authority}/{self.tenant_id}/oauth2/v2.0/token"
        answer = self._http.post(url, data=dict(form))
        self.transcript.append(f"POST /oauth2/v2.0/token → {answer.status_code}")
        return answer

    def put(self, target: Target, secrets: Mapping[str, str]) -> httpx.Response:
        return self.call("PUT", target.secrets, {"value": pairs(secrets)})

    def acquire(self, target: Target, secrets: Mapping[str, str]) -> httpx.Response:
        return self.call("POST", target.acquire, {"credentials": pairs(secrets)})

    def secrets(self, target: Target) -> dict[str, str]:
        """The secrets as Graph shows them, after replication."""
        self.settle()
        return {pair["key"]: pair["value"] for pair in self.done("GET", target.secrets)["value"]}

    def settle(self) -> None:
        """Wait for replication."""
        if self.is_live:
            time.sleep(float(setting("PAUSE_SECONDS") or 10))

    # Objects

    def new_target(self, template: str | None = NON_GALLERY, *, is_awaited: bool = True) -> Target:
        """A new application with its service principal, removed at the end."""
        name = f"{NAME} {uuid4()}"
        path = f"/applicationTemplates/{template}/instantiate"
        made = self.done("POST", path, {"displayName": name})
        application, principal = made["application"], made["servicePrincipal"]
        self._made.append(f"/applications/{application['id']}")
        self._made.append(f"/servicePrincipals/{principal['id']}")
        target = Target(principal["id"], application["id"])
        self._fresh_until = time.monotonic() + (REPLICATION if self.is_live else 0)
        if is_awaited:
            self.call("GET", f"/applications/{target.application_id}")
            self.call("GET", f"/servicePrincipals/{target.id}")
            self.call("GET", target.secrets)
        return target

    def new_job(self, target: Target) -> str:
        """The path of a new synchronization job, from the first of the target's templates."""
        path = f"{target.synchronization}/templates"
        limit = time.monotonic() + REPLICATION
        # The list of a new service principal is empty at first.
        while not (templates := self.done("GET", path)["value"]) and time.monotonic() < limit:
            time.sleep(5)
        job = self.done("POST", target.jobs, {"templateId": templates[0]["id"]})
        path = f"{target.jobs}/{job['id']}"
        self.call("GET", path)
        return path

    def remove(self) -> list[str]:
        """Delete everything permanently. Return what could not be deleted."""
        left = []
        for path in reversed(self._made):
            # What a test has deleted is not waited for, nor what went with it.
            answer = self.call("DELETE", path, at_once=self._has_deleted)
            if answer.status_code not in (204, 404):
                left.append(f"{path}: {self._told(answer)}")
            elif self.is_live:
                # Deleted items are kept for 30 days.
                with suppress(httpx.HTTPError):
                    id = path.rpartition("/")[2]
                    self.call("DELETE", f"/directory/deletedItems/{id}", at_once=True)
        self._made.clear()
        return left

    def close(self) -> None:
        self._http.close()

    # How it is done

    def _wait(self, answer: httpx.Response, at_once: bool) -> float | None:
        if not self.is_live:
            return None
        if answer.status_code in (429, 503, 504):
            return float(answer.headers.get("retry-after", "5"))
        if at_once or time.monotonic() > self._fresh_until:
            return None
        # Either is how Graph speaks of what has not replicated yet.
        if answer.status_code == 404 or is_empty_401(answer):
            return 5
        return None

    def _keep_secret(self, body: Any) -> None:
        if isinstance(body, dict):
            for name, item in body.items():
                if name == "value" and isinstance(item, str) and len(item) > 1:
                    self._sent.add(item)
                self._keep_secret(item)
        elif isinstance(body, list):
            for item in body:
                self._keep_secret(item)

    def mask(self, text: str) -> str:
        """The text without the value of any sent credential, in any form."""
        for value in sorted(self._sent, key=len, reverse=True):
            text = text.replace(value, "***")
        return re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", "***", text)

    def _shown(self, body: Any) -> str:
        if not isinstance(body, dict):
            return ""
        for listed in body.values():
            if isinstance(listed, list) and all("key" in item for item in listed):
                keys = (f"{item['key']}{'' if item['value'] else ' emptied'}" for item in listed)
                return f"({', '.join(keys)}) "
        return f"({', '.join(body)}) "

    def _told(self, answer: httpx.Response) -> str:
        try:
            body = answer.json() if answer.content else {}
        except ValueError:
            return f"{answer.status_code}, no JSON"
        if "error" in body:
            error = body["error"]
            return self.mask(f"{answer.status_code} {error['code']}: {error['message']!r}")
        listed = body.get("value")
        if isinstance(listed, list) and listed and "key" in listed[0]:
            shown = (f"{item['key']} {self._kind_of(item.get('value'))}" for item in listed)
            return f"{answer.status_code} {', '.join(shown)}"
        if "status" in body:
            return f"{answer.status_code} status.code {body['status']['code']}"
        return str(answer.status_code)

    def _kind_of(self, value: str | None) -> str:
        if value in self._sent:
            return "as sent"
        return "*" if value and set(value) == {"*"} else "null" if value is None else "otherwise"


def pairs(secrets: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in secrets.items()]


def is_empty_401(answer: httpx.Response) -> bool:
    if answer.status_code != 401:
        return False
    error = answer.json()["error"]
    return error["code"] == "UnknownError" and not error["message"]


def emulated(emulator: Emulator, assumed: Assumptions) -> Place:
    trust = ssl.create_default_context(cafile=emulator.ca_file)
    environment = emulator.environment
    credential = ClientSecretCredential(
        environment["AZURE_TENANT_ID"],
        environment["AZURE_CLIENT_ID"],
        environment["AZURE_CLIENT_SECRET"],
        authority=emulator.url,
        disable_instance_discovery=True,
        connection_verify=emulator.ca_file,
    )
    tenant_id = emulator.tenant.tenant_id
    return Place(emulator.url, emulator.url, tenant_id, credential, trust, assumed, emulator)


def live() -> Place:
    """The tenant that the environment names. Raises MissingSettingError."""
    require(*_ALWAYS_NEEDED, "CLIENT_SECRET|CLIENT_CERTIFICATE_PATH")
    environment = setting("ENVIRONMENT") or "global"
    if environment not in CLOUDS:
        raise MissingSettingError(f"set ENTRA_LIVE_ENVIRONMENT to one of {', '.join(CLOUDS)}")
    graph, authority = CLOUDS[environment]
    # For a proxy, or for an emulator that plays the tenant.
    graph = setting("GRAPH_ENDPOINT") or graph
    authority = setting("AUTHORITY_HOST") or authority
    ca_file = setting("CA_FILE")
    return Place(
        graph,
        authority,
        str(setting("TENANT_ID")),
        _credential(authority, ca_file),
        ssl.create_default_context(cafile=ca_file) if ca_file else True,
        Assumptions(),
    )


def _credential(authority: str, ca_file: str | None) -> TokenCredential:
    tenant_id, client_id = str(setting("TENANT_ID")), str(setting("CLIENT_ID"))
    options: dict[str, Any] = {"authority": authority}
    if ca_file:
        options["connection_verify"] = ca_file
    if setting("AUTHORITY_HOST"):
        options["disable_instance_discovery"] = True
    if path := setting("CLIENT_CERTIFICATE_PATH"):
        password = setting("CLIENT_CERTIFICATE_PASSWORD")
        return CertificateCredential(tenant_id, client_id, path, password=password, **options)
    return ClientSecretCredential(tenant_id, client_id, str(setting("CLIENT_SECRET")), **options)
