"""The folder a result lands in: all of it or nothing, kept when it is already there.

Files are made in a hidden folder beside the target and moved in at the end. A lock on that folder tells a run at work from one that was
killed; a later run clears what a killed one left.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from limner.media.files import LOCK, lock_folder, reason_of
from limner.types import InputError

RESULT = "result.json"


def _lock(folder: Path) -> BinaryIO | None:
    """The folder's lock, held until the file is closed; None where another run holds it or the folder is gone."""
    try:
        return lock_folder(folder)
    except FileNotFoundError:
        return None


def _claim(part: Path) -> BinaryIO:
    """The folder made empty and locked, even where another run is just clearing it as a leftover. OSError where it cannot be made."""
    shutil.rmtree(part, ignore_errors=True)
    while True:
        part.mkdir(exist_ok=True)
        lock = _lock(part)
        if lock and (part / LOCK).exists():
            return lock
        if lock:
            lock.close()


def read_result(folder: Path) -> dict[str, Any] | None:
    """result.json of a finished folder; None where there is none, or one that is not ours."""
    try:
        result = json.loads((folder / RESULT).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return (
        result if isinstance(result, dict) and isinstance(result.get("files"), dict) and isinstance(result.get("identity"), dict) else None
    )


def whole(folder: Path, result: dict[str, Any]) -> bool:
    """Whether every file that the result names is there with the size it was written with."""
    sizes = {name: (folder / name).stat().st_size if (folder / name).is_file() else -1 for name in result["files"]}
    return sizes == result["files"]


def differences(old: dict[str, Any], new: dict[str, Any]) -> str:
    """'seed 0 (now 3), label posed (now spontaneous)': what two flat records disagree on."""
    names = [name for name in {**new, **old} if old.get(name) != new.get(name)]
    return ", ".join(f"{name} {old.get(name)} (now {new.get(name)})" for name in names)


class ResultFolder:
    """OUT/<name>: refuses, keeps or replaces what is there."""

    def __init__(self, out: Path, name: str) -> None:
        self.out, self.name, self.target = out, name, out / name
        self.prefix = f".limner-{name}."

    def finished(self, identity: dict[str, Any], *, force: bool) -> dict[str, Any] | None:
        """The result that stands there if it was made with this identity and is whole; None if there is work to do.

        InputError where something else stands there and `force` does not allow replacing it.
        """
        with _writing_errors(self.out):
            self._recover()
            if self.target.is_symlink() or (self.target.exists() and not self.target.is_dir()):
                raise InputError(f"{self.target} is not a folder; move it away, or name another with --out")
            result = read_result(self.target)
            if force or (result is None and not (self.target.exists() and any(self.target.iterdir()))):
                return None
        if result is None:
            raise InputError(f"{self.target} holds files that limner did not finish; --force writes among them, or name another --out")
        if result["identity"] != identity:
            other = differences(result["identity"], identity)
            raise InputError(f"{self.target} holds a result with other settings: {other}; --force replaces it, or name another --out")
        return result if whole(self.target, result) else None

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """An empty folder to make the files in; on success they become the target's, on any failure they are gone."""
        with _writing_errors(self.out):
            made = [folder for folder in (self.out, *self.out.parents) if not folder.exists()]
            self.out.mkdir(parents=True, exist_ok=True)
            part = self.out / f"{self.prefix}{os.getpid()}.part"
            lock = _claim(part)
        try:
            with _writing_errors(self.out):
                yield part
                self._swap(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            with suppress(OSError):
                self._settle()
            for folder in made:  # what this run made and left empty goes too
                with suppress(OSError):
                    folder.rmdir()
            raise
        finally:
            lock.close()

    def _swap(self, part: Path) -> None:
        """Put the finished folder in the target's place; files there that are not ours stay."""
        old = self.out / f"{self.prefix}old"
        if self.target.exists():
            self.target.rename(old)
        part.rename(self.target)
        (self.target / LOCK).unlink(missing_ok=True)  # only now: an unlocked part would be taken for a leftover
        self._bury(old)

    def _bury(self, old: Path) -> None:
        """Delete a replaced result, first moving home the files in it that no result of limner named."""
        if not old.exists():
            return
        result = read_result(old)
        ours = {RESULT, LOCK, *(result["files"] if result else ())}
        for path in sorted(old.iterdir()):
            if path.name not in ours and not (self.target / path.name).exists():
                path.rename(self.target / path.name)
        shutil.rmtree(old, ignore_errors=True)

    def _settle(self) -> None:
        """Mend a swap that was cut between its two renames: the old result goes back, or is buried where the new one arrived."""
        old = self.out / f"{self.prefix}old"
        if old.exists() and not self.target.exists():
            old.rename(self.target)
        self._bury(old)

    def _recover(self) -> None:
        """Clear what a killed run left: a swap in its middle, and half-made folders."""
        if not self.out.is_dir():
            return
        self._settle()
        for part in self.out.glob(f"{glob.escape(self.prefix) if os.name == 'nt' else '.limner-'}*.part"):  # Windows has no such locks
            lock = _lock(part)
            if lock:
                shutil.rmtree(part, ignore_errors=True)
                lock.close()


@contextmanager
def _writing_errors(out: Path) -> Iterator[None]:
    """A failed write becomes the one line the user sees."""
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot write into {out}: {reason_of(error)}; mend that, or name another folder with --out") from error
