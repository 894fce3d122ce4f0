"""The clip store: a folder of many clips, read by slice, written so that a killed run leaves what it had finished.

    manifest.parquet        one row a clip; format version and store's own metadata in the schema's metadata
    shards/00000.safetensors  the clips' arrays, many clips a shard: points, confidence, au, and frames raw or as compressed pictures

A shard is written beside its place and renamed; then the manifest, naming all finished shards, is replaced in one step. A reader thus
sees the clips of the last manifest, never half a shard. Arrays are memory-mapped: a slice of a clip reads that slice alone.

Shapes: T time, K points, A action units, H W pixels.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.data.records import COLUMNS, ENCODINGS, check_clip, clip_arrays, clip_hash, decode_frames, manifest_row
from limner.data.shards import SHARDS, Shards
from limner.media.files import lock_folder, reason_of
from limner.types import Clip, InputError

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
MANIFEST = "manifest.parquet"


def estimate_bytes(num_clips: int, frames: float, points: int = 68, action_units: int = 2, size: tuple[int, int] | None = None) -> int:
    """How large a store gets, about: `frames` a clip on average, `size` (width, height) where raw frames are kept; 2 kB of names a clip."""
    pixels = 3 * size[0] * size[1] if size else 0
    return int(num_clips * (frames * (4 * (3 * points + action_units) + pixels) + 2000))


class StoreWriter:
    """Writes a store clip by clip; `with StoreWriter(path) as writer: writer.add(clip)`.

    encoding: how frames are kept: "raw", "png" (lossless), "jpeg" (quality 95). clips_per_shard: a shard is finished, and safe, every so
    many. note: the store's own metadata (JSON), such as the settings that made it. An existing store is continued, or with `fresh` emptied
    first. A clip's id must be new and a subject must stay in one split. On an error what was finished stays; the rest of the shard is
    dropped. InputError: a folder that cannot be written, or that another writer is at; a clip that does not fit.
    """

    def __init__(
        self,
        path: Path,
        *,
        encoding: str = "png",
        clips_per_shard: int = 512,
        note: dict[str, Any] | None = None,
        fresh: bool = False,
    ) -> None:
        if encoding not in ENCODINGS[1:]:
            raise ValueError(f"no encoding {encoding!r}; there are {', '.join(ENCODINGS[1:])}")
        self.path, self.encoding, self.clips_per_shard = Path(path), encoding, clips_per_shard
        self.note = dict(note or {})
        self._rows: list[dict[str, Any]] = []
        self._pending: list[Clip] = []
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = lock_folder(self.path)
            if self._lock is None:
                raise InputError(f"another run is writing the store {self.path}; wait for it to end, or name another folder")
            if fresh:
                (self.path / MANIFEST).unlink(missing_ok=True)
                shutil.rmtree(self.path / SHARDS, ignore_errors=True)
            (self.path / SHARDS).mkdir(exist_ok=True)
            for left in (self.path / SHARDS).glob("*.part"):
                left.unlink()  # of a run that was killed
        except OSError as error:
            raise InputError(f"cannot write the store {self.path}: {reason_of(error)}") from error
        if (self.path / MANIFEST).exists():
            store = Store(self.path)
            self._rows, self.note = store.table.to_pylist(), store.note | self.note
        self._splits: dict[str, str] = {row["subject"]: row["split"] for row in self._rows}
        self._ids = {row["id"] for row in self._rows}
        self._shard = 1 + max((int(row["shard"].partition(".")[0]) for row in self._rows), default=-1)

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        elif self._lock is not None:
            self._lock.close()

    def add(self, clip: Clip) -> None:
        """Takes a clip; it is on disk once its shard is finished (see clips_per_shard) or the writer closed."""
        check_clip(clip)
        if clip.id in self._ids:
            raise InputError(f"store {self.path}: there is already a clip {clip.id!r}")
        known = self._splits.setdefault(clip.subject, clip.split)
        if known != clip.split:
            raise InputError(
                f"store {self.path}: subject {clip.subject!r} is in split {known}, clip {clip.id!r} would put it in {clip.split} too"
            )
        self._ids.add(clip.id)
        self._pending.append(clip)
        if len(self._pending) >= self.clips_per_shard:
            self.flush()

    def flush(self) -> None:
        """Finishes the current shard: afterwards its clips survive whatever happens to this run."""
        if not self._pending:
            return
        shard = f"{self._shard:05d}.safetensors"
        tensors: dict[str, np.ndarray] = {}
        rows = []
        for number, clip in enumerate(self._pending):
            encoding = "none" if clip.frames is None else self.encoding
            tensors |= {f"{number}.{name}": value for name, value in clip_arrays(clip, encoding).items()}
            rows.append(manifest_row(clip, encoding, f"{shard}#{number}"))
        from safetensors.numpy import save

        self._replace(self.path / SHARDS / shard, save(tensors, metadata={"format": "limner.store", "version": str(VERSION)}))
        self._rows += rows
        self._write_manifest()
        self._pending, self._shard = [], self._shard + 1

    def close(self) -> None:
        """Finishes the store, and lets others write it."""
        self.flush()
        if not (self.path / MANIFEST).exists():
            self._write_manifest()
        if self._lock is not None:
            self._lock.close()

    def _write_manifest(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in COLUMNS])
        schema = schema.with_metadata({"limner.store": json.dumps({"version": VERSION, "note": self.note})})
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(self._rows, schema=schema), sink)
        self._replace(self.path / MANIFEST, sink.getvalue())

    def _replace(self, path: Path, content: bytes) -> None:
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise InputError(f"cannot write {path}: {reason_of(error)}") from error


class Store:
    """Reads a store. `len(store)`, `store[i]` -> Clip, `store.table` (pyarrow), `store.select(split=..., label=...)` -> row numbers.

    InputError with one line where the folder is no store, is newer than this limner, or where manifest and shards disagree.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path = Path(path)
        manifest = self.path / MANIFEST
        if not manifest.is_file():
            raise InputError(f"{self.path} is not a clip store: it has no {MANIFEST}")
        try:
            self.table: pa.Table = pq.read_table(manifest)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{manifest} cannot be read ({str(error).splitlines()[0][:80]}); prepare the store again") from error
        version, self.note = _head(self.table)
        if version > VERSION:
            raise InputError(f"store {self.path} has format version {version}, this limner reads up to {VERSION}: update limner")
        missing = [name for name, _ in COLUMNS if name not in self.table.column_names]
        if version < 1 or missing:
            raise InputError(f"{manifest} is no manifest of a clip store" + (f": it lacks {', '.join(missing)}" if missing else ""))
        self._columns = {name: self.table[name].to_pylist() for name, _ in COLUMNS}
        self._shards = Shards(self.path)

    def __len__(self) -> int:
        return self.table.num_rows

    def __getitem__(self, index: int) -> Clip:
        return self.read(index)

    def __iter__(self) -> Iterator[Clip]:
        return (self.read(index) for index in range(len(self)))

    def select(self, *, where: Callable[[dict[str, Any]], bool] | None = None, **equal: str | Iterable[str]) -> list[int]:
        """Row numbers whose columns equal the given values (one, or any of several): `store.select(split="test", label=("posed",))`."""
        unknown = set(equal) - set(self._columns)
        if unknown:
            raise ValueError(f"a store has no column {', '.join(sorted(unknown))}; there are {', '.join(self._columns)}")
        wanted = {name: {value} if isinstance(value, str) else set(value) for name, value in equal.items()}
        rows = [i for i in range(len(self)) if all(self._columns[name][i] in values for name, values in wanted.items())]
        return rows if where is None else [i for i in rows if where({name: column[i] for name, column in self._columns.items()})]

    def row(self, index: int) -> dict[str, Any]:
        """The manifest's row of a clip."""
        return {name: column[index] for name, column in self._columns.items()}

    def read(self, index: int, frames: slice = slice(None)) -> Clip:
        """The clip, or the part of it that `frames` (of step 1) cuts out, its duration_s that of the whole; reads those bytes alone.

        IndexError past the end; InputError where manifest and shard disagree."""
        row = self.row(range(len(self))[index])
        num, points = row["num_frames"], row["num_points"]
        names = tuple(row["au_names"].split(",")) if row["au_names"] else None
        return Clip(
            points=np.array(self._shards.array(row, "points", (num, points, 2))[frames]),
            confidence=np.array(self._shards.array(row, "confidence", (num, points))[frames]),
            au=np.array(self._shards.array(row, "au", (num, len(names)))[frames]) if names else None,
            frames=None if row["encoding"] == "none" else self._pixels(row, frames),
            fps=Fraction(row["fps"]),
            size=(row["width"], row["height"]),
            id=row["id"],
            source=row["source"],
            subject=row["subject"],
            split=row["split"],
            label=row["label"],
            kind=row["kind"],
            duration_s=row["duration_s"],
            au_names=names or ("AU06", "AU12"),
        )

    def points(self, index: int) -> np.ndarray:
        """The points (T, K, 2) of a clip alone, without its frames; errors as `read`."""
        row = self.row(range(len(self))[index])
        return np.array(self._shards.array(row, "points", (row["num_frames"], row["num_points"], 2)))

    def confidence(self, index: int) -> np.ndarray:
        """The confidence (T, K) of a clip's points, as `points`."""
        row = self.row(range(len(self))[index])
        return np.array(self._shards.array(row, "confidence", (row["num_frames"], row["num_points"])))

    def stamp(self, index: int) -> str:
        """SHA-256 of a clip as it lies there: its row and its bytes, not decoded; any change moves it. Errors as `read`."""
        row = self.row(range(len(self))[index])
        told = {name: value for name, value in row.items() if name not in ("shard", "hash", "split")}
        return hashlib.sha256(f"{told}|{self._shards.digest(row)}".encode()).hexdigest()

    def verify(self) -> None:
        """Compares every clip's content with the manifest's hash; InputError at the first that differs.

        JPEG frames are not what was hashed: of those clips only the shapes are checked."""
        for index in range(len(self)):
            self.check(index)

    def check(self, index: int) -> None:
        """As `verify`, of one clip."""
        row, clip = self.row(index), self.read(index)
        if row["encoding"] != "jpeg" and clip_hash(clip) != row["hash"]:
            raise self._shards.disagree(row, "its content differs from its hash")

    def _pixels(self, row: dict[str, Any], frames: slice) -> np.ndarray:
        try:
            return decode_frames(lambda name: self._shards.array(row, name), row, frames)
        except InputError:
            raise
        except Exception as error:  # a decoder fed with foreign bytes fails in any way it likes
            raise self._shards.disagree(row, "its frames are damaged") from error


def _head(table: pa.Table) -> tuple[int, dict[str, Any]]:
    """What a manifest says of itself: (format version, note); version 0 where it says nothing that a store would."""
    try:
        head = json.loads((table.schema.metadata or {}).get(b"limner.store", b"{}"))
        return int(head.get("version", 0)), dict(head.get("note") or {})
    except (ValueError, TypeError, AttributeError):
        return 0, {}
