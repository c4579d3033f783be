"""The file that a tenant is kept in between runs: one emulator at a time, for its owner only.

The emulator that has it holds a lock of the operating system on `.NAME.lock` beside it, with its
process id in there. The lock ends with the process, however that ends.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import tempfile
from contextlib import suppress
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path

from .state import State

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class StateFile:
    """A state file, locked until it is closed.

    ValueError of one line if it is not a file, if its folder takes none, or if another emulator has
    it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _check_kind(path)
        self._lock_path = path.with_name(f".{path.name}.lock")
        self._lock = self._locked()
        self._remove_leftovers()

    @property
    def exists(self) -> bool:
        """Whether there is a state yet."""
        return self.path.exists()

    def read(self) -> State:
        """The state in the file. ValueError names the file if it holds something else."""
        try:
            return State.from_json(json.loads(self.path.read_text(encoding="utf-8")))
        except OSError as error:
            raise ValueError(f"{self.path} can't be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            # Without the cause, whose words may quote the file: it holds secrets.
            raise ValueError(f"{self.path} is not a state file of this emulator") from None

    def write(self, state: State) -> None:
        """Replaces the file as a whole: who reads it meanwhile sees the old state or the new."""
        if self._lock.closed:
            raise ValueError(f"{self.path} is closed: its emulator has stopped")
        # A temporary file of tempfile's is for its owner only from its first byte on.
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(state.to_json(), file, indent=1, default=datetime.isoformat)
            os.replace(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise

    def close(self) -> None:
        """Lets other emulators have it. May be called again."""
        if self._lock.closed:
            return
        if sys.platform == "win32":
            # There a file that is open can't be removed.
            self._lock.close()
        with suppress(OSError):
            self._lock_path.unlink()
        self._lock.close()

    def _locked(self) -> TextIOWrapper:
        while True:
            try:
                file = os.fdopen(os.open(self._lock_path, _FLAGS, 0o600), "r+", encoding="ascii")
            except OSError as error:
                raise ValueError(
                    f"no state file can be kept in {self.path.parent}: {error.strerror}"
                ) from None
            try:
                _lock(file)
            except BlockingIOError:
                with file:
                    holder = file.read(20).strip()
                who = f"process {holder}" if holder.isdecimal() else "another process"
                raise ValueError(
                    f"{self.path} is in use by the emulator of {who}: stop that, or give each its"
                    " own state file"
                ) from None
            except OSError as error:
                file.close()
                raise ValueError(f"{self.path} can't be locked: {error.strerror}") from None
            if _is_at(file, self._lock_path):
                file.truncate()
                file.write(f"{os.getpid()}\n")
                file.flush()
                return file
            # Its holder has removed it since it was opened.
            file.close()

    def _remove_leftovers(self) -> None:
        """Removes what runs that were killed in the middle of writing have left."""
        temporary = re.compile(rf"\.{re.escape(self.path.name)}\.[a-z0-9_]{{8}}")
        with suppress(OSError):
            for path in self.path.parent.iterdir():
                if temporary.fullmatch(path.name) and stat.S_ISREG(path.lstat().st_mode):
                    path.unlink()


def _check_kind(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise ValueError(
                f"{path.parent} is no folder: no state file can be kept in it"
            ) from None
        return
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None
    if stat.S_ISLNK(mode):
        # Writing replaces the file: the link would be gone, and what it names stay as it was.
        raise ValueError(f"{path} is a symbolic link: give the path of the file itself")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is not a regular file: no state can be kept in it")


def _is_at(file: TextIOWrapper, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _lock(file: TextIOWrapper) -> None:
    """Locks the file until it is closed. BlockingIOError if somebody else has it."""
    if sys.platform == "win32":
        # Behind the text, which the others have to be able to read.
        file.seek(1 << 20)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            raise BlockingIOError from None
        finally:
            file.seek(0)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
