"""The one place that fetches, verifies and caches files of others, and the one door for foreign checkpoints."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import ssl
import tempfile
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from limner.media.files import LOCK, atomic_write
from limner.types import DependencyError, InputError

CACHE_VARIABLE = "LIMNER_CACHE"
CHUNK = 2**20  # ours: bytes read at once
TIMEOUT_S = 20  # ours: without an answer for this long there is no network


def cache_folder() -> Path:
    """Where fetched files are kept: LIMNER_CACHE, or limner/ in the XDG cache; where that cannot be written, a folder of this user in the
    temporary directory (kept until the system cleans it). DependencyError if none of them can be written."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        home = Path(given).expanduser()
    else:
        home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "limner"
    for folder in (home, Path(tempfile.gettempdir()) / f"limner-cache-{os.getuid() if hasattr(os, 'getuid') else 'user'}"):
        with contextlib.suppress(OSError, RuntimeError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            mine = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
            if os.access(folder, os.W_OK | os.X_OK) and (folder == home or mine):  # in /tmp anybody could have laid a folder of that name
                return folder
    raise DependencyError(f"no folder to keep downloads in: {home} cannot be written; set {CACHE_VARIABLE} to one that can")


def sha256_of(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def fetch(name: str, url: str, sha256: str, *, variable: str | None = None) -> Path:
    """The file `name` from the cache, fetched from `url` on first use; its checksum is verified every time it is fetched or found.

    A download that breaks off is gone on with by the next call; while another process fetches it, this one waits. variable: an environment
    variable that can name the file instead, for the message. DependencyError, naming the URL, the file and where to put it by hand: no
    network, not found, not the file it should be.
    """
    target = cache_folder() / name
    by_hand = f"download it to {target}" + (f", or set {variable} to its path" if variable else "")
    part = target.with_name(f"{name}.{sha256[:12]}.part")
    try:
        if target.exists() and sha256_of(target) == sha256:
            return target
        with _alone(target.parent):
            if not (target.exists() and sha256_of(target) == sha256):  # another process may have brought it meanwhile
                _download(url, part)
                if sha256_of(part) != sha256:
                    part.unlink()
                    raise DependencyError(f"{name} from {url} is not the file it should be (its SHA-256 differs); {by_hand}")
                part.replace(target)
    except urllib.error.HTTPError as error:
        raise DependencyError(f"{name} could not be fetched: {url} answered {error.code} {error.reason}; {by_hand}") from error
    except (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, TimeoutError, ConnectionError) as error:
        why = " ".join(str(getattr(error, "reason", error)).split())
        raise DependencyError(f"{name} could not be fetched from {url}: {why}; offline? Then {by_hand}") from error
    except OSError as error:
        raise DependencyError(f"{name} could not be kept at {part}: {error.strerror or error}") from error
    return target


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Waits until no other process fetches into the folder, and keeps others out meanwhile (on systems that can lock a file)."""
    with (folder / LOCK).open("ab") as file:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _download(url: str, part: Path) -> None:
    """Fetches into `part`, going on where it ends. ConnectionError if fewer bytes came than were promised."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is left to fetch, or the part is wrong: the checksum will tell
            error.close()
            return
        raise
    with answer, part.open("ab" if answer.status == 206 else "wb") as file:
        promised = answer.headers.get("Content-Length")
        got = 0
        while block := answer.read(CHUNK):
            file.write(block)
            got += len(block)
    if promised is not None and got < int(promised):
        raise ConnectionError(f"the connection broke off after {got} of {promised} bytes")


def convert_checkpoint(path: Path, sha256: str, target: Path | None = None) -> Path:
    """A foreign PyTorch checkpoint of known checksum -> a safetensors file with its tensors (default: in the cache). No code of it is run.

    Nested dictionaries are flattened with dots; numbers and texts beside the tensors are left out. Code in TorchScript is not run either.
    InputError: missing, another file than expected, cut short, or a pickle with code or objects in it.
    """
    import pickle  # for the name of torch's refusal alone: nothing is unpickled here
    import zipfile

    import torch
    from safetensors.torch import save_file

    path = Path(path)
    if not path.is_file():
        raise InputError(f"the checkpoint {path} does not exist")
    found = sha256_of(path)
    if found != sha256:
        raise InputError(f"{path} is not the checkpoint it should be: its SHA-256 is {found}, expected {sha256}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on old pickle protocols
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path} holds more than tensors (a pickle with code or objects); it is not loaded") from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no PyTorch checkpoint, or is cut short") from error
    try:
        tensors = dict(_tensors(content))
    except RecursionError as error:
        raise InputError(f"{path} holds lists within themselves; it is not loaded") from error
    if not tensors:
        raise InputError(f"{path} holds no tensors")
    target = target or cache_folder() / f"{path.stem}-{sha256[:12]}.safetensors"
    with atomic_write(target) as temporary:
        save_file({key: value.contiguous().clone() for key, value in tensors.items()}, temporary, metadata={"source_sha256": sha256})
    return target


def _tensors(content: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every tensor inside nested containers, with its dotted name."""
    import torch

    if isinstance(content, torch.Tensor):
        yield prefix or "tensor", content.detach()
    elif isinstance(content, (dict, list, tuple)):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            yield from _tensors(value, f"{prefix}.{key}" if prefix else str(key))
