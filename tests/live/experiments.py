"""For each assumption of the emulator, what would settle it.

An experiment asks a tenant, real or emulated, and gives the value that the assumption has there, or
`Unsettled` with the reason why it can't tell.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, fields
from typing import Any

import httpx
from live.place import MissingSettingError, Place, Target, require, setting
from pulumi_entra_provisioning.emulator import Assumptions
from pulumi_entra_provisioning.emulator.assumptions import Refusal
from pulumi_entra_provisioning.emulator.secret_keys import SECRET_KEYS

BEARER = {"BaseAddress": "https://scim.example/v2", "SecretToken": "a-bearer-token-of-this-test"}

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
    """Why an experiment can't tell."""


Findings = Mapping[str, Any]


@dataclass(frozen=True)
class Experiment:
    """What settles some assumptions.

    `others` are other values, with which an emulator would have to be found out. `needs` are the
    settings without which it can't be run on a real tenant, `because` of what. `given` is how else
    an emulator has to be set for it.
    """

    run: Callable[[Place], Findings]
    others: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    because: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)

    def of(self, place: Place) -> Findings:
        """Its findings. `MissingSettingError` if it can't be run here."""
        if place.is_live and self.needs:
            try:
                require(*self.needs)
            except MissingSettingError as error:
                raise MissingSettingError(f"needs {self.because}: {error}") from None
        return self.run(place)


EXPERIMENTS: list[Experiment] = []

NO_FACTS: dict[str, str] = {}
"""Settings that are no assumption about Graph, and why."""


def settles(
    *,
    needs: tuple[str, ...] = (),
    because: str = "",
    given: Mapping[str, Any] | None = None,
    **others: Any,
) -> Callable[[Callable[[Place], Findings]], Callable[[Place], Findings]]:
    def declared(run: Callable[[Place], Findings]) -> Callable[[Place], Findings]:
        EXPERIMENTS.append(Experiment(run, others, needs, because, given or {}))
        return run

    return declared


def experiment(name: str) -> Experiment:
    return next(item for item in EXPERIMENTS if name in item.others)


def settled() -> list[str]:
    return [name for item in EXPERIMENTS for name in item.others]


def assumptions() -> list[str]:
    return [item.name for item in fields(Assumptions) if item.name not in NO_FACTS]


def refusal(answer: httpx.Response) -> Refusal:
    error = answer.json()["error"]
    return Refusal(answer.status_code, error["code"], error["message"])


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
    if not _quarantined(place, target, job):
        return {"authorization_lifts_quarantine": Unsettled("the job got into no quarantine")}
    assert place.acquire(target, BEARER).is_success, place.transcript[-1]
    place.secrets(target)
    status = place.done("GET", job)["status"]
    return {"authorization_lifts_quarantine": status["quarantine"] is None}


def _quarantined(place: Place, target: Target, job: str) -> bool:
    if place.emulator:
        reason = "EncounteredQuarantineException"
        place.emulator.tenant.set_job_status(target.id, "Quarantine", reason=reason)
        return True
    place.done("POST", f"{job}/start")
    limit = time.monotonic() + float(setting("QUARANTINE_SECONDS") or 0)
    while place.done("GET", job)["status"]["quarantine"] is None:
        if time.monotonic() > limit:
            return False
        time.sleep(30)
    return True


# The exchange


def _oauth(place: Place) -> dict[str, str]:
    """Credentials for an OAuth application, with a code that nobody has used."""
    if place.emulator:
        return {
            "Oauth2ClientId": "a-client-of-the-third-party",
            "Oauth2ClientSecret": "a-secret-of-that-client",
            "Oauth2RedirectUri": "https://portal.azure.com/TokenAuthorize",
            "Oauth2TokenExchangeUri": "https://third-party.example/token",
            "Oauth2AuthorizationCode": "a-code-of-the-third-party",
        }
    uri = setting("OAUTH_TOKEN_EXCHANGE_URI")
    return {
        "Oauth2ClientId": str(setting("OAUTH_CLIENT_ID")),
        "Oauth2ClientSecret": str(setting("OAUTH_CLIENT_SECRET")),
        "Oauth2RedirectUri": str(setting("OAUTH_REDIRECT_URI")),
        **({"Oauth2TokenExchangeUri": uri} if uri else {}),
        "Oauth2AuthorizationCode": str(setting("OAUTH_CODE")),
    }


def _oauth_target(place: Place) -> Target:
    if place.emulator:
        return place.new_target()
    return place.new_target(str(setting("OAUTH_TEMPLATE_ID")))


@settles(
    needs=OAUTH_SETTINGS,
    because="an OAuth application of the gallery and an authorization code for it",
    exchange_keys=frozenset({"Oauth2AuthorizationCode"}),
    issued_keys=("Oauth2AccessToken", "Oauth2RefreshToken"),
    stores_authorization_code=True,
    authorization_code_works_once=False,
    spent_code_error="CodeIsSpent",
)
def a_code_is_exchanged_and_sent_again(place: Place) -> Findings:
    given = _oauth(place)
    target = _oauth_target(place)
    code = {"Oauth2AuthorizationCode": given.pop("Oauth2AuthorizationCode")}
    triggers = set()
    # What is a token must not have been there before.
    for sent, name in (
        (BEARER, "SecretToken"),
        (given, "Oauth2ClientId"),
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
    # A client id alone with a code leads to tokens either way: what tells is the call without one.
    return {
        "exchange_keys": frozenset(triggers),
        "issued_keys": _in_order(place, kept.keys() - {**given, **code, **BEARER}.keys()),
        "stores_authorization_code": "Oauth2AuthorizationCode" in kept,
        "authorization_code_works_once": again.is_error,
        "spent_code_error": nested_code(again),
    }


def _in_order(place: Place, keys: Set[str]) -> tuple[str, ...]:
    known = tuple(key for key in place.assumed.issued_keys if key in keys)
    return known + tuple(sorted(keys - set(known)))
