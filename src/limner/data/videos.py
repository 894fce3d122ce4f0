"""Raw recordings -> a clip store, its report.json and report.html, over several processes; the same for any number of them.

The report stands beside the manifest and says of every recording what was kept and what was not, and why. It is written each time a shard
is finished, so a run that was stopped is gone on with by the same command: recordings that the report names are not watched again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from limner.data.clips import ClipConfig, Prepared, prepare_clip
from limner.data.page import PAGE, write_page
from limner.data.prepare import kept, tell
from limner.data.sources.raw import RawClip, frame_files
from limner.data.store import MANIFEST, Store, StoreWriter
from limner.data.transitions import TransitionConfig
from limner.data.workers import spread
from limner.media.files import reason_of, write_text
from limner.types import InputError

REPORT = "report.json"
FORMAT = 2  # raised when the same recordings would give other clips
RECORDINGS_PER_SHARD = 32  # ours: a killed run loses the shard it was at, some minutes of work;
FRAMES_PER_SHARD = 5000  # ours: of long recordings fewer make a shard, so that it is minutes for them too
MIN_SIZE, MAX_SIZE = 16, 512  # ours: below no face is left; above, crops of common films only get blurred


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is done with each recording. one: (recording, config) -> its clips. config: a dataclass; it and `key` of each recording decide
    the clips. files: those of a recording whose sizes count. encoding: of the frames. page: whether report.html is written too."""

    one: Callable[[Any, Any], Prepared]
    config: Any
    key: Callable[[Any], tuple[Any, ...]]
    files: Callable[[Any], list[Path]]
    encoding: str = "png"
    page: bool = True


def smiles(size: int, thresholds: TransitionConfig | None = None) -> Work:
    """Neutral-to-smile transitions, size x size pixels; thresholds: what is one."""
    return Work(
        one=_one, config=ClipConfig(size=size, smiles=thresholds or TransitionConfig()), key=_smile_key, files=lambda raw: [raw.path]
    )


def prepare_videos(
    raws: Sequence[Any],
    store: Path,
    *,
    size: int = 64,
    work: Work | None = None,
    workers: int = 1,
    limit: int | None = None,
    force: bool = False,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """Fills a store with the neutral-to-smile transitions of the recordings (of one data set, as its adapter gives them).

    -> the report, an entry a recording (data.clips.Prepared).

    size: side of the frames, pixels. work: what is done with them; without it the smiles are looked for. limit: only the first so many
    recordings. The same settings and recordings again: kept, or finished where a run was cut. force: replace a store of other ones. quiet:
    no progress bar, nothing said.
    InputError: a number out of range, a store that cannot be written, or holds something else; no recording gave a clip (the report is
    written all the same).
    """
    store, workers = Path(store), int(workers)
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"--size {size}: the side of the frames must lie in {MIN_SIZE}..{MAX_SIZE}")
    if workers < 1 or (limit is not None and limit < 1):
        raise InputError("--workers and --limit are 1 or more")
    if store.exists() and not store.is_dir():
        raise InputError(f"{store} is a file; name a folder for the store")
    raws = list(raws)[:limit]
    work = smiles(size) if work is None else work
    settings = _settings(raws, work)
    report, fresh = _begun(store, settings, force)
    done = {entry["id"] for entry in report}
    waiting = [raw for raw in raws if raw.id not in done]
    if waiting:
        if done:
            tell(quiet, f"{store}: goes on after {len(done)} of {len(raws)} recordings")
        with StoreWriter(store, encoding=work.encoding, clips_per_shard=10**9, note={"settings": settings}, fresh=fresh) as writer:
            _fill(writer, waiting, work, settings, report, min(workers, len(waiting)), quiet)
    if work.page and (waiting or not (store / PAGE).exists()):
        write_page(Store(store), report, summary(report), work.config.smiles)
    said = f"{store}: {summary(report)}" + ("" if waiting else "; as asked for, kept")
    if not any(entry["kept"] for entry in report):
        raise InputError(f"{said}; {store / REPORT} says why of each")
    tell(quiet, said)
    return report


def summary(report: Sequence[dict[str, Any]]) -> str:
    """ "12 clips of 9 recordings; 3 gave none (2 no smile, 1 unreadable)"."""
    clips, without = sum(len(entry["kept"]) for entry in report), [entry["reason"] for entry in report if entry["reason"]]
    whys = ", ".join(f"{num} {reason}" for reason, num in sorted(Counter(without).items()))
    said = f"{clips} clip{'' if clips == 1 else 's'} of {len(report)} recording{'' if len(report) == 1 else 's'}"
    return said + (f"; {len(without)} gave none ({whys})" if without else "")


def _settings(raws: Sequence[Any], work: Work) -> dict[str, Any]:
    """What decides the clips; of the recordings a hash: their names, labels, splits and the sizes of their files."""
    digest = hashlib.sha256()
    for raw in raws:
        digest.update(repr((*work.key(raw), *map(_bytes_of, work.files(raw)))).encode())
        au = getattr(raw, "au", None)
        digest.update(b"" if au is None else au.tobytes())
    config: dict[str, Any] = {}
    for name, value in asdict(work.config).items():
        config |= value if isinstance(value, dict) else {name: str(value) if isinstance(value, Path) else value}
    return {"source": raws[0].source, "format": FORMAT, **config, "recordings": len(raws), "hash": digest.hexdigest()[:16]}


def _smile_key(raw: RawClip) -> tuple[Any, ...]:
    return raw.id, raw.subject, raw.split, raw.label, raw.fps, raw.au_names


def _bytes_of(path: Path) -> int:
    """The size of a recording's file or files."""
    try:
        return sum(file.stat().st_size for file in (frame_files(path) if path.is_dir() else [path]))
    except OSError as error:
        raise InputError(f"cannot read {path}: {reason_of(error)}") from error


def _begun(store: Path, settings: dict[str, Any], force: bool) -> tuple[list[dict[str, Any]], bool]:
    """What a run of these settings has reported already, and whether the store is to be begun anew. InputError where it holds another."""
    note = _note_of_empty(store)  # left by a run that kept nothing: nothing to lose
    if kept(store, settings, force or note is not None) == 0 and (note is None or note.get("settings") != settings):
        return [], True
    try:
        report = json.loads((store / REPORT).read_text(encoding="utf-8"))
        return (list(report["recordings"]) if report["settings"] == settings else []), False
    except (OSError, ValueError, KeyError, TypeError):
        return [], False  # its clips are found again by their ids


def _note_of_empty(store: Path) -> dict[str, Any] | None:
    """The note of a store that holds no clip; None of any other."""
    with contextlib.suppress(InputError):
        if (store / MANIFEST).exists() and not len(there := Store(store)):
            return there.note
    return None


def _fill(
    writer: StoreWriter,
    raws: Sequence[Any],
    work: Work,
    settings: dict[str, Any],
    report: list[dict[str, Any]],
    workers: int,
    quiet: bool,
) -> None:
    """Watches the recordings and writes their clips in the recordings' order, whatever order they are done in."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    there = set(Store(writer.path).table["id"].to_pylist()) if (writer.path / MANIFEST).exists() else set()
    columns = (TextColumn("recordings"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    silent = quiet or not sys.stdout.isatty()
    with (
        Progress(*columns, transient=True, disable=silent) as progress,
        spread(partial(_watched, one=work.one, config=work.config), raws, workers) as results,
    ):
        task = progress.add_task("recordings", total=len(raws))
        since, frames = 0, 0  # the last shard
        try:
            for prepared in results:
                for clip in prepared.clips:
                    if clip.id not in there:  # else written by a run that was cut before its report
                        writer.add(clip)
                report.append(prepared.entry)
                if prepared.entry["reason"]:
                    tell(quiet, f"{prepared.entry['file']}: no clip, {prepared.entry['reason']}: {prepared.entry['why']}")
                progress.advance(task)
                since, frames = since + 1, frames + prepared.entry.get("frames", 0)
                if since >= RECORDINGS_PER_SHARD or frames >= FRAMES_PER_SHARD:
                    _save(writer, settings, report)
                    since, frames = 0, 0
        finally:
            _save(writer, settings, report)  # also where the run is stopped: what was watched is not lost


def _save(writer: StoreWriter, settings: dict[str, Any], report: list[dict[str, Any]]) -> None:
    """Finishes the shard, then the report: it never names what is not in the store."""
    writer.flush()
    lines = ",\n  ".join(json.dumps(entry, ensure_ascii=False) for entry in report)  # a line a recording
    head = f'{{"settings": {json.dumps(settings)},\n "summary": {json.dumps(summary(report))},\n "recordings": [\n  '
    write_text(writer.path / REPORT, (head + lines).encode("utf-8", "backslashreplace").decode() + "\n ]}\n")


def _watched(raw: Any, one: Callable[[Any, Any], Prepared], config: Any) -> Prepared:
    return one(raw, config)


def _one(raw: RawClip, config: ClipConfig) -> Prepared:
    return prepare_clip(raw, _detector(), config)


@cache
def _detector() -> Any:
    """One a process: opening its models takes a second."""
    from limner.detect.face import FaceDetector

    return FaceDetector()
