"""Files that are either whole or not there: everything limner writes goes through `atomic_write`."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from limner.types import InputError

# What the disk can say that is no fault of ours, in the user's words.
REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file grew larger than allowed",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "its folder does not exist",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EISDIR: "a folder of that name is in the way",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "its path is a loop of links",
    errno.EIO: "the disk reports an error",
}
LOCK = ".lock"
WHILE_WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}  # others may come from what the caller reads


def reason_of(error: BaseException) -> str:
    """Why an operation on a file failed, in words fit for the user."""
    number = getattr(error, "errno", None)
    return REASONS.get(number or 0) or getattr(error, "strerror", None) or str(error) or type(error).__name__


def plain_path(path: Path) -> str:
    """The path as FFmpeg takes it for nothing but a path: what stands before a colon in a relative one it would take for a protocol."""
    return str(path.absolute())


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Gives an empty temporary file beside `path`, of the same suffix; on success it is renamed to `path`, on any failure removed.

    So `path` is at every moment the old file, or none, or the whole new one; Ctrl-C included. InputError, naming `path`, if the folder
    cannot be written or the disk is full; other errors of the body pass unchanged.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"cannot write {path}: a folder of that name is in the way")
        temporary = path.with_name(f".limner-{secrets.token_hex(4)}{path.suffix}")
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise InputError(f"cannot write {path}: {reason_of(error)}") from error
    try:
        yield temporary
        try:
            temporary.replace(path)
        except OSError as error:
            raise InputError(f"cannot write {path}: {reason_of(error)}") from error
    except Exception as error:
        if getattr(error, "errno", None) in WHILE_WRITING:
            raise InputError(f"cannot write {path}: {reason_of(error)}") from error
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def make_folder(path: str | Path) -> Path:
    """The folder, made with its parents where it is not there. InputError if it cannot be made, or is a file, or cannot be written."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = "a file of that name is in the way" if isinstance(error, FileExistsError) else reason_of(error)
        raise InputError(f"cannot make the folder {path}: {what}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise InputError(f"cannot write into the folder {path}: permission denied")
    return path


def lock_folder(folder: Path) -> BinaryIO | None:
    """Makes this process the only one at work in a folder until the file it returns is closed, or the process dies; None where another is.

    Where there are no such locks (Windows, some network drives) nobody is kept out. OSError if the folder cannot be written.
    """
    file = (folder / LOCK).open("ab")
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except (ImportError, OSError):
        return file
    return file


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 text, whole or not at all. InputError as `atomic_write`."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
