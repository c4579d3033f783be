"""Microsoft Graph: one function for each operation, each one request through msgraph-sdk."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from kiota_abstractions.api_error import APIError
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from kiota_http.middleware.options import (
    HeadersInspectionHandlerOption,
    RedirectHandlerOption,
    RetryHandlerOption,
)
from msgraph.generated.applications.item.synchronization.acquire_access_token import (
    acquire_access_token_post_request_body as application_token,
)
from msgraph.generated.applications.item.synchronization.secrets import (
    secrets_put_request_body as application_secrets,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.quarantine_reason import QuarantineReason
from msgraph.generated.models.synchronization_secret import SynchronizationSecret
from msgraph.generated.models.synchronization_secret_key_string_value_pair import (
    SynchronizationSecretKeyStringValuePair,
)
from msgraph.generated.models.synchronization_status_code import SynchronizationStatusCode
from msgraph.generated.service_principals.item.synchronization.acquire_access_token import (
    acquire_access_token_post_request_body as service_principal_token,
)
from msgraph.generated.service_principals.item.synchronization.secrets import (
    secrets_put_request_body as service_principal_secrets,
)
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_request_adapter import options as sdk_options
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory

from .errors import Answer, ProvisioningError, RequestError, redacted, unwrapped
from .identity import Settings, SharedTokenCredential
from .synchronization_secret import SINGLE_USE
from .target import Target

if TYPE_CHECKING:
    from kiota_abstractions.serialization import ParsableFactory
    from msgraph.generated.applications.item.synchronization import (
        synchronization_request_builder as application,
    )
    from msgraph.generated.service_principals.item.synchronization import (
        synchronization_request_builder as service_principal,
    )

USER_AGENT = f"pulumi-entra-provisioning/{version('pulumi-entra-provisioning')}"

_PAIR_TYPE = "microsoft.graph.synchronizationSecretKeyStringValuePair"
_ERRORS: dict[str, type[ParsableFactory[Any]]] = {"XXX": ODataError}


@dataclass(frozen=True)
class Correlation:
    """The two ids by which Microsoft support and the audit log find a call."""

    request_id: str
    client_request_id: str


class Graph:
    """Microsoft Graph v1.0 of one national cloud, called with one identity.

    Every function raises RequestError where Graph refuses or does not answer, SignInError where
    Entra gives no token. None repeats a request and none follows a redirect.
    """

    def __init__(self, settings: Settings) -> None:
        self._secrets = settings.secrets
        http = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=settings.ca_file)
            if settings.ca_file
            else True,
            timeout=httpx.Timeout(100, connect=30),
            headers={"User-Agent": USER_AGENT},
            event_hooks={"response": [_refuse_redirect]},
        )
        options = {
            **sdk_options,
            RetryHandlerOption.get_key(): RetryHandlerOption(should_retry=False),
            RedirectHandlerOption.get_key(): RedirectHandlerOption(should_redirect=False),
        }
        self._adapter = GraphRequestAdapter(
            AzureIdentityAuthenticationProvider(
                SharedTokenCredential(settings),
                scopes=[settings.scope],
                allowed_hosts=[urlsplit(settings.graph_endpoint).hostname or ""],
            ),
            GraphClientFactory.create_with_default_middleware(client=http, options=options),
        )
        self._adapter.base_url = f"{settings.graph_endpoint}/v1.0"
        self._client = GraphServiceClient(request_adapter=self._adapter)

    async def acquire_access_token(
        self, target: Target, credentials: Mapping[str, str]
    ) -> Correlation:
        """Have the provisioning service get an OAuth token of the target application.

        `credentials` maps keys of `synchronizationSecret` to values.
        https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
        """
        pairs = _pairs(credentials)
        exchange = _Exchange()
        with self._explained(f"authorizing {target}", exchange, credentials):
            if target.kind == "applications":
                await self._application(target).acquire_access_token.post(
                    application_token.AcquireAccessTokenPostRequestBody(credentials=pairs),
                    exchange.configuration,
                )
            else:
                await self._service_principal(target).acquire_access_token.post(
                    service_principal_token.AcquireAccessTokenPostRequestBody(credentials=pairs),
                    exchange.configuration,
                )
        return exchange.correlation

    async def empty_secrets(self, target: Target, keys: Iterable[str]) -> None:
        """Remove the values of `keys` from what the provisioning service holds for the target.

        https://learn.microsoft.com/graph/api/synchronization-serviceprincipal-put-synchronization
        """
        pairs = _pairs(dict.fromkeys(keys, ""))
        exchange = _Exchange()
        with self._explained(f"emptying credentials of {target}", exchange):
            if target.kind == "applications":
                await self._application(target).secrets.put(
                    application_secrets.SecretsPutRequestBody(value=pairs), exchange.configuration
                )
            else:
                await self._service_principal(target).secrets.put(
                    service_principal_secrets.SecretsPutRequestBody(value=pairs),
                    exchange.configuration,
                )

    async def secret_keys(self, target: Target) -> frozenset[str]:
        """The keys of the credentials that the provisioning service holds for the target.

        The GET is not in Graph's reference and so not in msgraph-sdk; Microsoft uses it in
        https://learn.microsoft.com/entra/identity/app-provisioning/skip-out-of-scope-deletions
        """
        exchange = _Exchange()
        request = RequestInformation(
            Method.GET, f"{{+baseurl}}/{target}/synchronization/secrets", {}
        )
        request.configure(exchange.configuration)
        request.headers.try_add("Accept", "application/json")
        with self._explained(f"reading the credentials' keys of {target}", exchange):
            held = await self._adapter.send_async(
                request, application_secrets.SecretsPutRequestBody, _ERRORS
            )
        return frozenset(
            pair.key.value for pair in (held.value if held else None) or () if pair.key
        )

    async def exists(self, target: Target) -> bool:
        """Whether the directory has the target: 404, and nothing else, says that it has not."""
        exchange = _Exchange()
        try:
            with self._explained(f"looking for {target}", exchange):
                if target.kind == "applications":
                    await self._client.applications.by_application_id(target.object_id).get(
                        exchange.configuration
                    )
                else:
                    await self._client.service_principals.by_service_principal_id(
                        target.object_id
                    ).get(exchange.configuration)
        except RequestError as error:
            if error.answer.status == 404:
                return False
            raise
        return True

    async def quarantined_for_credentials(self, target: Target) -> bool:
        """Whether a synchronization job of the target is in quarantine for its credentials.

        https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status
        """
        exchange = _Exchange()
        with self._explained(f"reading the synchronization jobs of {target}", exchange):
            if target.kind == "applications":
                jobs = await self._application(target).jobs.get(exchange.configuration)
            else:
                jobs = await self._service_principal(target).jobs.get(exchange.configuration)
        statuses = [job.status for job in (jobs.value if jobs else None) or () if job.status]
        return any(
            status.code == SynchronizationStatusCode.Quarantine
            and status.quarantine is not None
            and status.quarantine.reason == QuarantineReason.EncounteredQuarantineException
            for status in statuses
        )

    def _application(self, target: Target) -> application.SynchronizationRequestBuilder:
        return self._client.applications.by_application_id(target.object_id).synchronization

    def _service_principal(self, target: Target) -> service_principal.SynchronizationRequestBuilder:
        return self._client.service_principals.by_service_principal_id(
            target.object_id
        ).synchronization

    @contextmanager
    def _explained(
        self, doing: str, exchange: _Exchange, credentials: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        """Raise what the libraries below raise as a RequestError without a credential's value."""
        credentials = credentials or {}
        secrets = (*self._secrets, *credentials.values())
        try:
            yield
        except APIError as error:
            answer = _refusal(error, exchange, secrets)
        except httpx.HTTPError as error:
            answer = _no_answer(error, secrets)
        except ProvisioningError:
            raise
        except Exception as error:  # msgraph-sdk could not read what was answered
            answer = Answer(
                None, "", f"unreadable answer ({type(error).__name__})", may_have_acted=True
            )
        else:
            return
        raise RequestError(doing, answer, code_at_stake=SINGLE_USE in credentials) from None


class _Exchange:
    """One request's ids and headers, given to msgraph-sdk and read after its answer."""

    def __init__(self) -> None:
        self._client_request_id = str(uuid.uuid4())
        self._headers = HeadersInspectionHandlerOption(inspect_request_headers=False)
        self.configuration = RequestConfiguration[Any](options=[self._headers])
        self.configuration.headers.add("client-request-id", self._client_request_id)

    @property
    def correlation(self) -> Correlation:
        return Correlation(self.header("request-id"), self._client_request_id)

    def header(self, name: str) -> str:
        return ", ".join(self._headers.response_headers.get(name))


def _pairs(credentials: Mapping[str, str]) -> list[SynchronizationSecretKeyStringValuePair]:
    return [
        SynchronizationSecretKeyStringValuePair(
            odata_type=_PAIR_TYPE, key=SynchronizationSecret(key), value=value
        )
        for key, value in sorted(credentials.items())
    ]


async def _refuse_redirect(response: httpx.Response) -> None:
    """Kiota takes a redirect that it does not follow for a success, which it is not."""
    if response.is_redirect:
        raise APIError(response_status_code=response.status_code)


def _refusal(error: APIError, exchange: _Exchange, secrets: Iterable[str]) -> Answer:
    status = error.response_status_code
    details = error.error if isinstance(error, ODataError) else None
    code, message = unwrapped(
        (details.code if details else None) or "", (details.message if details else None) or ""
    )
    return Answer(
        status=status,
        code=redacted(code, secrets),
        message=redacted(message, secrets),
        request_id=exchange.header("request-id"),
        retry_after=_seconds(exchange.header("retry-after")),
        may_have_acted=status is None or status >= 500,
    )


def _no_answer(error: httpx.HTTPError, secrets: Iterable[str]) -> Answer:
    not_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
    return Answer(
        status=None,
        code="",
        message=redacted(f"no answer ({type(error).__name__}: {error})", secrets),
        may_have_acted=not not_sent,
    )


def _seconds(retry_after: str) -> float | None:
    """The seconds that a Retry-After header asks for, which is a number or a date (RFC 9110)."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=moment.tzinfo or timezone.utc)
    return max((moment - datetime.now(timezone.utc)).total_seconds(), 0.0)
