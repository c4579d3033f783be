"""The README's table of what happens when it goes wrong, cell by cell, through the real CLI.

One stack has a resource for each row, each with a service principal and a fault of its own, so that
one command shows a whole column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pulumi_entra_provisioning.emulator import Emulator, Fault
from readme import table
from stack import PREAMBLE, Stack

ProgramFor = Callable[[str], Stack]

NESTED = json.dumps({"error": {"code": "InvalidCredentials", "message": "Not these."}})

FAULTS = {
    "429 with `Retry-After`": Fault(status=429, headers={"Retry-After": "1"}),
    "429": Fault(status=429),
    "503": Fault(status=503),
    "504": Fault(status=504),
    "connection closed, not acted on": Fault(drop="before"),
    "connection closed, acted on": Fault(drop="after"),
    "answer cut in the middle": Fault(drop="body"),
    "slow answer": Fault(delay=1.0),
    "404, not replicated yet": Fault(status=404),
    "401 without a message": Fault(status=401, code="UnknownError", message=""),
    "401, token not accepted": Fault(status=401, code="InvalidAuthenticationToken"),
    "403": Fault(status=403),
    "400 of the synchronization service": Fault(status=400, code="UnknownError", message=NESTED),
    "500": Fault(status=500),
    "502": Fault(status=502),
    "answer that is not JSON": Fault(
        status=400, body="{", headers={"Content-Type": "application/json"}
    ),
    "200 that is not Graph's": Fault(
        status=200, body="{}", headers={"Content-Type": "application/json"}
    ),
    "page of a proxy": Fault(status=407, body="<html>Sign in</html>"),
    "redirect": Fault(status=307, headers={"Location": "https://127.0.0.1:9/"}),
}

COLUMNS = ("create", "create with a code", "update", "refresh", "destroy")
CELLS = {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in table("Waits and repetitions")}

PROGRAM = """
for name, principal in config.require_object("principals").items():
    ProvisioningAuthorization(
        name,
        service_principal_id=principal,
        credentials={"KEY": config.require_secret("value").apply(lambda v, n=name: n + v)},
        timeout=30,
    )
"""


@dataclass
class Row:
    """A row of the table: its resource's name, its service principal, what each step should do."""

    name: str
    principal: str
    fault: Fault
    cells: dict[str, str]


@dataclass
class Rows:
    """The rows of the table in one stack."""

    stack: Stack
    emulator: Emulator
    rows: list[Row]

    def script(self, method: str, path: str) -> None:
        """Have every row's fault strike its next call of this kind."""
        self.emulator.journal.clear()
        for row in self.rows:
            target = f"*/{row.principal}/synchronization/{path}"
            self.emulator.faults.add(replace(row.fault, method=method, path=target))

    def calls(self, method: str, path: str) -> dict[str, int]:
        """How many calls of this kind each row has made since they were scripted."""
        return {
            row.name: len(self.emulator.journal.select(method, f"*/{row.principal}/*/{path}"))
            for row in self.rows
        }

    def cells(self, column: str) -> dict[str, str]:
        return {row.name: row.cells[column] for row in self.rows}

    def expected_calls(self, column: str) -> dict[str, int]:
        return {name: 2 if "repeated" in cell else 1 for name, cell in self.cells(column).items()}

    def told(self, column: str) -> set[str]:
        return {name for name, cell in self.cells(column).items() if cell.startswith("told")}

    def recorded(self, output: str) -> dict[str, Any]:
        """An output of every resource in the state."""
        authorizations = self.stack.authorizations()
        return {name: item["outputs"].get(output) for name, item in authorizations.items()}


@pytest.fixture
def rows(emulator: Emulator, program_for: ProgramFor) -> Rows:
    made = []
    for number, (name, fault) in enumerate(FAULTS.items()):
        app_id = emulator.tenant.create_application(name)["appId"]
        principal = emulator.tenant.create_service_principal(app_id)["id"]
        made.append(Row(f"row{number}", principal, fault, CELLS[name]))
    stack = program_for(PROGRAM.replace("KEY", "SecretToken"))
    stack.configure(principals=json.dumps({row.name: row.principal for row in made}))
    stack.configure_secret(value="first")
    return Rows(stack, emulator, made)


def messages(printed: str, rows: Rows) -> dict[str, str]:
    """The error of each row that has one."""
    by_target = dict(
        re.findall(r"RequestError: \w+[\w' ]* servicePrincipals/([0-9a-f-]{36}): (.*)", printed)
    )
    return {row.name: by_target[row.principal] for row in rows.rows if row.principal in by_target}


def test_the_table_has_a_cell_for_every_fault_and_step() -> None:
    assert set(CELLS) == set(FAULTS)
    assert sum(len(cells) for cells in CELLS.values()) >= 60


def test_create(rows: Rows) -> None:
    rows.script("POST", "acquireAccessToken")
    printed = rows.stack.up("--continue-on-error", succeeds=False)
    told = rows.told("create")
    assert rows.calls("POST", "acquireAccessToken") == rows.expected_calls("create")
    assert set(messages(printed, rows)) == told
    assert set(rows.recorded("status")) == {row.name for row in rows.rows} - told

    rows.emulator.journal.clear()
    rows.stack.up()
    again = rows.calls("POST", "acquireAccessToken")
    assert {name for name, count in again.items() if count} == told
    assert set(rows.recorded("status").values()) == {"Authorized"}


def test_create_with_a_code(rows: Rows, program_for: ProgramFor) -> None:
    program_for(PROGRAM.replace("KEY", "Oauth2AuthorizationCode"))
    rows.script("POST", "acquireAccessToken")
    printed = rows.stack.up("--continue-on-error", succeeds=False)
    column = "create with a code"
    assert rows.calls("POST", "acquireAccessToken") == rows.expected_calls(column)
    said = messages(printed, rows)
    assert set(said) == rows.told(column)
    spent = {name for name, message in said.items() if "code may be spent" in message}
    assert spent == {name for name, cell in rows.cells(column).items() if cell == "told, spent?"}
    assert set(rows.recorded("status")) == {row.name for row in rows.rows} - set(said)

    rows.stack.configure_secret(value="anew")
    rows.stack.up()
    assert set(rows.recorded("status").values()) == {"Authorized"}


def test_update(rows: Rows) -> None:
    rows.stack.up()
    rows.stack.configure_secret(value="second")
    rows.script("POST", "acquireAccessToken")
    printed = rows.stack.up("--continue-on-error", succeeds=False)
    told = rows.told("update")
    assert rows.calls("POST", "acquireAccessToken") == rows.expected_calls("update")
    assert set(messages(printed, rows)) == told
    revisions = rows.recorded("revision")
    assert {name for name, revision in revisions.items() if revision == 1} == told

    rows.emulator.journal.clear()
    rows.stack.up()
    again = rows.calls("POST", "acquireAccessToken")
    assert {name for name, count in again.items() if count} == told
    assert set(rows.recorded("revision").values()) == {2}


def test_refresh(rows: Rows) -> None:
    rows.stack.up()
    before = rows.recorded("authorizedAt")
    rows.script("GET", "secrets")
    told = rows.told("refresh")
    for name in sorted(told):
        printed = rows.stack.refresh("--target", f"**{name}", succeeds=False)
        assert set(messages(printed, rows)) == {name}
    others = [f"--target=**{row.name}" for row in rows.rows if row.name not in told]
    rows.stack.refresh(*others)
    assert rows.calls("GET", "secrets") == rows.expected_calls("refresh")
    status = {"Unknown": "Unknown"}
    assert rows.recorded("status") == {
        name: status.get(cell, "Authorized") for name, cell in rows.cells("refresh").items()
    }
    assert rows.recorded("authorizedAt") == before

    rows.stack.refresh()
    assert set(rows.recorded("status").values()) == {"Authorized"}
    rows.emulator.journal.clear()
    rows.stack.up()
    assert rows.emulator.journal.calls == []


def test_destroy(rows: Rows) -> None:
    rows.stack.up()
    rows.script("PUT", "secrets")
    printed = rows.stack.destroy("--continue-on-error", succeeds=False)
    told = rows.told("destroy")
    assert rows.calls("PUT", "secrets") == rows.expected_calls("destroy")
    assert set(messages(printed, rows)) == told
    assert set(rows.recorded("status")) == told

    rows.stack.destroy()
    assert rows.recorded("status") == {}
    kept = [
        row.name
        for row in rows.rows
        if rows.emulator.tenant.secrets("servicePrincipals", row.principal)
    ]
    assert kept == []


@pytest.fixture
def one(rows: Rows) -> Rows:
    """The first row alone, authorized."""
    row = rows.rows[0]
    rows.stack.configure(principals=json.dumps({row.name: row.principal}))
    rows.stack.program(PREAMBLE + PROGRAM.replace("KEY", "SecretToken").replace("=30", "=2"))
    rows.stack.up()
    rows.emulator.journal.clear()
    return replace(rows, rows=[row])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ENTRA_PROVISIONING_CA_FILE": ""}, "CERTIFICATE_VERIFY_FAILED"),
        ({"ENTRA_PROVISIONING_AUTHORITY_HOST": "https://127.0.0.1:9"}, "Connection refused"),
    ],
)
def test_a_server_that_is_not_reached_changes_nothing(
    one: Rows, change: dict[str, str], said: str
) -> None:
    reached = one.stack.environment
    before = one.recorded("requestId")
    one.stack.environment = {**reached, **change}
    one.stack.configure_secret(value="second")
    printed = one.stack.up(succeeds=False)
    assert said in printed
    if "CERTIFICATE" in said:  # a refused connection is tried again for five minutes here
        assert said in one.stack.refresh(succeeds=False)
        assert said in one.stack.destroy(succeeds=False)
    assert one.recorded("requestId") == before
    assert one.emulator.journal.calls == []

    one.stack.environment = reached
    one.stack.up()
    assert set(one.recorded("revision").values()) == {2}
