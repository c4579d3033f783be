"""For each assumption of the emulator, what would settle it.

An experiment asks a tenant, real or emulated, and gives the value that the assumption has there, or
`Unsettled` with the reason why it cannot tell.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import jwt
from entra_emulator import Assumptions
from entra_emulator.assumptions import Refusal
from entra_emulator.tenant.secret_keys import SECRET_KEYS
from live.place import MissingSettingError, Place, Target, pairs, require, setting

BEARER = {"BaseAddress": "https://scim.example/v2", "SecretToken": "a-bearer-token-of-this-test"}

REDIRECT_URI = "https://portal.azure.com/TokenAuthorize"

EMULATED_OAUTH = "00000000-0000-4000-8000-00000000fab1"
"""The application template of the emulator's gallery that is authorized with OAuth."""

CLIENT_CREDENTIALS_SETTINGS = (
    "SCIM_ADDRESS",
    "SCIM_TOKEN_EXCHANGE_URI",
    "SCIM_CLIENT_ID",
    "SCIM_CLIENT_SECRET",
)
"""A SCIM endpoint, its token endpoint, and a client that may act for itself there."""

OAUTH_SETTINGS = (
    "OAUTH_TEMPLATE_ID",
    "OAUTH_CLIENT_ID",
    "OAUTH_CLIENT_SECRET",
    "OAUTH_REDIRECT_URI",
    "OAUTH_CODE",
)
"""An application template of the gallery that is authorized with OAuth, a client of the third party
and an authorization code for it that nobody has used."""


class Unsettled(str):
    """Why an experiment cannot tell."""


Findings = Mapping[str, Any]


@dataclass(frozen=True)
class Experiment:
    """What settles some assumptions.

    `others` are other values, with which an emulator would have to be found out; None where the
    emulator has nothing that could be found out. `needs` are the settings without which it cannot
    be run on a real tenant, `because` of what. `given` and `options` are the further assumptions
    and arguments of an emulator for it.
    """

    run: Callable[[Place], Findings]
    others: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    because: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def other(self, name: str) -> Any:
        """The other value of an assumption, of the same type as the usual one."""
        usual, other = getattr(Assumptions(), name), self.others[name]
        return type(usual)(*other) if hasattr(usual, "_fields") and other else other

    def of(self, place: Place) -> Findings:
        """Its findings. `MissingSettingError` if it cannot be run here."""
        if place.is_live and self.needs:
            try:
                require(*self.needs)
            except MissingSettingError as error:
                raise MissingSettingError(f"needs {self.because}: {error}") from None
        return self.run(place)


EXPERIMENTS: list[Experiment] = []

NO_FACTS = {
    "foreign_codes_are_accepted": "the emulator calls nobody, Graph does",
    "foreign_credentials_are_valid": "the emulator calls nobody, Graph does",
}
"""Settings that are no assumption about Graph, and why."""


def settles(
    *,
    needs: tuple[str, ...] = (),
    because: str = "",
    given: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    **others: Any,
) -> Callable[[Callable[[Place], Findings]], Callable[[Place], Findings]]:
    def declared(run: Callable[[Place], Findings]) -> Callable[[Place], Findings]:
        EXPERIMENTS.append(Experiment(run, others, needs, because, given or {}, options or {}))
        return run

    return declared


def experiment(name: str) -> Experiment:
    return next(item for item in EXPERIMENTS if name in item.others)


def assumptions() -> list[str]:
    """Every assumption of the emulator that is one about Graph."""
    return [item.name for item in fields(Assumptions) if item.name not in NO_FACTS]


def refusal(answer: httpx.Response) -> Refusal:
    error = answer.json()["error"]
    return Refusal(answer.status_code, error["code"], error["message"])


def nested_refusal(answer: httpx.Response) -> Any:
    """HTTP status, Graph's code, and the code of the error inside."""
    code = nested_code(answer)
    if isinstance(code, Unsettled):
        return code
    return answer.status_code, refusal(answer).code, code


def nested_code(answer: httpx.Response) -> str:
    """The code of the synchronization service's own error, which is JSON in Graph's message."""
    if not answer.is_error:
        return Unsettled(f"nothing was refused: {answer.status_code}")
    try:
        return str(json.loads(refusal(answer).message)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return refusal(answer).code


# The secrets


def _probe(key: str) -> str:
    """A value for a key that Graph may look at."""
    settings = {
        "SyncNotificationSettings": '{"Enabled":false,"DeleteThresholdEnabled":false}',
        "SyncAll": "false",
        "SkipOutOfScopeDeletions": "True",
        "Oauth2AccessTokenCreationTime": "2026-01-01T00:00:00Z",
        "TokenExpiration": "2026-01-01T00:00:00Z",
    }
    return settings.get(key, f"https://{key.lower()}.example")


@settles(
    masked_keys=frozenset({"SecretToken", "UserName"}),
    unemptiable_keys=frozenset({"SyncAll", "SyncNotificationSettings"}),
    empty_setting_error="SettingIsEmpty",
)
def each_key_is_put_read_and_emptied(place: Place) -> Findings:
    target = place.new_target()
    kept = [key for key in SECRET_KEYS if place.put(target, {key: _probe(key)}).is_success]
    # Together too, should a PUT leave nothing of the one before.
    place.put(target, {key: _probe(key) for key in kept})
    shown = place.secrets(target)
    undecided = SECRET_KEYS.keys() - (shown.keys() & kept)
    answers = {key: place.put(target, {key: ""}) for key in SECRET_KEYS if key not in undecided}
    refused = {key: answer for key, answer in answers.items() if answer.is_error}
    masked = {key for key, value in shown.items() if value and value != _probe(key)}
    assumed = place.assumed
    errors = {nested_code(answer) for answer in refused.values()}
    return {
        "masked_keys": frozenset(masked | (assumed.masked_keys & undecided)),
        "unemptiable_keys": frozenset(refused.keys() | (assumed.unemptiable_keys & undecided)),
        "empty_setting_error": errors.pop()
        if len(errors) == 1
        else Unsettled(f"emptying was refused in {len(errors)} ways"),
    }


@settles(put_merges=False)
def one_key_is_put_after_another(place: Place) -> Findings:
    target = place.new_target()
    for key, value in BEARER.items():
        assert place.put(target, {key: value}).is_success
    return {"put_merges": place.secrets(target).keys() >= BEARER.keys()}


@settles(unknown_key=(400, "Request_BadRequest"))
def a_key_in_the_wrong_case_is_put(place: Place) -> Findings:
    answer = place.put(place.new_target(), {"baseAddress": "https://scim.example"})
    if not answer.is_error:
        return {"unknown_key": Unsettled("the key was accepted")}
    return {"unknown_key": (answer.status_code, refusal(answer).code)}


# Who calls


@settles(
    needs=("UNPERMITTED_CLIENT_ID", "UNPERMITTED_CLIENT_SECRET"),
    because="a client of the tenant that has no application permission for Graph",
    missing_synchronization_permission=Refusal(403, "Authorization_RequestDenied", "Denied."),
)
def somebody_without_permission_reads_secrets(place: Place) -> Findings:
    target = place.new_target()
    answer = place.call("GET", target.secrets, token=_unpermitted(place), at_once=True)
    if not answer.is_error:
        return {"missing_synchronization_permission": Unsettled("the client may read secrets")}
    return {"missing_synchronization_permission": refusal(answer)}


def _unpermitted(place: Place) -> str:
    client_id = setting("UNPERMITTED_CLIENT_ID")
    secret = setting("UNPERMITTED_CLIENT_SECRET")
    if place.emulator:
        client_id, secret = "11111111-2222-4333-8444-555555555555", "a-secret-of-this-test"
        place.emulator.tenant.register_client(client_id, secrets=[secret])
    return str(_token(place, str(client_id), str(secret))["access_token"])


def _token(place: Place, client_id: str, secret: str) -> Any:
    answer = place.token_request(
        {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
            "scope": f"{place.url}/.default",
        }
    )
    assert answer.is_success, answer.json()["error"]
    return answer.json()


@settles(
    needs=("CLIENT_SECRET",),
    because="a client secret, to ask for a token in plain HTTP",
    token_lifetime=1800,
)
def a_token_is_requested(place: Place) -> Findings:
    if place.emulator:
        environment = place.emulator.environment
        client_id, secret = environment["AZURE_CLIENT_ID"], environment["AZURE_CLIENT_SECRET"]
    else:
        client_id, secret = str(setting("CLIENT_ID")), str(setting("CLIENT_SECRET"))
    lifetime = _token(place, client_id, secret)["expires_in"]
    place.transcript.append(f"expires_in {lifetime}")
    # Entra draws a number between 60 and 90 minutes; the emulator's one has to be among them.
    is_usual = place.is_live and 3599 <= lifetime <= 5400
    return {"token_lifetime": place.assumed.token_lifetime if is_usual else lifetime}


# Jobs


@settles(status_when_authorized="Active")
def a_target_with_a_job_is_authorized(place: Place) -> Findings:
    target = place.new_target()
    job = place.new_job(target)
    before = place.done("GET", job)["status"]["code"]
    assert place.acquire(target, BEARER).is_success, place.transcript[-1]
    place.secrets(target)
    after = place.done("GET", job)["status"]["code"]
    if before != "NotConfigured":
        return {"status_when_authorized": Unsettled(f"the job began as {before}")}
    return {"status_when_authorized": after}


@settles(
    needs=("QUARANTINE_SECONDS",),
    because="time to wait until a job with a wrong bearer token is in quarantine, e.g. 3600",
    authorization_lifts_quarantine=True,
)
def a_target_in_quarantine_is_authorized(place: Place) -> Findings:
    target = place.new_target()
    assert place.acquire(target, BEARER).is_success, place.transcript[-1]
    job = place.new_job(target)
    if place.emulator:
        reason = "EncounteredQuarantineException"
        place.emulator.tenant.set_job_status(target.id, "Quarantine", reason=reason)
    else:
        place.done("POST", f"{job}/start")
    if not _comes(place, job, "quarantine", "QUARANTINE_SECONDS"):
        return {"authorization_lifts_quarantine": Unsettled("the job got into no quarantine")}
    assert place.acquire(target, BEARER).is_success, place.transcript[-1]
    place.secrets(target)
    status = place.done("GET", job)["status"]
    return {"authorization_lifts_quarantine": status["quarantine"] is None}


@settles(
    needs=("DISABLED_JOB",),
    because="a job that is disabled after four weeks in quarantine, as SERVICE_PRINCIPAL_ID/JOB_ID",
    status_when_disabled="Paused",
)
def a_job_that_is_disabled_after_a_quarantine_is_read(place: Place) -> Findings:
    principal_id, _, job_id = (setting("DISABLED_JOB") or "").partition("/")
    job = f"/servicePrincipals/{principal_id}/synchronization/jobs/{job_id}"
    if place.emulator:
        target = place.new_target()
        assert place.acquire(target, BEARER).is_success, place.transcript[-1]
        job = place.new_job(target)
        place.emulator.tenant.set_job_status(
            target.id,
            "Quarantine",
            reason="EncounteredQuarantineException",
            began=datetime.now(timezone.utc) - timedelta(weeks=4),
        )
    read = place.done("GET", job)
    if read["schedule"]["state"] != "Disabled":
        return {"status_when_disabled": Unsettled("the job is not disabled")}
    return {"status_when_disabled": read["status"]["code"]}


JOB_RULE = "11111111-2222-4333-8444-555555555555"


@settles(custom_templates=("scim",))
def the_templates_of_an_application_of_ones_own_are_listed(place: Place) -> Findings:
    target = place.new_target()
    place.new_job(target)
    templates = place.done("GET", f"{target.synchronization}/templates")["value"]
    found = {template["id"] for template in templates}
    return {"custom_templates": _in_order(place.assumed.custom_templates, found)}


@settles(unknown_template_error="NoSuchTemplate")
def a_job_of_an_unknown_template_is_created(place: Place) -> Findings:
    answer = place.call("POST", place.new_target().jobs, {"templateId": "no-such-template"})
    return {"unknown_template_error": nested_code(answer)}


@settles(unknown_scope_error="NoSuchScope", not_configured_error="NoCredentials")
def a_new_job_is_asked_for_what_it_cannot_do(place: Place) -> Findings:
    job = place.new_job(place.new_target())
    restarted = place.call("POST", f"{job}/restart", {"criteria": {"resetScope": "Everything"}})
    subject = {"objectId": JOB_RULE, "objectTypeName": "User"}
    asked = {"parameters": [{"ruleId": JOB_RULE, "subjects": [subject]}]}
    provisioned = place.call("POST", f"{job}/provisionOnDemand", asked)
    return {
        "unknown_scope_error": nested_code(restarted),
        "not_configured_error": nested_code(provisioned),
    }


@settles(
    needs=("SCIM_ADDRESS", "SCIM_TOKEN", "CYCLE_SECONDS"),
    because="a SCIM endpoint of your own, and time to wait for a cycle, e.g. 3600",
    restart_forgets_the_first_run=False,
)
def a_job_that_has_run_is_restarted(place: Place) -> Findings:
    target = place.new_target()
    scim = {
        "BaseAddress": setting("SCIM_ADDRESS") or BEARER["BaseAddress"],
        "SecretToken": setting("SCIM_TOKEN") or BEARER["SecretToken"],
    }
    assert place.acquire(target, scim).is_success, place.transcript[-1]
    job = place.new_job(target)
    place.done("POST", f"{job}/start")
    if place.emulator:
        place.emulator.tenant.run_cycle(target.id)
    if not _comes(place, job, "lastSuccessfulExecution", "CYCLE_SECONDS"):
        return {"restart_forgets_the_first_run": Unsettled("no cycle ended well")}
    place.done("POST", f"{job}/restart", {"criteria": {"resetScope": "Watermark"}})
    place.settle()
    code = place.done("GET", job)["status"]["code"]
    return {"restart_forgets_the_first_run": code == "NotRun"}


def _comes(place: Place, job: str, name: str, setting_of_limit: str) -> bool:
    """Whether the job's status gets this property, in the time that there is for it."""
    limit = time.monotonic() + float(setting(setting_of_limit) or 0)
    while place.done("GET", job)["status"][name] is None:
        if time.monotonic() > limit:
            return False
        time.sleep(30)
    return True


# Whether credentials are good


def _validated(place: Place, address: str) -> Any:
    job = place.new_job(place.new_target())
    credentials = pairs({**BEARER, "BaseAddress": address})
    body = {"useSavedCredentials": False, "credentials": credentials}
    return nested_refusal(place.call("POST", f"{job}/validateCredentials", body))


@settles(
    needs=("SCIM_ADDRESS",),
    because="a SCIM endpoint of your own",
    invalid_credentials=(401, "Unauthorized", "WrongToken"),
)
def a_wrong_token_is_validated(place: Place) -> Findings:
    address = str(setting("SCIM_ADDRESS"))
    if place.emulator:
        address = place.emulator.tenant.third_party.scim_url
    return {"invalid_credentials": _validated(place, address)}


@settles(
    given={"foreign_credentials_are_valid": False},
    unreachable_target=(503, "Unreachable", "NoAnswer"),
)
def a_target_that_nobody_reaches_is_validated(place: Place) -> Findings:
    return {"unreachable_target": _validated(place, "https://scim.invalid/v2")}


@settles(
    needs=("NOT_SCIM_ADDRESS",),
    because="an https address of your own that answers 404",
    incompatible_target=(404, "Incompatible", "NoScim"),
)
def a_target_without_scim_is_validated(place: Place) -> Findings:
    address = str(setting("NOT_SCIM_ADDRESS"))
    if place.emulator:
        address = f"{place.url}/no-scim"
    return {"incompatible_target": _validated(place, address)}


# The directory


@settles(deleted_application_takes_service_principal=False)
def an_application_is_deleted(place: Place) -> Findings:
    target = place.new_target()
    place.done("DELETE", f"/applications/{target.application_id}")
    place.settle()
    answer = place.call("GET", f"/servicePrincipals/{target.id}", at_once=True)
    return {"deleted_application_takes_service_principal": answer.status_code == 404}


@settles(creator_becomes_owner=False)
def the_owners_of_what_was_created_are_listed(place: Place) -> Findings:
    token = place.credential.get_token(f"{place.url}/.default").token
    caller = jwt.decode(token, options={"verify_signature": False})["oid"]
    target = place.new_target()
    paths = (f"/applications/{target.application_id}", f"/servicePrincipals/{target.id}")
    owned = {
        caller in [owner["id"] for owner in place.done("GET", f"{path}/owners")["value"]]
        for path in paths
    }
    if len(owned) > 1:
        return {"creator_becomes_owner": Unsettled("one of the two objects is owned")}
    return {"creator_becomes_owner": owned.pop()}


@settles(
    needs=("OWNER_CLIENT_ID", "OWNER_CLIENT_SECRET"),
    because="a client whose only permission is Application.ReadWrite.OwnedBy",
    owned_by_reads_all=False,
)
def somebody_who_owns_nothing_reads_an_application(place: Place) -> Findings:
    client_id, secret = setting("OWNER_CLIENT_ID"), setting("OWNER_CLIENT_SECRET")
    if place.emulator:
        client_id, secret = "21111111-2222-4333-8444-555555555555", "a-secret-of-this-test"
        roles = ["Application.ReadWrite.OwnedBy"]
        place.emulator.tenant.register_client(client_id, secrets=[secret], roles=roles)
    target = place.new_target()
    token = str(_token(place, str(client_id), str(secret))["access_token"])
    path = f"/applications/{target.application_id}"
    return {"owned_by_reads_all": place.call("GET", path, token=token, at_once=True).is_success}


@settles(
    options={"replication_lag": 60},
    unreplicated_synchronization=(404, "Request_ResourceNotFound", "Not there yet."),
)
def what_has_just_been_created_is_read(place: Place) -> Findings:
    target = place.new_target(is_awaited=False)
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        answer = place.call("GET", target.secrets, at_once=True)
        if answer.is_error:
            return {"unreplicated_synchronization": refusal(answer)}
    return {"unreplicated_synchronization": Unsettled("it was there at once")}


# The exchange


def _oauth(place: Place, code: str = "OAUTH_CODE") -> dict[str, str]:
    """Credentials for an OAuth application of the gallery, with a code that nobody has used."""
    if place.emulator:
        party = place.emulator.tenant.third_party
        party.register_client("a-client", "a-secret-of-that-client", [REDIRECT_URI])
        return {
            "Oauth2ClientId": "a-client",
            "Oauth2ClientSecret": "a-secret-of-that-client",
            "Oauth2RedirectUri": REDIRECT_URI,
            "Oauth2AuthorizationCode": party.issue_code("a-client", REDIRECT_URI),
        }
    uri = setting("OAUTH_TOKEN_EXCHANGE_URI")
    return {
        "Oauth2ClientId": str(setting("OAUTH_CLIENT_ID")),
        "Oauth2ClientSecret": str(setting("OAUTH_CLIENT_SECRET")),
        "Oauth2RedirectUri": str(setting("OAUTH_REDIRECT_URI")),
        **({"Oauth2TokenExchangeUri": uri} if uri else {}),
        "Oauth2AuthorizationCode": str(setting(code)),
    }


def _foreign(place: Place) -> dict[str, str]:
    """The same, for an emulator with an OAuth application that it does not play itself."""
    if place.is_live:
        return _oauth(place)
    return {
        "Oauth2ClientId": "a-client-of-the-third-party",
        "Oauth2ClientSecret": "a-secret-of-that-client",
        "Oauth2RedirectUri": REDIRECT_URI,
        "Oauth2TokenExchangeUri": "https://third-party.example/token",
        "Oauth2AuthorizationCode": "a-code-of-the-third-party",
    }


def _oauth_target(place: Place) -> Target:
    return place.new_target(setting("OAUTH_TEMPLATE_ID") if place.is_live else EMULATED_OAUTH)


@settles(
    needs=OAUTH_SETTINGS,
    because="an OAuth application of the gallery and an authorization code for it",
    exchange_keys=frozenset({"Oauth2AuthorizationCode", "SecretToken"}),
    issued_keys=("Oauth2AccessToken", "Oauth2RefreshToken"),
    stores_authorization_code=True,
    authorization_code_works_once=False,
    spent_code_error="CodeIsSpent",
)
def a_code_is_exchanged_and_sent_again(place: Place) -> Findings:
    given = _foreign(place)
    target = _oauth_target(place) if place.is_live else place.new_target()
    code = {"Oauth2AuthorizationCode": given.pop("Oauth2AuthorizationCode")}
    triggers = set()
    # What is a token must not have been there before.
    for sent, name in (
        (BEARER, "SecretToken"),
        ({**given, **code}, "Oauth2AuthorizationCode"),
    ):
        answer = place.acquire(target, sent)
        obtained = [key for key in place.secrets(target) if key not in {**sent, **BEARER, **given}]
        if answer.is_success and obtained:
            triggers.add(name)
        if name != "Oauth2AuthorizationCode":
            place.put(target, dict.fromkeys(obtained, ""))
    kept = place.secrets(target)
    again = place.acquire(target, {**given, **code})
    if "Oauth2AuthorizationCode" not in triggers:
        reason = Unsettled("the code led to no tokens")
        return dict.fromkeys(experiment("exchange_keys").others, reason)
    return {
        "exchange_keys": frozenset(triggers),
        "issued_keys": _in_order(
            place.assumed.issued_keys, kept.keys() - {**given, **code, **BEARER}.keys()
        ),
        "stores_authorization_code": "Oauth2AuthorizationCode" in kept,
        "authorization_code_works_once": again.is_error,
        "spent_code_error": nested_code(again),
    }


@settles(
    needs=CLIENT_CREDENTIALS_SETTINGS,
    because="a SCIM endpoint of your own with OAuth client credentials",
    client_credentials_are_exchanged=False,
)
def a_client_is_authorized_without_a_code(place: Place) -> Findings:
    target = place.new_target()
    job = place.new_job(target)
    answer = place.acquire(target, _client_credentials(place))
    if answer.is_error:
        reason = Unsettled(f"the call was refused: {nested_code(answer)}")
        return {"client_credentials_are_exchanged": reason}
    if "Oauth2AccessToken" in place.secrets(target):
        return {"client_credentials_are_exchanged": True}
    # A token that Graph does not list would be used, and one that nobody obtained would not.
    validated = place.call("POST", f"{job}/validateCredentials", {"useSavedCredentials": True})
    if validated.is_success:
        reason = Unsettled("no token is listed, but the credentials that are kept are valid")
        return {"client_credentials_are_exchanged": reason}
    return {"client_credentials_are_exchanged": False}


def _client_credentials(place: Place) -> dict[str, str]:
    """Credentials of an application that is not in the gallery, with no code among them."""
    if place.emulator:
        party = place.emulator.tenant.third_party
        party.register_client("a-client", "a-secret-of-that-client")
        return {
            "BaseAddress": party.scim_url,
            "Oauth2TokenExchangeUri": party.token_url,
            "Oauth2ClientId": "a-client",
            "Oauth2ClientSecret": "a-secret-of-that-client",
        }
    return {
        "BaseAddress": str(setting("SCIM_ADDRESS")),
        "Oauth2TokenExchangeUri": str(setting("SCIM_TOKEN_EXCHANGE_URI")),
        "Oauth2ClientId": str(setting("SCIM_CLIENT_ID")),
        "Oauth2ClientSecret": str(setting("SCIM_CLIENT_SECRET")),
    }


def _in_order(usual: tuple[str, ...], found: Set[str]) -> tuple[str, ...]:
    """What was found, in the usual order where that tells nothing else."""
    return tuple(name for name in usual if name in found) + tuple(sorted(found - set(usual)))


@settles(
    needs=(*OAUTH_SETTINGS[:-1], "OAUTH_SECOND_CODE"),
    because="an OAuth application of the gallery and a second authorization code for it",
    exchange_uses_saved_secrets=False,
)
def a_code_is_sent_after_the_rest_was_put(place: Place) -> Findings:
    given, target = _oauth(place, "OAUTH_SECOND_CODE"), _oauth_target(place)
    code = given.pop("Oauth2AuthorizationCode")
    assert place.put(target, given).is_success, place.transcript[-1]
    answer = place.acquire(target, {"Oauth2AuthorizationCode": code})
    return {"exchange_uses_saved_secrets": answer.is_success}


@settles(
    needs=OAUTH_SETTINGS[:-1],
    because="an OAuth application of the gallery",
    refused_code_error="WrongCode",
    refused_client_error="WrongClient",
)
def a_wrong_code_and_a_wrong_client_are_sent(place: Place) -> Findings:
    given, target = _oauth(place), _oauth_target(place)
    code = {"Oauth2AuthorizationCode": "a-code-that-nobody-issued"}
    client = {"Oauth2ClientSecret": "a-secret-that-is-none"}
    return {
        "refused_code_error": nested_code(place.acquire(target, given | code)),
        "refused_client_error": nested_code(place.acquire(target, given | code | client)),
    }


@settles(
    needs=OAUTH_SETTINGS[:-1],
    because="an OAuth application of the gallery whose client may not act for itself",
    refused_exchange_error=None,
)
def a_client_asks_for_what_it_may_not_have(place: Place) -> Findings:
    given, target = _oauth(place), _oauth_target(place)
    given.pop("Oauth2AuthorizationCode")
    return {"refused_exchange_error": nested_code(place.acquire(target, given))}


@settles(
    given={"foreign_codes_are_accepted": False},
    unreachable_token_endpoint_error="NobodyThere",
)
def a_code_is_sent_for_a_token_endpoint_that_nobody_reaches(place: Place) -> Findings:
    given = {
        "Oauth2ClientId": "a-client",
        "Oauth2ClientSecret": "a-secret-of-that-client",
        "Oauth2RedirectUri": REDIRECT_URI,
        "Oauth2TokenExchangeUri": "https://third-party.invalid/token",
        "Oauth2AuthorizationCode": "a-code-of-the-third-party",
    }
    answer = place.acquire(place.new_target(), given)
    return {"unreachable_token_endpoint_error": nested_code(answer)}
