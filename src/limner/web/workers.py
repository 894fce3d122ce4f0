"""Who does the queue's jobs: a thread for each device, which hands them to a process and replaces that when it dies or hangs."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from limner.web.job import CANCELLED, DONE, FAILED, IN, Job

if TYPE_CHECKING:
    from limner.web.jobs import Jobs

TICK_S = 0.05  # ours: how often a job's end, its time and its cancelling are looked for
GRACE_S = 1.0  # ours: a job told to stop does so at its next report, a frame away; one that does not is killed with its worker


@dataclass
class Worker:
    """A thread that hands jobs to a process of its own, watches it, and starts another where it is gone."""

    jobs: Jobs
    device: dict[str, str]
    job: Job | None = None
    process: subprocess.Popen[str] | None = None
    said: queue.Queue[dict[str, Any] | None] = field(default_factory=queue.Queue)
    ready: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def opens(self, until: float) -> bool:
        """Waits until the process has loaded what it needs; -> False where it died of that, or it is `until` of time.monotonic()."""
        while not self.ready.wait(TICK_S):
            if time.monotonic() > until or (self.process is not None and self.process.poll() is not None):
                return self.ready.is_set()
        return True

    def stop(self) -> None:
        self.thread.join(timeout=GRACE_S + 5)
        self._kill()

    def _serve(self) -> None:
        self._start()  # at once: the first job need not wait for the imports
        while (job := self.jobs._next()) is not None:
            self.job = job
            try:
                self._do(job)
            except Exception as error:  # a fault of ours in this thread must not end it: the next job goes on
                self.jobs._end(job, FAILED, f"a fault of ours, {type(error).__name__}")
                self._kill()
            with self.jobs._changed:  # from here on, who forgets the job deletes it
                self.job = None
                kept = job.state == DONE and job.id in self.jobs._jobs
            shutil.rmtree(job.folder / IN if kept else job.folder, ignore_errors=True)
        self._kill()

    def _start(self) -> None:
        noise = None if os.environ.get("LIMNER_DEBUG") == "1" else subprocess.DEVNULL
        self.said = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "limner.web.worker", self.jobs.work],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
            text=True,
            env={**os.environ, "TMPDIR": str(self.jobs.folder), **self.device},  # what it leaves when killed goes with the server
        )
        threading.Thread(target=_listen, args=(self.process, self.said, self.ready), daemon=True).start()

    def _kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.process.stdin is not None:
                with contextlib.suppress(OSError):
                    self.process.stdin.close()
            self.process = None

    def _tell(self, told: dict[str, Any]) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it died: its end is heard in a moment
            self.process.stdin.write(json.dumps(told) + "\n")
            self.process.stdin.flush()

    def _do(self, job: Job) -> None:
        """One job to its end; the process is killed where it hangs, and counts as dead where it falls silent."""
        if self.process is None or self.process.poll() is not None:
            self._kill()
            self._start()
        self._tell({"id": job.id, "kind": job.kind, "settings": job.settings, "in": str(job.folder / IN), "out": str(job.out)})
        until, stop_by = time.monotonic() + self.jobs.limits.job_s, None
        while True:
            with contextlib.suppress(queue.Empty):
                told = self.said.get(timeout=TICK_S)
                if told is None:
                    self._kill()
                    self.jobs._end(job, FAILED, "the process at work on it died; other jobs go on")
                    return
                if told.get("id") == job.id:
                    if "state" in told:
                        self.jobs._end(job, told["state"], told.get("error"))
                        return
                    self.jobs._report(job, told["stage"], told["done"], told["total"])
            now = time.monotonic()
            if now > until:
                self._kill()
                self.jobs._end(job, FAILED, f"it took longer than {self.jobs.limits.job_s:g} seconds; ask for less")
                return
            if stop_by is None and (job.state == CANCELLED or self.jobs._closing):
                self._tell({"cancel": job.id})
                stop_by = now + GRACE_S
            if stop_by is not None and now > stop_by:
                self._kill()
                return


def _listen(process: subprocess.Popen[str], said: queue.Queue[dict[str, Any] | None], ready: threading.Event) -> None:
    """Lines of a worker into its queue; None at their end. ready: set once it could take a job."""
    assert process.stdout is not None
    with process.stdout, contextlib.suppress(ValueError, OSError):
        for line in process.stdout:
            told = json.loads(line)
            if "ready" in told:
                ready.set()
            else:
                said.put(told)
    said.put(None)
