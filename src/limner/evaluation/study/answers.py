"""Who was asked what, and what they said: SQLite in the study's folder, written so that an answer that was confirmed is never lost.

WAL with full synchronisation: a commit is on disk before `answer` returns, so neither a killed server nor a power cut takes it back; a
half-written one is rolled back by SQLite at the next opening. One row a task is all there can be, so nothing is counted twice.
A rater is known by a secret token of which only the SHA-256 is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from limner.evaluation.study.plan import ANSWERS, FIRST, NEITHER, SECOND, Pair, Plan
from limner.types import InputError

LEFT, RIGHT, NONE = "left", "right", "none"
CHOICES = (LEFT, RIGHT, NONE)
SESSION_S = 7 * 86400.0  # ours: a rater may come back within a week
ACTIVE_S = 3600.0  # ours: pairs given out within the hour count as being answered, so that raters at once get different ones
MAX_RATERS = 10_000  # ours: bounds the file under a flood of new raters
SCHEMA = """
CREATE TABLE study (id TEXT NOT NULL);
CREATE TABLE raters (number INTEGER PRIMARY KEY, token TEXT UNIQUE NOT NULL, began REAL NOT NULL, simulated INTEGER NOT NULL);
CREATE TABLE tasks (id TEXT PRIMARY KEY, rater INTEGER NOT NULL REFERENCES raters, position INTEGER NOT NULL, pair TEXT NOT NULL,
    mirrored INTEGER NOT NULL, UNIQUE (rater, position)) WITHOUT ROWID;
CREATE TABLE answers (task TEXT PRIMARY KEY REFERENCES tasks, choice TEXT NOT NULL CHECK (choice IN ('left', 'right', 'none')),
    at REAL NOT NULL, changes INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
"""


class UnknownRater(InputError):
    """No rater has that token."""


class NotYours(InputError):
    """A task of another rater, or of nobody; the two are told apart to no one."""


class Expired(InputError):
    """The rater's session is over."""


class Full(InputError):
    """The study takes no more raters."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One pair for one rater. mirrored: the video's left half is shown on the right. choice: their answer so far."""

    id: str
    pair: str
    mirrored: bool
    choice: str | None


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One answer, in the pair's own terms: "first", "second" or "none". choice: the side that was pressed."""

    rater: int
    pair: Pair
    said: str
    choice: str
    simulated: bool
    at: float


class Answers:
    """The answers of one study; any number of threads. InputError: no SQLite file, or one of another study."""

    def __init__(self, folder: Path, plan: Plan, *, now=time.time) -> None:
        self.path, self.plan, self.now = Path(folder) / ANSWERS, plan, now
        self._pairs = {pair.id: pair for pair in plan.pairs}
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30.0)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            with self._writing() as db:
                if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    for statement in SCHEMA.split(";"):
                        db.execute(statement)
                    db.execute("INSERT INTO study VALUES (?)", (plan.id,))
                (found,) = db.execute("SELECT id FROM study").fetchone()
        except (sqlite3.Error, TypeError) as error:
            raise InputError(f"{self.path} cannot be read as the answers of a study ({error})") from error
        if found != plan.id:
            raise InputError(f"{self.path} holds the answers of another study; build this one into a folder of its own")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, alone: all of it is on disk when the block ends, or none."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def join(self, *, simulated: bool = False) -> str:
        """A new rater, with tasks of their own -> their token. Full: the study has all the raters it takes."""
        token = secrets.token_urlsafe(24)
        with self._writing() as db:
            number = 1 + (db.execute("SELECT max(number) FROM raters").fetchone()[0] or 0)
            if number > MAX_RATERS:
                raise Full("this study takes no more raters")
            db.execute("INSERT INTO raters VALUES (?, ?, ?, ?)", (number, _hashed(token), self.now(), int(simulated)))
            drawn = self._drawn(db, number, simulated)
            rows = [(secrets.token_urlsafe(12), number, position, *shown) for position, shown in enumerate(drawn)]
            db.executemany("INSERT INTO tasks VALUES (?, ?, ?, ?, ?)", rows)
        return token

    def _drawn(self, db: sqlite3.Connection, number: int, simulated: bool) -> list[tuple[str, int]]:
        """(pair, mirrored) in the order a rater sees them: the pairs answered least so far by their like (people's
        pairs hang on no simulated rater), half of them mirrored, checks spread evenly."""
        rng = np.random.default_rng([self.plan.seed, number])
        recent = (int(simulated), self.now() - ACTIVE_S)
        asked = dict(
            db.execute(
                "SELECT pair, count(*) FROM tasks JOIN raters ON number = rater LEFT JOIN answers ON task = id "
                "WHERE simulated = ? AND (task IS NOT NULL OR began > ?) GROUP BY pair",
                recent,
            )
        )
        pairs = [self.plan.compared[i].id for i in rng.permutation(len(self.plan.compared))]
        pairs = sorted(pairs, key=lambda pair: asked.get(pair, 0))[: self.plan.per_rater]
        shown = [pairs[i] for i in rng.permutation(len(pairs))]
        checks = [self.plan.checks[i].id for i in rng.permutation(len(self.plan.checks))]
        for i, check in enumerate(checks):  # one somewhere in each of as many stretches of the session
            low, high = (round(part * (len(shown) - i) / len(checks)) + i for part in (i, i + 1))
            shown.insert(int(rng.integers(low, high + 1)), check)
        sides = rng.permutation(np.arange(len(shown)) % 2)
        return [(pair, int(side)) for pair, side in zip(shown, sides)]

    def tasks(self, token: str) -> list[Task]:
        """A rater's own tasks, in order. UnknownRater, Expired."""
        with self._lock:
            number = self._rater(token)
            rows = self._db.execute(
                "SELECT id, pair, mirrored, choice FROM tasks LEFT JOIN answers ON task = id WHERE rater = ? ORDER BY position", (number,)
            ).fetchall()
        return [Task(id=id, pair=pair, mirrored=bool(mirrored), choice=choice) for id, pair, mirrored, choice in rows]

    def answer(self, token: str, task: str, choice: str) -> None:
        """Keeps a rater's answer; the same again changes nothing, another one replaces it. On return it is on disk.

        InputError: no such choice. UnknownRater, Expired, NotYours."""
        if choice not in CHOICES:
            raise InputError(f"an answer is one of {', '.join(CHOICES)}")
        with self._writing() as db:
            number = self._rater(token)
            if db.execute("SELECT 1 FROM tasks WHERE id = ? AND rater = ?", (task, number)).fetchone() is None:
                raise NotYours("that pair is not one of yours")
            db.execute(
                "INSERT INTO answers VALUES (?, ?, ?, 0) ON CONFLICT (task) DO UPDATE SET choice = excluded.choice, at = excluded.at, "
                "changes = changes + 1 WHERE choice != excluded.choice",
                (task, choice, self.now()),
            )

    def _rater(self, token: str) -> int:
        row = self._db.execute("SELECT number, began FROM raters WHERE token = ?", (_hashed(token),)).fetchone()
        if row is None:
            raise UnknownRater("no rater has this session; open the page again to begin")
        if self.now() - row[1] > SESSION_S:
            raise Expired("this session began over a week ago and has ended; what was answered is kept. Open the page again to begin anew")
        return row[0]

    def votes(self) -> list[Vote]:
        """All answers so far, by rater and in the order the pairs were shown."""
        with self._lock:
            rows = self._db.execute(
                "SELECT rater, pair, mirrored, choice, simulated, at FROM answers JOIN tasks ON id = task JOIN raters ON number = rater "
                "ORDER BY rater, position"
            ).fetchall()
        return [
            Vote(
                rater=rater, pair=self._pairs[pair], said=said_of(choice, bool(mirrored)), choice=choice, simulated=bool(simulated), at=at
            )
            for rater, pair, mirrored, choice, simulated, at in rows
        ]  # fmt: skip


def said_of(choice: str, mirrored: bool) -> str:
    """The side that was pressed -> the half of the video that was meant."""
    if choice == NONE:
        return NEITHER
    return FIRST if (choice == LEFT) != mirrored else SECOND


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
