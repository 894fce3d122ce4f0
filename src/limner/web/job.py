"""One job of the queue, its states, and what the queue takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limner.types import InputError

QUEUED, RUNNING, DONE, FAILED, REFUSED, CANCELLED = "queued", "running", "done", "failed", "refused", "cancelled"
OPEN = (QUEUED, RUNNING)
IN, OUT = "in", "out"


class Busy(InputError):
    """The queue is full, or this client's part of it."""


@dataclass
class Job:
    """One job as the queue knows it. stage, done, total: what the worker reported last. error: one line, of a job that came to nothing.

    created, began, ended: seconds of time.time(), None where not yet. place: how many jobs are served before it, while it is queued."""

    id: str
    client: str
    kind: str
    settings: dict[str, Any]
    folder: Path
    created: float
    state: str = QUEUED
    stage: str = ""
    done: int = 0
    total: int = 0
    error: str | None = None
    began: float | None = None
    ended: float | None = None
    place: int | None = None

    @property
    def out(self) -> Path:
        """Where its results are."""
        return self.folder / OUT


@dataclass(kw_only=True)
class Limits:
    """bound: jobs that wait or run, of all clients; per_client: of one. job_s: seconds one may run. keep_s, kept: finished jobs are
    forgotten after so long, or when there are more, first of the client that has most."""

    bound: int = 16
    per_client: int = 8
    job_s: float = 300.0
    keep_s: float = 3600.0
    kept: int = 200
