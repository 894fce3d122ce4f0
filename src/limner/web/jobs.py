"""A bounded, fair queue of jobs, and the processes that do them: one a device, each replaced when it dies, hangs or is told to stop.

    submit -> queued -> running -> done | failed (a worker that died, too long, a fault of ours) | refused (an InputError) | cancelled

Jobs of one client wait behind each other; among clients the one served longest ago comes first. A job's files lie in a private temporary
folder that nothing a client says can name: what was sent goes when the job ends; what was made when the job is forgotten, after `keep_s`,
or when the queue closes. What a killed server left is swept by the next one.
"""

from __future__ import annotations

import atexit
import contextlib
import secrets
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from limner.media.files import LOCK, lock_folder
from limner.types import InputError
from limner.web.job import CANCELLED, DONE, IN, OPEN, OUT, QUEUED, RUNNING, Busy, Job, Limits
from limner.web.workers import Worker

PREFIX = "limner-jobs-"


class Jobs:
    """The queue. work: "module:function", called once in each worker; it returns do(kind, settings, folder_in, folder_out, progress).

    do's progress(stage, done, total) raises limner.web.worker.Cancelled once the job is cancelled: let it pass. devices: environment
    variables of each worker, such as {"CUDA_VISIBLE_DEVICES": "0"}; one worker each. A context manager; any number of threads.
    """

    def __init__(self, work: str, *, devices: Sequence[Mapping[str, str]] = ({},), limits: Limits | None = None) -> None:
        self.work, self.limits = work, limits or Limits()
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._hold = lock_folder(self.folder)
        self._jobs: dict[str, Job] = {}
        self._waiting: list[Job] = []
        self._served: dict[str, float] = {}
        self._changed = threading.Condition()
        self._closing = False
        atexit.register(self.close)
        self._workers = [Worker(self, dict(device)) for device in devices]

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_ready(self, timeout_s: float = 120.0) -> bool:
        """Waits until every worker has loaded what it needs; -> whether all have, at once where one died of it. Jobs can be sent before."""
        end = time.monotonic() + timeout_s
        return all(worker.opens(end) for worker in self._workers)

    def submit(self, kind: str, settings: Mapping[str, Any], inputs: Mapping[str, bytes | Path], *, client: str = "") -> str:
        """A new job -> its id, which is a secret. inputs: content, or a file that has it, by the name that `do` finds it under, which is
        ours and never a client's.

        Busy: the queue, or the client's part of it, is full."""
        job = Job(secrets.token_urlsafe(16), client, kind, dict(settings), Path(), time.time())
        job.folder = self.folder / job.id
        with self._changed:
            self._check_room(client)
            for name in (IN, OUT):
                (job.folder / name).mkdir(parents=True)
            self._jobs[job.id] = job
        try:
            for name, content in inputs.items():
                _put(content, job.folder / IN / name)
        except OSError as error:
            self.forget(job.id)
            raise InputError("the server's disk cannot take another job now") from error
        with self._changed:
            if job.state == QUEUED:
                self._waiting.append(job)
            self._changed.notify_all()
        return job.id

    def _check_room(self, client: str) -> None:
        self._drop_old()
        if self._closing:
            raise Busy("the server is closing")
        at_work = [job for job in self._jobs.values() if job.state in OPEN]
        if len(at_work) >= self.limits.bound:
            raise Busy(f"the queue is full ({len(at_work)} jobs); try again in a moment")
        if sum(job.client == client for job in at_work) >= self.limits.per_client:
            raise Busy(f"{self.limits.per_client} of your jobs are waiting or running; let one end, or cancel it")

    def view(self, id: str) -> Job | None:
        """A job as it stands, a copy; None where there is none, or no more."""
        with self._changed:
            self._drop_old()
            job = self._jobs.get(id)
            if job is None:
                return None
            place = next((n for n, one in enumerate(self._in_order()) if one is job), None)
            return Job(**{**vars(job), "settings": dict(job.settings), "place": place if job.state == QUEUED else None})

    def wait(self, id: str, timeout_s: float | None = None, *, until: Callable[[Job], bool] | None = None) -> Job | None:
        """As view, once the job has ended, or `until` holds of it, or the time is up."""
        until = until or (lambda job: job.state not in OPEN)
        end = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while (job := self._jobs.get(id)) is not None and not until(job):
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
        return self.view(id)

    def files(self, id: str) -> dict[str, Path]:
        """A finished job's results by name; {} of any other."""
        job = self.view(id)
        if job is None or job.state != DONE:
            return {}
        return {path.relative_to(job.out).as_posix(): path for path in sorted(job.out.rglob("*")) if path.is_file()}

    def cancel(self, id: str) -> bool:
        """Ends a job at once, as its clients see it; -> whether there was one to end. The worker follows within GRACE_S."""
        with self._changed:
            job = self._jobs.get(id)
            if job is None or job.state not in OPEN:
                return False
            if job.state == QUEUED:
                self._waiting = [one for one in self._waiting if one is not job]
                shutil.rmtree(job.folder, ignore_errors=True)
            self._end(job, CANCELLED, None)
            return True

    def forget(self, id: str) -> None:
        """Cancels a job if need be, and deletes all of it."""
        self.cancel(id)
        with self._changed:
            job = self._jobs.pop(id, None)
            busy = job is not None and any(worker.job is job for worker in self._workers)
        if job is not None and not busy:  # else the worker deletes it as it leaves it
            shutil.rmtree(job.folder, ignore_errors=True)

    def count(self) -> dict[str, int]:
        """How many jobs wait, run and are kept, and how many workers there are."""
        with self._changed:
            self._drop_old()
            states = [job.state for job in self._jobs.values()]
        return {QUEUED: states.count(QUEUED), RUNNING: states.count(RUNNING), "kept": len(states), "workers": len(self._workers)}

    def close(self) -> None:
        """Ends all jobs and workers, and deletes their files."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._hold is not None:
            self._hold.close()
        atexit.unregister(self.close)

    # For the workers

    def _in_order(self) -> list[Job]:
        """The waiting jobs as they will be served, were no other to come."""
        served, left, order = dict(self._served), list(self._waiting), []
        for turn in range(len(left)):
            job = min(left, key=lambda one: (served.get(one.client, 0.0), one.created))
            left.remove(job)
            served[job.client] = time.time() + turn
            order.append(job)
        return order

    def _next(self) -> Job | None:
        """The job to do now, marked running; None when the queue closes."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait(1.0)
                self._drop_old()
            if self._closing:
                return None
            self._drop_old()
            job = self._in_order()[0]
            self._waiting.remove(job)
            self._served[job.client] = job.began = time.time()
            self._served = dict(sorted(self._served.items(), key=lambda item: item[1])[-10_000:])
            job.state = RUNNING
            self._changed.notify_all()
            return job

    def _report(self, job: Job, stage: str, done: int, total: int) -> None:
        with self._changed:
            job.stage, job.done, job.total = stage, done, total
            self._changed.notify_all()

    def _end(self, job: Job, state: str, error: str | None) -> None:
        """Marks a job's end; one that has ended before (cancelled) stays as it is."""
        with self._changed:
            if job.state in OPEN:
                job.state, job.error, job.ended = state, error, time.time()
                job.done = job.total if state == DONE else job.done  # reports are spaced in time: the last may be missing
            self._changed.notify_all()

    def _drop_old(self) -> None:
        ended = sorted((job for job in self._jobs.values() if job.ended is not None), key=lambda job: job.ended or 0.0)
        late = {job.id for job in ended if time.time() - (job.ended or 0.0) > self.limits.keep_s}
        left = [job for job in ended if job.id not in late]
        while len(left) > self.limits.kept:  # of the client that has most, the oldest: nobody's results go for another's many
            ((client, _),) = Counter(job.client for job in left).most_common(1)
            late.add(left.pop(next(i for i, job in enumerate(left) if job.client == client)).id)
        for id in late - {worker.job.id for worker in self._workers if worker.job is not None}:
            shutil.rmtree(self._jobs.pop(id).folder, ignore_errors=True)


def _put(content: bytes | Path, path: Path) -> None:
    """Content to a path; that of a file by a second name for it, where the disk allows."""
    if isinstance(content, bytes):
        path.write_bytes(content)
        return
    try:
        path.hardlink_to(content)
    except OSError:
        shutil.copyfile(content, path)


def sweep() -> None:
    """Deletes what servers that were killed left in the temporary folder; those at work hold a lock on theirs."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if not (left / LOCK).exists():  # just being made, or not ours
                continue
            lock = lock_folder(left)
            if lock is not None:
                with lock:
                    shutil.rmtree(left, ignore_errors=True)
