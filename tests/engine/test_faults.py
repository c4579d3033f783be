"""The table of docs/retries-and-faults.md, cell by cell, through the real CLI, in both front ends.

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
from entra_emulator import Emulator, Fault
from support.native import NativeStack
from support.readme import page, tables
from support.stack import Stack

ProgramFor = Callable[[str], Stack]

NESTED = json.dumps({"error": {"code": "InvalidCredentials", "message": "Not these."}})

FAULTS = {
    "429 with `Retry-After`": Fault(status=429, headers={"Retry-After": "1"}),
    "429": Fault(status=429),
    "503": Fault(status=503),
    "504": Fault(status=504),
    "connection closed before the call": Fault(drop="before"),
    "connection closed after the call": Fault(drop="after"),
    "truncated answer": Fault(drop="body"),
    "slow answer": Fault(delay=1.0),
    "404, not replicated yet": Fault(status=404),
    "401 without a message": Fault(status=401, code="UnknownError", message=""),
    "401, token not accepted": Fault(status=401, code="InvalidAuthenticationToken"),
    "403": Fault(status=403),
    "400 from the synchronization service": Fault(status=400, code="UnknownError", message=NESTED),
    "500": Fault(status=500),
    "502": Fault(status=502),
    "invalid JSON": Fault(status=400, body="{", headers={"Content-Type": "application/json"}),
    "200 in another form than Graph's": Fault(
        status=200, body="{}", headers={"Content-Type": "application/json"}
    ),
    "error page of a proxy": Fault(status=407, body="<html>Sign in</html>"),
    "redirect": Fault(status=307, headers={"Location": "https://127.0.0.1:9/"}),
}

COLUMNS = (
    "create",
    "create with a code",
    "update",
    "update of the keys",
    "emptying old keys",
    "refresh",
    "destroy",
)
WHAT_HAPPENS, MEANINGS = tables("What each fault does", page("retries-and-faults"))
CELLS = {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in WHAT_HAPPENS}

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
    """A row of the table: resource name, service principal, and the expectation for each step."""

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

    def declare(self, key: str, value: str) -> None:
        """Declare one key with a different value for each row.

        Pulumi masks `value` wherever it prints it. A value of hexadecimal digits could mask a part
        of an identifier, and a word could mask a part of a message.
        """
        self.stack.declare(PROGRAM.replace("KEY", key))
        self.stack.configure_secret(value=value)

    def script(self, method: str, path: str) -> None:
        """Add each row's fault to its next call of this kind."""
        self.emulator.journal.clear()
        for row in self.rows:
            target = f"*/{row.principal}/synchronization/{path}"
            self.emulator.faults.add(replace(row.fault, method=method, path=target))

    def calls(self, method: str, path: str) -> dict[str, int]:
        """The number of calls of this kind by each row since the faults were added."""
        return {
            row.name: len(self.emulator.journal.select(method, f"*/{row.principal}/*/{path}"))
            for row in self.rows
        }

    def cells(self, column: str) -> dict[str, str]:
        return {row.name: row.cells[column] for row in self.rows}

    def expected_calls(self, column: str) -> dict[str, int]:
        return {name: 2 if cell == "retried" else 1 for name, cell in self.cells(column).items()}

    def fails(self, column: str) -> set[str]:
        return {name for name, cell in self.cells(column).items() if cell.startswith("fails")}

    def recorded(self, output: str) -> dict[str, Any]:
        """An output of every resource in the state."""
        authorizations = self.stack.authorizations()
        return {name: item["outputs"].get(output) for name, item in authorizations.items()}

    def held(self) -> dict[str, dict[str, str]]:
        """What Graph holds for each row."""
        return {
            row.name: self.emulator.tenant.secrets("servicePrincipals", row.principal)
            for row in self.rows
        }

    def expected_held(
        self, column: str, before: Callable[[str], Any], after: Callable[[str], Any]
    ) -> dict[str, dict[str, str]]:
        """The credentials that Graph holds if the step acted, and if it did not.

        A fault lets the call be carried out, or not, whatever the client sees of it.
        """
        fails = self.fails(column)
        return {
            row.name: after(row.name)
            if row.name not in fails or row.fault.drop in ("after", "body")
            else before(row.name)
            for row in self.rows
        }


def nothing(name: str) -> dict[str, str]:
    return {}


def token(value: str) -> Callable[[str], dict[str, str]]:
    return lambda name: {"SecretToken": name + value}


def password(value: str) -> Callable[[str], dict[str, str]]:
    return lambda name: {"Password": name + value}


@pytest.fixture(params=[Stack, NativeStack], ids=["dynamic resource", "plugin"])
def front_end(request: pytest.FixtureRequest) -> type[Stack]:
    both: type[Stack] = request.param
    return both


@pytest.fixture
def rows(emulator: Emulator, program_for: ProgramFor) -> Rows:
    made = []
    for number, (name, fault) in enumerate(FAULTS.items()):
        app_id = emulator.tenant.create_application(name)["appId"]
        principal = emulator.tenant.create_service_principal(app_id)["id"]
        made.append(Row(f"row{number}", principal, fault, CELLS[name]))
    stack = program_for("")
    stack.configure(principals=json.dumps({row.name: row.principal for row in made}))
    rows = Rows(stack, emulator, made)
    rows.declare("SecretToken", "first")
    return rows


def messages(printed: str, rows: Rows) -> dict[str, str]:
    """The error of each row that has one."""
    by_target = dict(
        re.findall(
            r"(?:error:|^\s+\*) \w+[\w' ]* servicePrincipals/([0-9a-f-]{36}): (.*)",
            printed.partition("Diagnostics:")[2],
            re.MULTILINE,
        )
    )
    return {row.name: by_target[row.principal] for row in rows.rows if row.principal in by_target}


def test_the_page_has_a_cell_for_every_fault_and_step() -> None:
    assert set(CELLS) == set(FAULTS)
    assert sum(len(cells) for cells in CELLS.values()) >= 60
    assert {cell for cells in CELLS.values() for cell in cells.values()} == {
        "retried",
        "waits",
        "fails",
        "fails (may have acted)",
        "fails (code may be spent)",
        "warns",
        "status Unknown",
    }
    assert {row[0] for row in MEANINGS} == {
        cell for cells in CELLS.values() for cell in cells.values()
    }


def test_create(rows: Rows) -> None:
    rows.script("POST", "acquireAccessToken")
    printed = rows.stack.up("--continue-on-error", succeeds=False)
    fails = rows.fails("create")
    assert rows.calls("POST", "acquireAccessToken") == rows.expected_calls("create")
    assert set(messages(printed, rows)) == fails
    assert rows.recorded("status") == {
        name: "Unknown" if cell == "fails (may have acted)" else "Authorized"
        for name, cell in rows.cells("create").items()
        if cell != "fails"
    }
    assert rows.held() == rows.expected_held("create", nothing, token("first"))

    rows.emulator.journal.clear()
    rows.stack.up()
    again = rows.calls("POST", "acquireAccessToken")
    assert {name for name, count in again.items() if count} == fails
    assert set(rows.recorded("status").values()) == {"Authorized"}
    assert rows.held() == {row.name: token("first")(row.name) for row in rows.rows}


def test_create_with_a_code(rows: Rows) -> None:
    rows.declare("Oauth2AuthorizationCode", "single-use")
    rows.script("POST", "acquireAccessToken")
    printed = rows.stack.up("--continue-on-error", succeeds=False)
    column = "create with a code"
    assert rows.calls("POST", "acquireAccessToken") == rows.expected_calls(column)
    said = messages(printed, rows)
    assert set(said) == rows.fails(column)
    used = {
        name for name, cell in rows.cells(column).items() if cell == "fails (code may be spent)"
    }
    assert {name for name, message in said.items() if "code may be spent" in message} == used
    assert rows.recorded("status") == {
        name: "Unknown" if name in used else "Authorized"
        for name, cell in rows.cells(column).items()
        if cell != "fails"
    }

    rows.emulator.journal.clear()
    asks = "this authorization code may have been used"
    assert asks in rows.stack.preview(succeeds=False)
    assert rows.emulator.journal.calls == []
    assert asks in rows.stack.up("--continue-on-error", succeeds=False)
    again = rows.calls("POST", "acquireAccessToken")
    assert not used.intersection(name for name, count in again.items() if count)

    rows.stack.configure_secret(value="anew")
    rows.stack.up()
    assert set(rows.recorded("status").values()) == {"Authorized"}
    assert all("Oauth2AccessToken" in secrets for secrets in rows.held().values())


def updates(rows: Rows, column: str, old: Any, new: Any) -> None:
    """Check one column of updates that authorize, from `up` to the `up` that recovers."""
    rows.script("POST", "acquireAccessToken")
    printed = rows.stack.up("--continue-on-error", succeeds=False)
    fails = rows.fails(column)
    assert rows.calls("POST", "acquireAccessToken") == rows.expected_calls(column)
    assert set(messages(printed, rows)) == fails
    revisions = rows.recorded("revision")
    assert {name for name, revision in revisions.items() if revision == 1} == fails
    assert rows.recorded("status") == {
        name: "Unknown" if cell == "fails (may have acted)" else "Authorized"
        for name, cell in rows.cells(column).items()
    }
    assert rows.held() == rows.expected_held(column, old, new)

    rows.emulator.journal.clear()
    rows.stack.up()
    again = rows.calls("POST", "acquireAccessToken")
    assert {name for name, count in again.items() if count} == fails
    assert set(rows.recorded("revision").values()) == {2}
    assert set(rows.recorded("status").values()) == {"Authorized"}
    assert rows.held() == {row.name: new(row.name) for row in rows.rows}


def test_update(rows: Rows) -> None:
    rows.stack.up()
    rows.declare("SecretToken", "second")
    updates(rows, "update", token("first"), token("second"))


def test_update_of_the_keys(rows: Rows) -> None:
    rows.stack.up()
    rows.declare("Password", "second")
    updates(rows, "update of the keys", token("first"), password("second"))


def test_the_previous_program_undoes_a_failed_update(rows: Rows) -> None:
    rows.stack.up()
    rows.declare("Password", "second")
    rows.script("POST", "acquireAccessToken")
    rows.stack.up("--continue-on-error", succeeds=False)
    rows.declare("SecretToken", "first")
    rows.stack.up()
    assert rows.held() == {row.name: token("first")(row.name) for row in rows.rows}
    assert set(rows.recorded("status").values()) == {"Authorized"}


def test_emptying_old_keys(rows: Rows) -> None:
    column = "emptying old keys"
    rows.stack.up()
    rows.declare("Password", "second")
    rows.script("PUT", "secrets")
    printed = rows.stack.up()
    assert rows.calls("PUT", "secrets") == rows.expected_calls(column)
    warns = {name for name, cell in rows.cells(column).items() if cell == "warns"}
    warnings = printed.partition("Diagnostics:")[2]
    assert warnings.count("The next `pulumi up` empties SecretToken.") == len(warns)
    assert rows.recorded("keysToEmpty") == {
        row.name: ["SecretToken"] if row.name in warns else [] for row in rows.rows
    }
    assert rows.held() == {
        row.name: password("second")(row.name)
        | (token("first")(row.name) if row.name in warns else {})
        for row in rows.rows
    }

    rows.emulator.journal.clear()
    rows.stack.up()
    assert set(rows.calls("POST", "acquireAccessToken").values()) == {0}
    assert rows.held() == {row.name: password("second")(row.name) for row in rows.rows}
    assert "unchanged" in rows.stack.up()


def test_refresh(rows: Rows) -> None:
    rows.stack.up()
    before = rows.recorded("authorizedAt")
    rows.script("GET", "secrets")
    fails = rows.fails("refresh")
    for name in sorted(fails):
        printed = rows.stack.refresh("--target", f"**{name}", succeeds=False)
        assert set(messages(printed, rows)) == {name}
    others = [f"--target=**{row.name}" for row in rows.rows if row.name not in fails]
    rows.stack.refresh(*others)
    assert rows.calls("GET", "secrets") == rows.expected_calls("refresh")
    status = {"status Unknown": "Unknown"}
    assert rows.recorded("status") == {
        name: status.get(cell, "Authorized") for name, cell in rows.cells("refresh").items()
    }
    assert rows.recorded("authorizedAt") == before

    rows.stack.refresh()
    assert set(rows.recorded("status").values()) == {"Authorized"}
    rows.emulator.journal.clear()
    rows.stack.up()
    assert rows.emulator.journal.calls == []
    assert rows.held() == {row.name: token("first")(row.name) for row in rows.rows}


def test_destroy(rows: Rows) -> None:
    rows.stack.up()
    rows.script("PUT", "secrets")
    printed = rows.stack.destroy("--continue-on-error", succeeds=False)
    fails = rows.fails("destroy")
    assert rows.calls("PUT", "secrets") == rows.expected_calls("destroy")
    assert set(messages(printed, rows)) == fails
    assert set(rows.recorded("status")) == fails
    assert rows.held() == rows.expected_held("destroy", token("first"), nothing)

    rows.stack.destroy()
    assert rows.recorded("status") == {}
    assert rows.held() == {row.name: {} for row in rows.rows}


@pytest.fixture
def one(rows: Rows) -> Rows:
    """The first row alone, authorized."""
    row = rows.rows[0]
    rows.stack.configure(principals=json.dumps({row.name: row.principal}))
    rows.stack.declare(PROGRAM.replace("KEY", "SecretToken").replace("=30", "=5"))
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
def test_an_unreachable_server_changes_nothing(
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
