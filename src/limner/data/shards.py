"""The shards of a clip store: safetensors files, many clips in each, memory-mapped, so that a slice of a clip reads that slice alone."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from limner.types import InputError

SHARDS = "shards"  # the folder of a store that holds them
DTYPES = {"F32": np.float32, "U8": np.uint8, "I64": np.int64}


class Shards:
    """The arrays of the clips of the store at `path`, each found by its row of the manifest. A shard is opened when first asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: dict[str, tuple[dict[str, Any], np.memmap]] = {}

    def array(self, row: dict[str, Any], name: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """One array of a clip, memory-mapped; of that shape, where one is given. InputError where manifest and shard disagree."""
        shard, number, header, data = self._at(row)
        entry = header.get(f"{number}.{name}")
        if entry is None:
            raise self.disagree(row, f"shard {shard} has no {name} for it")
        try:
            start, end = entry["data_offsets"]
            whole = end <= len(data)
            array = data[start:end].view(DTYPES[entry["dtype"]]).reshape(entry["shape"]) if whole else data[:0]
        except (KeyError, TypeError, ValueError) as error:
            raise self.disagree(row, f"shard {shard} is damaged") from error
        if not whole:
            raise self.disagree(row, f"shard {shard} is cut short")
        if shape is not None and array.shape != shape:
            raise self.disagree(row, f"its {name} should be {shape}, shard {shard} has {array.shape}")
        return array

    def digest(self, row: dict[str, Any]) -> str:
        """SHA-256 of all arrays of a clip as they lie there, in hexadecimal. InputError as `array`."""
        _, number, header, _ = self._at(row)
        digest = hashlib.sha256()
        for name in sorted(key.partition(".")[2] for key in header if key.partition(".")[0] == number):
            array = self.array(row, name)
            digest.update(f"|{name}{array.dtype}{array.shape}|".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def _at(self, row: dict[str, Any]) -> tuple[str, str, dict[str, Any], np.memmap]:
        """The shard of a clip, its number in it, the shard's header and its data."""
        shard, _, number = row["shard"].partition("#")
        if shard not in self._opened:
            self._opened[shard] = self._open(row, shard)
        return shard, number, *self._opened[shard]

    def _open(self, row: dict[str, Any], shard: str) -> tuple[dict[str, Any], np.memmap]:
        path = self.path / SHARDS / shard
        try:
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                header = dict(json.loads(file.read(length)))
            return header, np.memmap(path, np.uint8, "r", offset=8 + length)
        except FileNotFoundError:
            raise self.disagree(row, f"shard {shard} is missing") from None
        except (struct.error, TypeError, ValueError, OSError, OverflowError, MemoryError):
            raise self.disagree(row, f"shard {shard} is damaged") from None

    def disagree(self, row: dict[str, Any], what: str) -> InputError:
        """What to raise where a clip is not as its row says."""
        return InputError(f"store {self.path}: manifest and shards disagree on clip {row['id']!r}: {what}; prepare the store again")
