"""What an `up` of many authorizations costs, beside one of as many resources that do nothing.

Counts first: requests to Graph, tokens, bytes of state for each resource. Then seconds, which only
compare within one run: the two programs take turns. Run it as `make bench`.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from pulumi_entra_provisioning.emulator import Emulator
from stack import PREAMBLE, Stack

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


def main() -> None:
    """Print one line for each number of resources."""
    print("resources  requests  tokens  bytes of state each  seconds  unchanged  doing nothing")
    for count in (1, 50, 200):
        print(_line(count), flush=True)


def _line(count: int) -> str:
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        principals = []
        for number in range(count):
            app_id = emulator.tenant.create_application(f"Application {number}")["appId"]
            principals.append(emulator.tenant.create_service_principal(app_id)["id"])
        stack = _stack(Path(folder) / "authorizing", emulator, AUTHORIZING, principals)
        floor = _stack(Path(folder) / "nothing", emulator, NOTHING, principals)
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


def _stack(folder: Path, emulator: Emulator, program: str, principals: list[str]) -> Stack:
    stack = Stack(folder, emulator.environment)
    stack.program(PREAMBLE + program)
    stack.configure(principals=json.dumps(principals))
    return stack


def _up(stack: Stack) -> float:
    began = time.perf_counter()
    stack.up("--suppress-outputs", "--suppress-progress")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
