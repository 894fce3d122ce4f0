"""What was found in a clip and its imitations, kept by their content: what was looked at once is not looked at again.

The key is all that a look hangs on: the clips as they lie in their stores (`Store.stamp`: their bytes, names, people and labels), the size
they are compared at, everything that looks (networks and judges by their weights, the detector), and the code that measures. Files lie
in `looks/` of the cache, 10 to 30 kB each; they can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from limner.evaluation.detections import kept_in
from limner.evaluation.looks import Look
from limner.media.files import atomic_write, make_folder
from limner.types import InputError

FOLDER = "looks"
PARTS = ("frames", "classes", "films", "moved")  # of a look: name -> array
MEASURING = ("measures", "evaluation", "nn", "guides", "geometry.py", "media/pictures.py")  # code that a look hangs on


class KeptLooks:
    """`get(key)` -> a look, or None; `put(key, look)` -> it, kept. found: how many came out of the cache.

    cache: the folder; None: the default one. seen_with: everything that looks, in words; size: width and height of the comparison."""

    def __init__(self, cache: Path | None, seen_with: dict[str, Any], size: tuple[int, int]):
        self.folder, self.found = kept_in(cache, FOLDER), 0
        told = json.dumps([seen_with, size, code_version()], sort_keys=True, default=str)
        self._told = hashlib.sha256(told.encode()).hexdigest()

    def key_of(self, real: str | None, made: Sequence[str] | None = None) -> str:
        """Of stamps: of a real clip (made None), of its imitations, or of a clip that imitates none (real None)."""
        return hashlib.sha256(json.dumps([self._told, real, made]).encode()).hexdigest()[:40]

    def get(self, key: str) -> Look | None:
        """What was kept; None where nothing was, or the file is damaged."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._path(key), "numpy") as file:
                look = _look_of(json.loads(file.metadata()["look"]), {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, InputError):
            return None
        self.found += 1
        return look

    def put(self, key: str, look: Look) -> Look:
        """Keeps a look; -> it. InputError where the cache cannot be written."""
        from safetensors.numpy import save_file

        path, arrays = self._path(key), {}
        for part in PARTS:
            arrays |= {f"{part}/{name}": np.ascontiguousarray(array) for name, array in getattr(look, part).items()}
        arrays |= {f"curves/{number}": np.ascontiguousarray(array) for number, array in enumerate(look.curves)}
        told = {name: getattr(look, name) for name in ("of", "person", "label", "clips", "lost", "values")}
        names = {part: list(getattr(look, part)) for part in PARTS} | {"curves": [str(number) for number in range(len(look.curves))]}
        make_folder(path.parent)
        with atomic_write(path) as temporary:
            save_file(arrays, temporary, {"look": json.dumps([told, names])})
        return look

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"


def _look_of(kept: Any, arrays: dict[str, np.ndarray]) -> Look:
    told, names = kept
    parts: dict[str, Any] = {part: {name: arrays[f"{part}/{name}"] for name in names[part]} for part in PARTS}
    return Look(**told, **parts, curves=[arrays[f"curves/{name}"] for name in names["curves"]])


@lru_cache(maxsize=1)
def code_version() -> str:
    """A hash of the code that measures: where that changes, nothing that was kept counts any more."""
    import limner

    root = Path(limner.__file__).parent
    digest = hashlib.sha256()
    for name in MEASURING:
        path = root / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
