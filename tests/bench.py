"""The duration of an `up` with many authorizations, compared with resources that do nothing.

Counts first: requests to Graph, tokens, bytes of state for each resource. Then seconds, which only
compare within one run: the two programs take turns. Then what an import costs, what the installed
package adds to an `up` that changes nothing, and how many authorizations a second the emulator
answers. Run it as `make bench`; `python tests/bench.py import`, `… unchanged` and `… emulator` are
those lines alone.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from support.emulator_clients import ACQUIRE, scope, secret_credential
from support.environments import build, environment
from support.stack import PREAMBLE, Stack

AUTHORIZING = """
for number, principal in enumerate(config.require_object("principals")):
    ProvisioningAuthorization(
        f"a{number}", service_principal_id=principal, credentials={"SecretToken": "t0ken"}
    )
"""

NOTHING = """
class Provider(pulumi.dynamic.ResourceProvider):
    def create(self, props):
        return pulumi.dynamic.CreateResult("nothing", props)

class Nothing(pulumi.dynamic.Resource):
    def __init__(self, name, token):
        super().__init__(Provider(), name, {"token": token})

for number, principal in enumerate(config.require_object("principals")):
    Nothing(f"n{number}", pulumi.Output.secret("t0ken"))
"""


CONNECTIONS = 8
CALLS_OF_EACH = 500


def main() -> None:
    """Print one line for each number of resources, then the other measurements, or only one."""
    if sys.argv[1:2] == ["call"]:
        print(asyncio.run(_call(*sys.argv[2:])))
        return
    if not sys.argv[1:]:
        print("resources  requests  tokens  bytes of state each  seconds  unchanged  doing nothing")
        for count in (1, 50, 200):
            print(_line(count), flush=True)
    lines = {"import": _import_line, "unchanged": _unchanged_lines, "emulator": _emulator_line}
    for name in sys.argv[1:] or lines:
        print(lines[name](), flush=True)


def _import_line() -> str:
    """The time that importing the package adds to importing Pulumi."""
    statements = (
        "import pulumi",
        "from pulumi_entra_provisioning import ProvisioningAuthorization",
        "import pulumi_entra_provisioning",
    )
    timed = "from time import perf_counter as now; began = now(); {}; print(1000 * (now() - began))"
    taken: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(10):
        for statement in statements:
            command = [sys.executable, "-c", timed.format(statement)]
            taken[statement].append(float(subprocess.check_output(command)))
    pulumi, resource, package = (min(taken[statement]) for statement in statements)
    return (
        f"import: {resource - pulumi:.0f} ms for the resource over the {pulumi:.0f} ms of pulumi,"
        f" {package:.0f} ms for the package alone"
    )


def _unchanged_lines() -> str:
    """The duration of an `up` without changes, with the package and without it."""
    without = "import pulumi; config = pulumi.Config()\n"
    programs = {
        "an empty program": {"with": without, "without": without},
        "two resources": {"with": PREAMBLE + AUTHORIZING, "without": without + NOTHING},
    }
    principals = [DEFAULT_SERVICE_PRINCIPAL_ID] * 2
    taken: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        stacks = {}
        wheel = build(Path(folder) / "dist").requirement()
        for package, installed in (("with", wheel), ("without", f"pulumi=={version('pulumi')}")):
            place = Path(folder) / package
            clean = environment(place / "venv", installed)
            variables = {**clean.variables(place / "home"), **emulator.environment}
            for number, (what, sources) in enumerate(programs.items()):
                project = place / str(number)
                stack = _stack(project, variables, sources[package], principals)
                stack.up()
                stacks[what, package] = stack
        for _ in range(7):
            for name, stack in stacks.items():
                taken[name].append(_up(stack))
    seconds = {name: statistics.median(times) for name, times in taken.items()}
    return "\n".join(
        f"unchanged up of {what}: {seconds[what, 'with']:.2f} s with the package,"
        f" {seconds[what, 'without']:.2f} s without,"
        f" x {seconds[what, 'with'] / seconds[what, 'without']:.2f}"
        for what in programs
    )


def _emulator_line() -> str:
    """The speed of the emulator for a client in another process."""
    with Emulator() as emulator:
        token = secret_credential(emulator).get_token(scope(emulator)).token
        client = [sys.executable, __file__, "call", emulator.url, emulator.ca_file, token]
        seconds = float(subprocess.run(client, stdout=subprocess.PIPE, check=True).stdout)
        calls = emulator.journal.select("POST", ACQUIRE)
    assert [call.status for call in calls] == [204] * (CONNECTIONS * CALLS_OF_EACH)
    return (
        f"emulator: {len(calls) / seconds:.0f} acquireAccessToken a second"
        f" ({len(calls)} over {CONNECTIONS} TLS connections, kept alive)"
    )


async def _call(url: str, ca_file: str, token: str) -> float:
    """The seconds that all calls took, without connecting."""
    address = urlsplit(url)
    trust = ssl.create_default_context(cafile=ca_file)
    body = json.dumps({"credentials": [{"key": "SecretToken", "value": "t0ken"}]})
    request = (
        f"POST {ACQUIRE} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    connections = [
        await asyncio.open_connection(address.hostname, address.port, ssl=trust)
        for _ in range(CONNECTIONS)
    ]

    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(CALLS_OF_EACH):
            writer.write(request)
            # A 204 ends with its headers.
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 204 "), head

    began = time.perf_counter()
    await asyncio.gather(*(use(*connection) for connection in connections))
    return time.perf_counter() - began


def _line(count: int) -> str:
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        principals = []
        for number in range(count):
            app_id = emulator.tenant.create_application(f"Application {number}")["appId"]
            principals.append(emulator.tenant.create_service_principal(app_id)["id"])
        stack = _stack(
            Path(folder) / "authorizing", emulator.environment, PREAMBLE + AUTHORIZING, principals
        )
        floor = _stack(
            Path(folder) / "nothing", emulator.environment, PREAMBLE + NOTHING, principals
        )
        seconds, nothing = _up(stack), _up(floor)
        requests = len(emulator.journal.select(path="/v1.0/*"))
        tokens = len(emulator.journal.select("POST", "*/token"))
        state = stack.authorizations()["a0"]
        for place in ("sourcePosition", "stackTrace"):
            state.pop(place, None)
        size = len(json.dumps(state))
        unchanged = _up(stack)
    return (
        f"{count:9}  {requests:8}  {tokens:6}  {size:19}  {seconds:7.1f}  {unchanged:9.1f}"
        f"  {nothing:13.1f}"
    )


def _stack(
    folder: Path, environment: Mapping[str, str], program: str, principals: list[str]
) -> Stack:
    stack = Stack(folder, environment)
    stack.program(program)
    stack.configure(principals=json.dumps(principals))
    return stack


def _up(stack: Stack) -> float:
    began = time.perf_counter()
    stack.up("--suppress-outputs", "--suppress-progress")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
