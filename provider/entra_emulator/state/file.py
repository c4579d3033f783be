"""The file that keeps a tenant between runs: one emulator at a time, readable by its owner only.

While an emulator uses the file, it locks `.NAME.lock` in the same folder and writes its process id
there. The operating system releases the lock when the process ends, for whatever reason.
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

from .model import State

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class StateFile:
    """A state file, locked until `close`.

    ValueError, in one line, if the path is not a regular file, if its folder is not writable, or if
    another emulator uses it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _check_kind(path)
        self._lock_path = path.with_name(f".{path.name}.lock")
        self._lock = self._locked()
        self._remove_leftovers()

    @property
    def exists(self) -> bool:
        """Whether the file exists yet."""
        return self.path.exists()

    def read(self) -> State:
        """The state in the file. ValueError, with the file's name, if it holds something else."""
        try:
            return State.from_json(json.loads(self.path.read_text(encoding="utf-8")))
        except OSError as error:
            raise ValueError(f"{self.path} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            # Without the cause: its message may quote the file, which holds secrets.
            raise ValueError(f"{self.path} is not a state file of entra-emulator") from None

    def write(self, state: State) -> None:
        """Replaces the whole file: a concurrent reader sees the old state or the new one."""
        if self._lock.closed:
            raise ValueError(f"{self.path} cannot be written: its emulator has stopped")
        # tempfile creates the file for its owner only, before the first byte is written.
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(state.to_json(), file, indent=1, default=datetime.isoformat)
            os.replace(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise

    def close(self) -> None:
        """Releases the file for other emulators. Further calls do nothing."""
        if self._lock.closed:
            return
        if sys.platform == "win32":
            # Windows cannot remove an open file.
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
                    f"cannot create a state file in {self.path.parent}: {error.strerror}"
                ) from None
            try:
                _lock(file)
            except BlockingIOError:
                with file:
                    holder = file.read(20).strip()
                who = f"process {holder}" if holder.isdecimal() else "another process"
                raise ValueError(
                    f"{self.path} is in use by the emulator of {who}; stop it, or use another"
                    " state file"
                ) from None
            except OSError as error:
                file.close()
                raise ValueError(f"{self.path} cannot be locked: {error.strerror}") from None
            if _is_at(file, self._lock_path):
                file.truncate()
                file.write(f"{os.getpid()}\n")
                file.flush()
                return file
            # The emulator that held it has removed it since.
            file.close()

    def _remove_leftovers(self) -> None:
        """Removes the temporary files of runs that were killed while they wrote."""
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
                f"cannot create a state file in {path.parent}: it is not a folder"
            ) from None
        return
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if stat.S_ISLNK(mode):
        # Writing replaces the link itself and leaves the file that it points to unchanged.
        raise ValueError(f"{path} is a symbolic link; use the path of the file itself")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is not a regular file, so it cannot keep a state")


def _is_at(file: TextIOWrapper, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _lock(file: TextIOWrapper) -> None:
    """Locks the file until it is closed. BlockingIOError if another process holds the lock."""
    if sys.platform == "win32":
        # A byte far behind the text: others must be able to read the process id.
        file.seek(1 << 20)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            raise BlockingIOError from None
        finally:
            file.seek(0)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
