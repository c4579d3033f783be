"""Invalid inputs, which the preview of the dynamic resource reports, through the real CLI.

`tests/provider/lifecycle/test_inputs.py` has every reason, and both providers report them alike.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from entra_emulator import DEFAULT_APPLICATION_ID, Emulator
from support.stack import Stack

PLANTED = "pl4nted"


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("credentials={'SecretToken': SECRET}", "no target is declared"),
        (
            "application_id=GUID, service_principal_id=GUID, credentials={'SecretToken': SECRET}",
            "two targets are declared",
        ),
        (
            "application_id=SECRET, credentials={'SecretToken': SECRET}",
            "application_id: not an object id",
        ),
        ("application_id=GUID, credentials={}", "credentials: empty"),
        (
            "application_id=GUID, credentials={SECRET: SECRET}",
            "Graph does not know one of the keys",
        ),
        (
            "application_id=GUID, credentials={'secretToken': SECRET}",
            'credentials["secretToken"]: not a key of Graph. Use "SecretToken"',
        ),
        (
            "application_id=GUID, credentials=[{'key': 'Url', 'value': SECRET}] * 2",
            'credentials["Url"]: declared more than once',
        ),
        (
            "application_id=GUID, credentials={'Url': [SECRET]}",
            'credentials["Url"]: the value must be text',
        ),
        (
            "application_id=GUID, credentials={'SecretToken': SECRET, 'Url': None}",
            'credentials["Url"]: the value is empty',
        ),
        (
            "application_id=GUID, credentials={'Url': SECRET}, timeout=0",
            "timeout: must be a number of seconds",
        ),
    ],
)
def test_invalid_input_fails_the_preview_and_sends_nothing(
    emulator: Emulator, program_for: Callable[[str], Stack], declared: str, said: str
) -> None:
    stack = program_for(
        f"SECRET, GUID = '{PLANTED}', '{DEFAULT_APPLICATION_ID}'\n"
        f"ProvisioningAuthorization('bad', {declared})\n"
    )
    printed = stack.preview("--diff", succeeds=False)
    assert said in printed
    assert PLANTED not in printed
    assert emulator.journal.calls == []
