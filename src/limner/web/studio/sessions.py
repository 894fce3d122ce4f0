"""What belongs to one open page: its folder, its results, its jobs. All of it goes when the page is closed.

A file is asked for by a name that cannot be guessed and is looked up, never by a path.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from limner.web.jobs import Jobs

MOST_RESULTS = 12  # ours: of one page; the oldest goes first, which bounds the disk
NAME_CHARS = 40  # ours: of a photo's name in titles and of its results' folder


def plain_name(name: str | None) -> str:
    """'Mein Bild (3).JPG' -> 'Mein_Bild_3': the stem of a name from outside, as a folder may be called; 'photo' where nothing is left."""
    stem = Path(name or "").stem
    return re.sub(r"[^\w-]+", "_", stem).strip("_-")[:NAME_CHARS].strip("_-") or "photo"


@dataclass(kw_only=True)
class Result:
    """One finished job of a page.

    title: as lists name it. folder: all that is its own. names, videos, motions: of each video it made. photo: that was moved; name: whose.
    """

    title: str
    kind: str
    folder: Path
    fps: float
    names: list[str]
    videos: list[Path]
    motions: list[Path]
    photo: Path
    name: str


@dataclass
class Session:
    """One open page. folder: its own, private to this user of the machine."""

    folder: Path
    job: str | None = None
    results: list[Result] = field(default_factory=list)
    count: int = 0
    files: dict[str, Path] = field(default_factory=dict)
    uploads: set[Path] = field(default_factory=set)

    def place(self) -> Path:
        """A fresh, empty folder for one job."""
        self.count += 1
        place = self.folder / f"{self.count:03d}"
        place.mkdir()
        return place

    def add(self, result: Result) -> None:
        """Keeps a result, and lets the oldest go where there are too many."""
        self.results.append(result)
        while len(self.results) > MOST_RESULTS:
            old = self.results.pop(0)
            self.files = {key: path for key, path in self.files.items() if not path.is_relative_to(old.folder)}
            shutil.rmtree(old.folder, ignore_errors=True)

    def videos(self, *kinds: str) -> dict[str, tuple[Result, int]]:
        """'2: me, spontaneous, seed 0, mode 1' -> (the result, which of its videos), the newest result first; of these kinds."""
        return {
            result.title + (f", {name}" if len(result.names) > 1 else ""): (result, i)
            for result in reversed(self.results)
            if not kinds or result.kind in kinds
            for i, name in enumerate(result.names)
        }

    def url(self, path: Path) -> str:
        """Where the page finds a file of this session."""
        for key, known in self.files.items():
            if known == path:
                return f"files/{key}/{path.name}"
        key = secrets.token_urlsafe(16)
        self.files[key] = path
        return f"files/{key}/{path.name}"


class Sessions:
    """All open pages, each by the name that Gradio gives it."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.folder = Path(tempfile.mkdtemp(prefix="pages-", dir=jobs.folder))  # what a killed server left, the next one sweeps
        self.uploads = self.folder / "uploads"  # where Gradio puts what pages send, by content: two pages may share a file
        self.uploads.mkdir()
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()

    def of(self, page: str | None) -> Session:
        """The session of a page, begun where there is none."""
        with self._lock:
            if page not in self._open:
                folder = self.folder / secrets.token_hex(8)
                folder.mkdir()
                self._open[page or ""] = Session(folder)
            return self._open[page or ""]

    def hold(self, page: str | None, upload: str | None) -> None:
        """Notes that a page sent a file, so that the file goes with the page."""
        if upload and Path(upload).is_relative_to(self.uploads):
            self.of(page).uploads.add(Path(upload))

    def file(self, key: str) -> Path | None:
        """The file of that name, of whichever page; None where there is none, or it is gone."""
        with self._lock:
            pages = list(self._open.values())
        path = next((session.files[key] for session in pages if key in session.files), None)
        return path if path is not None and path.is_file() else None

    def close(self, page: str | None) -> None:
        """Ends a page: its job is stopped and its files are deleted."""
        with self._lock:
            session = self._open.pop(page or "", None)
        if session is None:
            return
        if session.job is not None:
            self.jobs.forget(session.job)
        with self._lock:
            shared = {path for other in self._open.values() for path in other.uploads}
        for path in session.uploads - shared:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not empty: the same picture under another name
                path.parent.rmdir()
        shutil.rmtree(session.folder, ignore_errors=True)

    def close_all(self) -> None:
        """Ends every page and deletes everything."""
        for page in list(self._open):
            self.close(page)
        shutil.rmtree(self.folder, ignore_errors=True)
