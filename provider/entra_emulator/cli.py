"""The command `entra-emulator`: `run` another command, or `serve` until it is stopped."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .emulator import Emulator

# Like argparse, for an invalid option or file.
_INVALID = 2

# Like `env` and `timeout`, so they differ from the usual exit statuses of a command.
_FAILED, _NOT_EXECUTABLE, _NOT_FOUND = 125, 126, 127


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status.

    It is 2 for an invalid option or file, and 125 if the emulator cannot start. `serve` returns 0.
    `run` returns the command's own status: 128 plus the signal's number if a signal ended it, 126
    or 127 if it could not start, and 1 if only `--strict` makes it fail.
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.do(options)
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        return _fail(f"{package} is missing: install pulumi-entra-provisioning[emulator]")
    except ValueError as error:
        return _fail(str(error), _INVALID)
    except OSError as error:
        # Without the number that str() shows.
        return _fail(error.strerror if error.strerror and not error.filename else str(error))
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="entra-emulator",
        description="Run a Microsoft Entra tenant and its Microsoft Graph on this machine.",
    )
    commands = parser.add_subparsers(required=True, metavar="run|serve")
    run = commands.add_parser(
        "run", help="run a command with the tenant's environment, then print a report"
    )
    serve = commands.add_parser(
        "serve", help="print the tenant's environment and serve until Ctrl-C"
    )
    for command in (run, serve):
        command.add_argument(
            "--state", type=Path, metavar="FILE", help="keep the tenant in this file between runs"
        )
        command.add_argument(
            "--seed",
            type=Path,
            metavar="FILE",
            help="YAML file with the objects and clients that the tenant starts with",
        )
        command.add_argument(
            "--faults", type=Path, metavar="FILE", help="YAML file with scripted faults"
        )
        command.add_argument(
            "--replication-lag",
            type=float,
            metavar="SECONDS",
            help="answer 404 about a new object for this time",
        )
        command.add_argument(
            "--throttling", action="store_true", help="apply Graph's documented limits"
        )
        command.add_argument("--port", type=int, default=0, help="default: any free port")
        command.add_argument(
            "--host", default="127.0.0.1", help="a loopback address; default: 127.0.0.1"
        )
    run.add_argument(
        "--strict",
        action="store_true",
        help="fail if the command made no call, or broke a rule for clients",
    )
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    run.set_defaults(do=_run, usage_error=run.error)
    serve.set_defaults(do=_serve)
    return parser


def _run(options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        options.usage_error("COMMAND is missing: entra-emulator run -- COMMAND")
    from .observe.report import report
    from .workloads import without_identity

    with _emulator(options) as emulator:
        try:
            status = _execute(command, without_identity(os.environ) | emulator.environment)
        except FileNotFoundError:
            return _fail(f"command not found: {command[0]!r}", _NOT_FOUND)
        except OSError as error:
            return _fail(f"cannot run {command[0]!r}: {error.strerror}", _NOT_EXECUTABLE)
        findings = emulator.judgement()
        text = report(emulator.journal, findings, emulator.tenant.authorizations())
        is_fine = bool(emulator.journal.calls) and not findings
    # A program may read stdout, which belongs to the command.
    print(f"\n{text}", file=sys.stderr)
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
        print(f"Serving at {emulator.url}; press Ctrl-C to stop.", file=sys.stderr, flush=True)
        stop.wait()
    return 0


def _emulator(options: argparse.Namespace) -> Emulator:
    from .disturb.faults import read_faults
    from .emulator import Emulator
    from .input import yaml_file

    emulator = Emulator(
        state=options.state,
        port=options.port,
        host=options.host,
        seed=options.seed,
        replication_lag=options.replication_lag,
        throttling=options.throttling,
    )
    if options.faults is not None:
        content = yaml_file.read(options.faults)
        emulator.faults.add(*read_faults(content, str(options.faults)))
    return emulator


def _fail(sentence: str, status: int = _FAILED) -> int:
    print(f"entra-emulator: {sentence}", file=sys.stderr)
    return status


def _execute(command: list[str], environment: dict[str, str]) -> int:
    """Runs the command to its end, forwards signals to it, and returns its exit status."""
    running: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        # A terminal sends Ctrl-C to the command too, and many programs abort at a second one.
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
            before[number] = signal.signal(number, forward)
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
    """Whether a terminal sends Ctrl-C to both this process and its command."""
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


if __name__ == "__main__":
    sys.exit(main())
