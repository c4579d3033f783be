"""The command `entra-emulator`: `run` around another command, or `serve` until it is stopped."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .journal import Call
    from .judgement import Finding, Rule
    from .server import Emulator
    from .tenant import Authorization

# As argparse has it, for an option or a file that can't be used.
_UNUSABLE = 2

# As `env` and `timeout` have them, so that they are told apart from the command's own.
_FAILED, _NOT_EXECUTABLE, _NOT_FOUND = 125, 126, 127

_CALLS_SHOWN = 40
_FINDINGS_SHOWN = 5

_NO_CALL = """\
The command made no call to the emulator. Either it had nothing to send, as a preview or an `up`
without a change, or it did not use the environment of `run` and may have called Microsoft Entra
and Microsoft Graph instead."""

# Who a program is and where it goes. Left in place, they would win over the emulator's, or send a
# real secret to it.
_IDENTITY = (
    *(
        f"{prefix}_{name}"
        for prefix in ("ENTRA_PROVISIONING", "ARM", "AZURE")
        for name in (
            "AUTHORITY_HOST",
            "CA_FILE",
            "CLIENT_",
            "ENVIRONMENT",
            "FEDERATED_TOKEN_FILE",
            "GRAPH_ENDPOINT",
            "OIDC_",
            "PASSWORD",
            "SETTINGS_FROM_ENVIRONMENT",
            "TENANT_ID",
            "USERNAME",
            "USE_",
        )
    ),
    "ACTIONS_ID_TOKEN_REQUEST_",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURESUBSCRIPTION_",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "SYSTEM_OIDCREQUESTURI",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; gives the exit status.

    That is 2 if an option, or a file that it names, can't be used, and 125 if the emulator itself
    could not start. Else it is 0 with `serve`, and with `run` the command's own: 128 and the
    signal's number if a signal ended it, 126 and 127 if it could not be started, 1 if all went well
    but for what `--strict` minds.
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.do(options)
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        return _fail(f"{package} is missing: install pulumi-entra-provisioning[emulator]")
    except ValueError as error:
        return _fail(str(error), _UNUSABLE)
    except OSError as error:
        return _fail(str(error))
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="entra-emulator",
        description="A Microsoft Entra tenant and its Microsoft Graph on this machine.",
    )
    commands = parser.add_subparsers(required=True, metavar="run|serve")
    run = commands.add_parser("run", help="run a command against a tenant, and report")
    serve = commands.add_parser("serve", help="keep a tenant up until interrupted")
    for command in (run, serve):
        command.add_argument(
            "--state", type=Path, metavar="FILE", help="keep the tenant in this file between runs"
        )
        command.add_argument(
            "--seed", type=Path, metavar="FILE", help="YAML: what the tenant holds from the start"
        )
        command.add_argument(
            "--faults", type=Path, metavar="FILE", help="YAML: what goes wrong, on which calls"
        )
        command.add_argument(
            "--replication-lag",
            type=float,
            metavar="SECONDS",
            help="for so long a new object is not found",
        )
        command.add_argument(
            "--throttling", action="store_true", help="apply Graph's documented limits"
        )
        command.add_argument("--port", type=int, default=0, help="a free one unless given")
        command.add_argument("--host", default="127.0.0.1", help="a loopback address")
    run.add_argument(
        "--strict",
        action="store_true",
        help="fail if the client did what it should not have done, or made no call",
    )
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    run.set_defaults(do=_run, usage_error=run.error)
    serve.set_defaults(do=_serve)
    return parser


def _run(options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        options.usage_error("a command is needed: entra-emulator run -- COMMAND")
    with _emulator(options) as emulator:
        try:
            status = _execute(command, without_identity(os.environ) | emulator.environment)
        except FileNotFoundError:
            return _fail(f"there is no command {command[0]!r}", _NOT_FOUND)
        except OSError as error:
            return _fail(f"{command[0]!r} can't be run: {error.strerror}", _NOT_EXECUTABLE)
        report = "\n".join(_report(emulator))
        is_fine = bool(emulator.journal.calls) and not emulator.judgement()
    # Not on stdout: that is the command's, whose output may be read by a program.
    print(f"\n{report}", file=sys.stderr)
    return 1 if options.strict and not is_fine and status == 0 else status


def _serve(options: argparse.Namespace) -> int:
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    with _emulator(options) as emulator:
        for name, value in emulator.environment.items():
            print(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        print(f"Serving at {emulator.url}; Ctrl-C stops it.", file=sys.stderr, flush=True)
        stop.wait()
    return 0


def _emulator(options: argparse.Namespace) -> Emulator:
    from .server import Emulator

    emulator = Emulator(
        state=options.state,
        port=options.port,
        host=options.host,
        seed=options.seed,
        replication_lag=options.replication_lag,
        throttling=options.throttling,
    )
    if options.faults is not None:
        from . import yaml_file
        from .faults import read_faults

        document = yaml_file.read(options.faults)
        emulator.faults.add(*read_faults(document, str(options.faults)))
    return emulator


def _fail(sentence: str, status: int = _FAILED) -> int:
    print(f"entra-emulator: {sentence}", file=sys.stderr)
    return status


def without_identity(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without who a program is and where it goes."""
    return {name: value for name, value in environment.items() if not name.startswith(_IDENTITY)}


def _execute(command: list[str], environment: dict[str, str]) -> int:
    """Runs the command to its end, handing on signals; gives its exit status."""
    running: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        # A terminal sends Ctrl-C to the command as well, and for many programs a second one means
        # to give up at once.
        if number == signal.SIGINT and _in_foreground():
            return
        if running:
            running[0].send_signal(number)
        else:
            early.append(number)

    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            number = getattr(signal, name)
            before[number] = signal.signal(number, pass_on)
    try:
        process = subprocess.Popen(command, env=environment)  # noqa: S603
        running.append(process)
        for number in early:
            process.send_signal(number)
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - status if status < 0 else status


def _in_foreground() -> bool:
    """Whether a terminal sends its Ctrl-C to this process and its command."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _report(emulator: Emulator) -> Iterator[str]:
    """What happened, in lines for somebody who sees it for the first time.

    No values, only the names of keys.
    """
    tokens = len(emulator.journal.select("POST", "*/oauth2/v2.0/token"))
    calls = [call for call in emulator.journal.calls if not _is_authority(call)]
    if not emulator.journal.calls:
        yield _NO_CALL
    yield "Microsoft Graph received:" if calls else "Microsoft Graph received nothing."
    for call in calls[:_CALLS_SHOWN]:
        yield from _call_lines(call)
    if dropped := emulator.journal.bodies_dropped:
        yield f"  The bodies of {dropped} of these calls were too large to keep."
    if len(calls) > _CALLS_SHOWN:
        yield f"  … and {len(calls) - _CALLS_SHOWN} more calls."
    yield f"Entra was asked for {tokens} {'token' if tokens == 1 else 'tokens'}."
    yield ""
    authorizations = emulator.tenant.authorizations()
    findings = emulator.judgement()
    if findings:
        yield "What the client should not have done:"
        yield from _finding_lines(findings)
        yield ""
    yield "The tenant now holds:" if authorizations else "The tenant holds no authorization."
    for authorization in authorizations:
        yield from _authorization_lines(authorization)


def _finding_lines(findings: list[Finding]) -> Iterator[str]:
    of_rule: dict[Rule, list[Finding]] = {}
    for finding in findings:
        of_rule.setdefault(finding.rule, []).append(finding)
    for alike in of_rule.values():
        for finding in alike[:_FINDINGS_SHOWN]:
            yield f"  {finding.sentence}"
        if len(alike) > _FINDINGS_SHOWN:
            yield f"  … and {len(alike) - _FINDINGS_SHOWN} more times."


def _is_authority(call: Call) -> bool:
    return call.path.startswith(("/oidc/", "/msi/")) or any(
        part in call.path for part in ("/oauth2/", "/.well-known/", "/discovery/")
    )


def _call_lines(call: Call) -> Iterator[str]:
    from .journal import pairs_of

    outcome = "closed without an answer" if call.status is None else str(call.status)
    fault = f" (scripted: {call.fault})" if call.fault else ""
    yield f"  {call.method} {call.path}: {outcome}{fault}"
    for pair in pairs_of(call.body):
        emptied = " (emptied)" if pair.get("value") in ("", None) else ""
        yield f"      {pair.get('key')}{emptied}"


def _authorization_lines(authorization: Authorization) -> Iterator[str]:
    noun = "application" if authorization.kind == "applications" else "service principal"
    since = authorization.authorized_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    yield f"  {noun} {authorization.display_name!r} ({authorization.id}), authorized {since}"
    for key in authorization.keys:
        yield f"      {key}"


if __name__ == "__main__":
    sys.exit(main())
