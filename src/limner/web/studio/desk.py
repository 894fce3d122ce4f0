"""Jobs of the studio: one warm process does them one after the other, says how far it is, and can be stopped at once.

A job that does not stop when asked is stopped with its process; a fresh one is warm again by the time the next job comes.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

GRACE_S = 1.0  # ours: what a stopped job has to put its files in order before its process is ended
SAY_EVERY_S = 0.1  # ours: how often a job says how far it is
WAITING, WORKING, DONE, REFUSED, FAILED, CANCELLED = "waiting", "working", "done", "refused", "failed", "cancelled"
OVER = (DONE, REFUSED, FAILED, CANCELLED)
DIED = "a fault of ours: the process that worked on it ended; the next job finds a new one (please report it)"


class Cancelled(BaseException):
    """A job was stopped by its user. No Exception: nothing on the way takes it for a failure it can handle."""


@dataclass(eq=False)
class Job:
    """One piece of work. task: a name of tasks.TASKS. state: waiting, working, or how it ended. line: why it was refused or failed."""

    task: str
    arguments: dict[str, Any]
    state: str = WAITING
    stage: str = ""
    done: int = 0
    total: int = 0
    answer: dict[str, Any] = field(default_factory=dict)
    line: str = ""
    seconds: float = 0.0

    @property
    def is_over(self) -> bool:
        return self.state in OVER


class Desk:
    """The queue and its warm process. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._current: Job | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._process: Any = None
        self._pipe: Connection | None = None
        self._stop: Any = None
        self._thread = threading.Thread(target=self._run, name="limner-desk", daemon=True)
        self._thread.start()

    def submit(self, task: str, arguments: dict[str, Any]) -> Job:
        """Puts a job at the end of the queue. arguments: what can be sent to another process."""
        job = Job(task, arguments)
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()
        return job

    def cancel(self, job: Job) -> None:
        """The job is over at once; what it left behind goes with it."""
        with self._changed:
            if not job.is_over:
                job.state = CANCELLED
            self._changed.notify_all()

    def ahead_of(self, job: Job) -> int:
        """How many jobs come before this one."""
        with self._changed:
            waiting = [other for other in self._jobs if not other.is_over]
            return (waiting.index(job) if job in waiting else 0) + (self._current is not None and self._current is not job)

    @property
    def process_id(self) -> int | None:
        """Of the process that works; None while there is none."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """Ends the process; jobs that wait are cancelled."""
        with self._changed:
            self._closed = True
            for job in [*self._jobs, *([self._current] if self._current else [])]:
                if not job.is_over:
                    job.state = CANCELLED
            self._changed.notify_all()
        self._thread.join(timeout=10)
        self._end()

    def _run(self) -> None:
        self._begin()
        while True:
            with self._changed:
                while not self._jobs and not self._closed:
                    self._changed.wait(1.0)
                    if self._process is not None and not self._process.is_alive():  # it died between two jobs
                        self._begin()
                if self._closed:
                    return
                job = self._jobs.popleft()
                if job.is_over:
                    continue
                self._current, job.state = job, WORKING
            start = time.monotonic()
            try:
                self._do(job)
            finally:
                job.seconds = time.monotonic() - start
                self._current = None

    def _begin(self) -> None:
        """A fresh process, which warms itself up while nothing is asked of it."""
        self._end()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._stop = context.Event()
        from limner.web.studio.tasks import serve

        self._process = context.Process(target=serve, args=(theirs, self._stop), name="limner-studio-worker", daemon=True)
        self._process.start()
        theirs.close()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join(5)
            self._process.close()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _do(self, job: Job) -> None:
        """Hands the job over and listens until it is over; always leaves a process that can take the next."""
        if self._process is None or not self._process.is_alive():
            self._begin()
        assert self._pipe is not None
        self._stop.clear()
        stopped_at = None
        try:
            self._pipe.send((job.task, job.arguments))
            while True:
                if self._pipe.poll(0.02):
                    kind, *said = self._pipe.recv()
                    if kind == "progress":
                        job.stage, job.done, job.total = said
                    else:
                        return self._over(job, kind, said[0])
                if job.state == CANCELLED and stopped_at is None:
                    stopped_at = time.monotonic()
                    self._stop.set()
                if stopped_at is not None and time.monotonic() - stopped_at > GRACE_S:
                    return self._begin()
        except (EOFError, OSError):
            self._over(job, FAILED, DIED)
            self._begin()

    def _over(self, job: Job, state: str, said: Any) -> None:
        with self._changed:
            if job.is_over:
                return
            job.answer, job.line = (said, "") if state == DONE else ({}, said)
            job.state = state
