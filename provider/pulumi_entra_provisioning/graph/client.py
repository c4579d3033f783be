"""Microsoft Graph: one function for each operation, through msgraph-sdk."""

from __future__ import annotations

import asyncio
import functools
import json
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Generic, TypeVar
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
    acquire_access_token_post_request_body as token_body,
)
from msgraph.generated.applications.item.synchronization.jobs.item.restart import (
    restart_post_request_body as restart_body,
)
from msgraph.generated.applications.item.synchronization.jobs.item.validate_credentials import (
    validate_credentials_post_request_body as validation_body,
)
from msgraph.generated.applications.item.synchronization.secrets import (
    secrets_put_request_body as secrets_body,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.synchronization_job_restart_criteria import (
    SynchronizationJobRestartCriteria,
)
from msgraph.generated.models.synchronization_job_restart_scope import (
    SynchronizationJobRestartScope,
)
from msgraph.generated.models.synchronization_secret import SynchronizationSecret
from msgraph.generated.models.synchronization_secret_key_string_value_pair import (
    SynchronizationSecretKeyStringValuePair,
)
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_request_adapter import options as sdk_options
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory

from ..errors import ProvisioningError, RequestError
from ..guid import GUID
from ..identity.caller import Caller
from ..identity.permissions import is_insufficient, lacking, lacking_to_look
from ..identity.settings import Settings
from ..identity.tokens import SharedTokenCredential
from ..network.bodies import UnusableAnswerError
from ..network.environment import check_environment
from ..redaction.secrets import Secrets
from ..redaction.shown import shown_id
from ..remedies import CODE_REFUSED, CODE_SPENT, MAY_BE_AUTHORIZED, REMEDIES, UNKNOWN_JOB, Explained
from .documents import member, required
from .failures import not_answered, refused, unusable
from .jobs import Job, Quarantine, Template, job_of, quarantine_of, template_of
from .retries import Gate, Patience
from .secret_keys import SINGLE_USE
from .target import Target
from .transport import graph_transport

if TYPE_CHECKING:
    from kiota_abstractions.serialization import ParsableFactory

_T = TypeVar("_T")

USER_AGENT = f"pulumi-entra-provisioning/{version('pulumi-entra-provisioning')}"

_LOOK_UP = 10.0
"""Seconds for a request that only makes an error clearer."""

_UNKNOWN_JOB: dict[int | None, Explained] = {404: UNKNOWN_JOB}

_SDK_KEYS = frozenset(str(key.value) for key in SynchronizationSecret)
_PAIR_TYPE = "microsoft.graph.synchronizationSecretKeyStringValuePair"
_ERRORS: dict[str, type[ParsableFactory[Any]]] = {"XXX": ODataError}


@dataclass(frozen=True)
class Correlation:
    """The two ids by which Microsoft support and the audit log find a call."""

    request_id: str
    client_request_id: str


class Graph:
    """Microsoft Graph v1.0 of one national cloud, called with one identity.

    Every function takes the `patience` of the step that it is part of, which repeats its request
    when waiting may help; none follows a redirect. Every function raises RequestError if Graph
    refuses or does not answer, SignInError if Entra gives no token, SettingsError if no
    identity of the caller serves.
    """

    def __init__(self, settings: Settings) -> None:
        check_environment((settings.graph_endpoint, settings.authority_host), settings.ca_file)
        self._endpoint = settings.graph_endpoint
        self._scope = settings.scope
        self._credential = SharedTokenCredential(settings)
        self._gate = Gate("Microsoft Graph")
        http = httpx.AsyncClient(
            transport=graph_transport(settings.graph_endpoint, settings.ca_file),
            timeout=httpx.Timeout(100, connect=30),
            headers={"User-Agent": USER_AGENT},
            event_hooks={"response": [_refuse_what_is_no_answer]},
        )
        options = {
            **sdk_options,
            # Repeating is the business of Patience alone: Kiota would resend a single-use code.
            RetryHandlerOption.get_key(): RetryHandlerOption(should_retry=False),
            RedirectHandlerOption.get_key(): RedirectHandlerOption(should_redirect=False),
        }
        self._adapter = GraphRequestAdapter(
            AzureIdentityAuthenticationProvider(
                self._credential,
                scopes=[settings.scope],
                allowed_hosts=[urlsplit(settings.graph_endpoint).hostname or ""],
            ),
            GraphClientFactory.create_with_default_middleware(client=http, options=options),
        )
        self._adapter.base_url = f"{settings.graph_endpoint}/v1.0"
        self._client = GraphServiceClient(request_adapter=self._adapter)

    @property
    def caller_id(self) -> str | None:
        """Client id of the caller, or object id of a signed-in user, if the token can be read."""
        caller = self._credential.caller
        return caller.id if caller else None

    async def acquire_access_token(
        self, target: Target, credentials: Mapping[str, str], patience: Patience
    ) -> Correlation:
        """Have the provisioning service get an OAuth token of the target application.

        `credentials` maps keys of `synchronizationSecret` to values.
        https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
        """
        body = token_body.AcquireAccessTokenPostRequestBody(credentials=_pairs(credentials))

        async def post(exchange: _Exchange) -> Correlation:
            action = self._item(target).synchronization.acquire_access_token
            await action.post(body, exchange.configuration)
            return exchange.correlation

        single_use = SINGLE_USE in credentials
        call = _Call(
            "authorizing",
            target,
            post,
            credentials=credentials,
            single_use=single_use,
            if_carried_out=CODE_SPENT if single_use else MAY_BE_AUTHORIZED,
            remedies={400: CODE_REFUSED} if single_use else {},
            mistaken=lambda: self._taken_for_object_id(target, patience),
        )
        return await self._send(call, patience)

    async def _taken_for_object_id(self, target: Target, patience: Patience) -> str:
        """The remedy if the target's id is an application (client) id instead of an object id.

        Empty if it is not, or if the caller may not look it up.
        """
        client, app_id = self._client, target.object_id
        of_app_id = (
            client.applications_with_app_id(app_id)
            if target.kind == "applications"
            else client.service_principals_with_app_id(app_id)
        )
        try:
            configuration = _Exchange(lambda: Secrets(None)).configuration
            seconds = min(_LOOK_UP, patience.left)
            found = await asyncio.wait_for(of_app_id.get(configuration), seconds)
        except (
            ProvisioningError,
            APIError,
            httpx.HTTPError,
            UnusableAnswerError,
            asyncio.TimeoutError,
            ValueError,
        ):
            return ""
        if found is None or not GUID.fullmatch(found.id or ""):
            return ""
        return f"{app_id} is an application (client) id. Use the object id instead: {found.id}."

    async def validate_credentials(
        self,
        target: Target,
        job_id: str,
        credentials: Mapping[str, str] | None,
        patience: Patience,
    ) -> None:
        """Have a synchronization job try the credentials that the service holds for the target.

        `credentials` are the declared ones, which the application's answer may quote, or None if
        they are not known.
        https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-validatecredentials
        """
        body = validation_body.ValidateCredentialsPostRequestBody(use_saved_credentials=True)

        async def post(exchange: _Exchange) -> None:
            jobs = self._item(target).synchronization.jobs
            action = jobs.by_synchronization_job_id(job_id).validate_credentials
            await action.post(body, exchange.configuration)

        operation = f"verifying with job {job_id} the credentials of"
        call = _Call(operation, target, post, credentials=credentials, remedies=_UNKNOWN_JOB)
        await self._send(call, patience)

    async def empty_secrets(self, target: Target, keys: Iterable[str], patience: Patience) -> None:
        """Remove the values of `keys` from what the provisioning service holds for the target.

        https://learn.microsoft.com/graph/api/synchronization-serviceprincipal-put-synchronization
        """
        body = secrets_body.SecretsPutRequestBody(value=_pairs(dict.fromkeys(keys, "")))

        async def put(exchange: _Exchange) -> None:
            await self._item(target).synchronization.secrets.put(body, exchange.configuration)

        await self._send(_Call("emptying credentials of", target, put), patience)

    async def secret_keys(self, target: Target, patience: Patience) -> frozenset[str]:
        """The keys of the credentials that the provisioning service holds for the target.

        The GET is not in Graph's reference and so not in msgraph-sdk; Microsoft uses it in
        https://learn.microsoft.com/entra/identity/app-provisioning/skip-out-of-scope-deletions
        """

        async def get(exchange: _Exchange) -> frozenset[str]:
            pairs = await self._collection(target, "secrets", exchange)
            return frozenset(required(pair, "key") for pair in pairs)

        return await self._send(_Call("reading the credentials' keys of", target, get), patience)

    async def exists(self, target: Target, patience: Patience) -> bool:
        """Whether the directory has the target.

        A 404 counts only with Graph's own code, which a proxy's 404 does not have.
        """

        async def get(exchange: _Exchange) -> None:
            await self._item(target).get(exchange.configuration)

        try:
            call = _Call("looking for", target, get, forbidden=lacking_to_look)
            await self._send(call, patience)
        except RequestError as error:
            if (error.answer.status, error.answer.code) == (404, "Request_ResourceNotFound"):
                return False
            raise
        return True

    async def quarantines(self, target: Target, patience: Patience) -> list[Quarantine]:
        """The synchronization jobs of the target that are in quarantine.

        https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status
        """

        async def get(exchange: _Exchange) -> list[Quarantine]:
            jobs = await self._collection(target, "jobs", exchange)
            found = (quarantine_of(job, exchange.secrets) for job in jobs)
            return [quarantine for quarantine in found if quarantine]

        return await self._send(_Call("reading the synchronization jobs of", target, get), patience)

    async def jobs(self, target: Target, patience: Patience) -> list[Job]:
        """The synchronization jobs of the target.

        https://learn.microsoft.com/graph/api/synchronization-synchronization-list-jobs
        """

        async def get(exchange: _Exchange) -> list[Job]:
            jobs = await self._collection(target, "jobs", exchange)
            return [job_of(job, exchange.secrets) for job in jobs]

        return await self._send(_Call("reading the synchronization jobs of", target, get), patience)

    async def templates(self, target: Target, patience: Patience) -> list[Template]:
        """The synchronization templates that the target's application offers.

        https://learn.microsoft.com/graph/api/synchronization-synchronization-list-templates
        """

        async def get(exchange: _Exchange) -> list[Template]:
            templates = await self._collection(target, "templates", exchange)
            return [template_of(template, exchange.secrets) for template in templates]

        call = _Call("reading the synchronization templates of", target, get)
        return await self._send(call, patience)

    async def restart_job(self, target: Target, job_id: str, patience: Patience) -> None:
        """Take a synchronization job out of quarantine; it also starts one that is disabled.

        https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-restart
        """
        scope = SynchronizationJobRestartScope.QuarantineState
        body = restart_body.RestartPostRequestBody(
            criteria=SynchronizationJobRestartCriteria(reset_scope=scope)
        )

        async def post(exchange: _Exchange) -> None:
            jobs = self._item(target).synchronization.jobs
            action = jobs.by_synchronization_job_id(job_id).restart
            await action.post(body, exchange.configuration)

        call = _Call(f"restarting job {job_id} of", target, post, remedies=_UNKNOWN_JOB)
        await self._send(call, patience)

    async def _collection(
        self, target: Target, name: str, exchange: _Exchange
    ) -> list[dict[str, Any]]:
        """A collection of the target's `synchronization`, as Graph sent it.

        msgraph-sdk would take anything for an empty collection, and drop what it does not know.
        Raises UnusableAnswerError for what is not Graph's form.
        """
        request = RequestInformation(
            Method.GET, f"{{+baseurl}}/{target}/synchronization/{name}", {}
        )
        request.configure(exchange.configuration)
        request.headers.try_add("Accept", "application/json")
        sent = await self._adapter.send_primitive_async(request, "bytes", _ERRORS)
        try:
            document = json.loads(sent or b"")
        except (ValueError, RecursionError):
            document = None
        found = member(document, "value", list) if isinstance(document, dict) else None
        if found is None or not all(isinstance(item, dict) for item in found):
            raise UnusableAnswerError(200, "the answer is not a collection")
        if document.get("@odata.nextLink") is not None:
            raise UnusableAnswerError(200, "the answer is only a part of the collection")
        return found

    def _item(self, target: Target) -> Any:
        """The request builder of the target.

        msgraph-sdk has one class for an application and another for a service principal, and twins
        of their request bodies, which differ in their module alone: either serves for both.
        """
        if target.kind == "applications":
            return self._client.applications.by_application_id(target.object_id)
        return self._client.service_principals.by_service_principal_id(target.object_id)

    async def _send(self, call: _Call[_T], patience: Patience) -> _T:
        """The result of the call, sent as often as `patience` allows.

        What the libraries below raise leaves as a RequestError that quotes no credential.
        """
        await self._sign_in(patience)
        return await patience.call(
            call.doing,
            lambda: self._attempt(call),
            gate=self._gate,
            single_use=call.single_use,
            if_carried_out=call.if_carried_out,
            mistaken=call.mistaken,
        )

    async def _sign_in(self, patience: Patience) -> None:
        """Get a token first, so that a missing token is not taken for a call in flight."""

        async def token() -> None:
            await self._credential.get_token(self._scope, enable_cae=True)

        try:
            await patience.call(self._credential.doing, token, acts=False)
        except RequestError as error:
            raise self._credential.late(error) from None

    async def _attempt(self, call: _Call[_T]) -> _T:
        exchange = _Exchange(lambda: Secrets(call.credentials, self._credential.secrets))
        remedy: Explained | str = ""
        try:
            return await call.send(exchange)
        except ProvisioningError:
            raise
        except APIError as error:
            retry_after = exchange.header("retry-after")
            answer = refused(error, exchange.request_id, retry_after, exchange.secrets)
        except UnusableAnswerError as error:
            answer, remedy = unusable(error), REMEDIES["2xx"]
        except Exception as error:
            answer = not_answered(error)
        if exact := call.remedies.get(answer.status):
            remedy = exact
        elif answer.is_forbidden and not remedy and (caller := self._credential.caller):
            remedy = call.forbidden(caller, str(call.target), self._endpoint)
            answer = replace(answer, is_final=is_insufficient(caller))
        raise RequestError(
            call.doing, answer, remedy=remedy, if_carried_out=call.if_carried_out
        ) from None


@dataclass(frozen=True)
class _Call(Generic[_T]):
    """One operation on a target.

    `operation` is what it does to the target, for errors. `credentials` are those that the answer
    may quote, or None if they are not known: then no message of Graph is shown. `if_carried_out` is
    what follows an answer after which Graph may have carried it out. With `single_use`, it is then
    not repeated. `remedies` are by HTTP status, for what it means in this operation alone.
    `mistaken` looks for the mistake behind a 404. `forbidden` describes the permission that the
    caller lacks.
    """

    operation: str
    target: Target
    send: Callable[[_Exchange], Awaitable[_T]]
    credentials: Mapping[str, str] | None = None
    single_use: bool = False
    if_carried_out: str = ""
    remedies: Mapping[int | None, Explained] = field(default_factory=dict)
    mistaken: Callable[[], Awaitable[str]] | None = None
    forbidden: Callable[[Caller, str, str], str] = lacking

    @property
    def doing(self) -> str:
        """The operation and its target."""
        return f"{self.operation} {self.target}"


class _Exchange:
    """One request's ids and headers, given to msgraph-sdk and read after its answer."""

    def __init__(self, secrets: Callable[[], Secrets]) -> None:
        self._secrets = secrets
        self._client_request_id = str(uuid.uuid4())
        self._headers = HeadersInspectionHandlerOption(inspect_request_headers=False)
        self.configuration = RequestConfiguration[Any](options=[self._headers])
        self.configuration.headers.add("client-request-id", self._client_request_id)

    @functools.cached_property
    def secrets(self) -> Secrets:
        """The secrets to withhold from what is shown of the answer."""
        return self._secrets()

    @property
    def correlation(self) -> Correlation:
        return Correlation(self.request_id, self._client_request_id)

    @property
    def request_id(self) -> str:
        return shown_id(self.header("request-id"), self.secrets)

    def header(self, name: str) -> str:
        return ", ".join(self._headers.response_headers.get(name))


def _pairs(credentials: Mapping[str, str]) -> list[SynchronizationSecretKeyStringValuePair]:
    return [
        SynchronizationSecretKeyStringValuePair(
            odata_type=_PAIR_TYPE,
            key=SynchronizationSecret(key) if key in _SDK_KEYS else None,
            # A key that Graph has and this version of msgraph-sdk does not have.
            additional_data={} if key in _SDK_KEYS else {"key": key},
            value=value,
        )
        for key, value in sorted(credentials.items())
    ]


async def _refuse_what_is_no_answer(response: httpx.Response) -> None:
    """Raise for what Kiota takes for a success: a redirect, and a proxy's page for an action's 204.

    https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
    """
    action = response.request.method in ("POST", "PUT")
    if response.is_redirect or (action and response.is_success and response.status_code != 204):
        raise APIError(response_status_code=response.status_code)
