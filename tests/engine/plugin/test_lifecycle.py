"""The provider plugin through the real engine: every step of an authorization's life."""

from __future__ import annotations

import re
import time

from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator, Fault
from support.native import TYPE, NativeStack
from support.stack import BEARER
from support.tenant import another_service_principal, authorizing, token_requests

TARGET = f"servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}"
OUT_OF_TIME = re.compile(r"no answer within [0-2] s|not sent, because timeout ran out")
SECRET = "1b47061264138c4ac30d75fd1eb44270"


def test_wrong_inputs_are_reported_at_once_and_without_their_values(
    emulator: Emulator, stack: NativeStack
) -> None:
    stack.declare(
        """
ProvisioningAuthorization(
    "directory",
    service_principal_id="pl4nted-id",
    credentials={"secrettoken": "pl4nted-value", "Oauth2ClientId": ""},
    triggers=[pulumi.StringAsset("pl4nted-asset")],
    timeout=-1,
)
"""
    )
    printed = stack.preview(succeeds=False)
    for reason in (
        "service_principal_id: not an object id",
        'credentials["secrettoken"]: not a key of Graph. Use "SecretToken"',
        'credentials["Oauth2ClientId"]: the value is empty',
        "triggers: must be plain values",
        "timeout: must be a number of seconds",
    ):
        assert reason in printed
    assert "pl4nted" not in printed
    assert "Traceback" not in printed
    assert emulator.journal.calls == []


def test_a_refusal_is_one_message_under_its_resource(
    emulator: Emulator, declared: NativeStack
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=400))
    printed = declared.up(succeeds=False)
    shown = re.search(rf"  {TYPE} \(directory\):\n(.*?)\n\n", printed, re.DOTALL)
    assert shown
    assert re.fullmatch(
        rf"    error: (?:\S+ )*authorizing {TARGET}: 400 .*"
        r" See docs/errors.md#400-graph-refuses-the-credentials\.",
        shown[1],
    )
    assert declared.authorizations() == {}


def test_a_warning_stands_under_its_resource(emulator: Emulator, declared: NativeStack) -> None:
    declared.declare(BEARER.replace("credentials=", 'expires_at="2020-01-01", credentials='))
    printed = declared.up()
    assert re.search(
        rf"  {TYPE} \(directory\):\n    warning: the credentials of {TARGET} expired on", printed
    )


def test_a_line_of_a_waiting_step_stands_under_its_resource(
    emulator: Emulator, declared: NativeStack
) -> None:
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "4"})
    )
    printed = declared.up()
    assert re.search(
        rf"{TYPE} directory .*authorizing {TARGET}: 429, the service asks to wait; retrying in",
        printed,
    )


def test_keys_are_ignored_and_replaced_on_one_by_one(
    emulator: Emulator, authorized: NativeStack
) -> None:
    renewed = BEARER.replace("https://scim.example/v2", "https://scim.example/v3")

    def with_option(option: str) -> str:
        return renewed.rstrip().removesuffix(")") + f"    opts=ResourceOptions({option}),\n)"

    authorized.declare(with_option('ignore_changes=["credentials.BaseAddress"]'))
    assert "2 unchanged" in authorized.up()
    authorized.declare(with_option('replace_on_changes=["credentials.SecretToken"]'))
    assert "1 to update" in authorized.preview()
    authorized.declare(with_option('replace_on_changes=["credentials.BaseAddress"]'))
    assert "1 to replace" in authorized.preview()
    assert authorizing(emulator) == []


def test_custom_timeouts_bound_each_step(emulator: Emulator, declared: NativeStack) -> None:
    timeouts = 'pulumi.CustomTimeouts(create="2s", update="2s", delete="2s")'
    declared.declare(
        BEARER.rstrip().removesuffix(")")
        + f"    opts=ResourceOptions(custom_timeouts={timeouts}),\n)"
    )
    slow = Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "60"})
    emulator.faults.add(slow)
    begun = time.monotonic()
    assert "Retry-After 60 s" in declared.up(succeeds=False)
    assert time.monotonic() - begun < 30
    declared.up()

    declared.configure_secret(token="second")
    emulator.faults.add(Fault(path="*/acquireAccessToken", delay=20))
    assert OUT_OF_TIME.search(declared.up(succeeds=False))
    emulator.faults.add(Fault(path="*/secrets", delay=20))
    assert OUT_OF_TIME.search(declared.destroy(succeeds=False))


def test_unknown_values_of_a_preview_pass_and_outputs_that_are_known_are_shown(
    emulator: Emulator, stack: NativeStack
) -> None:
    other = another_service_principal(emulator)
    stack.declare(
        BEARER.replace("ProvisioningAuthorization(", "first = ProvisioningAuthorization(")
        + f"""
pulumi.export("target", first.target)
pulumi.export("authorizedAt", first.authorized_at)
ProvisioningAuthorization(
    "second",
    service_principal_id="{other}",
    credentials={{"SecretToken": first.authorized_at}},
    triggers=[first.revision],
)
"""
    )
    stack.configure_secret(token="t0ken")
    printed = stack.preview("--diff")
    assert f'target      : "{TARGET}"' in printed
    assert re.search(r"authorizedAt: \[unknown\]|authorizedAt: output<string>", printed)
    assert "3 to create" in printed
    stack.up()
    assert "3 unchanged" in stack.up()


def test_the_preview_of_an_update_without_a_call_knows_its_outputs(
    emulator: Emulator, authorized: NativeStack
) -> None:
    other = another_service_principal(emulator)

    def declare(option: str) -> None:
        first = BEARER.rstrip().removesuffix(")") + f"    {option},\n)"
        authorized.declare(
            f"""
first = {first.lstrip()}
ProvisioningAuthorization(
    "second",
    service_principal_id="{other}",
    credentials={{"SecretToken": "t0ken"}},
    triggers=[first.request_id, first.status],
)
"""
        )

    declare("timeout=100")
    authorized.up()
    declare('triggers=["renewed"]')
    assert "2 to update" in authorized.preview()
    declare('expires_at="2099-01-31"')
    assert "1 to update" in authorized.preview()
    assert "1 updated" in authorized.up()


def test_one_token_serves_as_many_authorizations_at_once_as_the_engine_asks_for(
    emulator: Emulator, stack: NativeStack
) -> None:
    principals = [another_service_principal(emulator, f"Application {n}") for n in range(12)]
    stack.declare(
        f"""
for number, principal in enumerate({principals}):
    ProvisioningAuthorization(
        f"directory-{{number}}",
        service_principal_id=principal,
        credentials={{"SecretToken": "t0ken"}},
    )
"""
    )
    for principal in principals:
        emulator.faults.add(Fault(path=f"*/{principal}/*/acquireAccessToken", delay=5))
    stack.up("--parallel=12")
    begun = [call.time for call in authorizing(emulator)]
    assert len(begun) == 12
    assert (max(begun) - min(begun)).total_seconds() < 5
    assert len(token_requests(emulator)) == 1
