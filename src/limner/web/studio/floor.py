"""What every room of the studio shares: the queue, the pages, and how a job is begun, followed and stopped."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from limner.types import InputError
from limner.web.jobs import DONE, OPEN, Job, Jobs, Limits
from limner.web.studio.sessions import Session, Sessions
from limner.web.studio.tasks import ANSWER

LOOK_EVERY_S = 0.05  # ours: how often a page looks how far its job is
MOST_PHOTO_BYTES = 50 * 10**6  # ours: a photo of 100 megapixels as JPEG
MOST_UPLOAD_BYTES = 300 * 10**6  # ours: of any file; a driving video of some minutes
LIMITS = Limits(bound=64, per_client=4, job_s=1800.0)  # ours: a page has one job at a time; the longest video that drives takes minutes


class Floor:
    """The queue with its warm process, and the pages that are open."""

    def __init__(self) -> None:
        self.jobs = Jobs("limner.web.studio.tasks:work", limits=LIMITS)
        self.sessions = Sessions(self.jobs)

    def close(self) -> None:
        """Stops what runs and deletes everything of every page."""
        self.sessions.close_all()
        self.jobs.close()

    def begin(self, session: Session, task: str, settings: dict[str, Any]) -> str:
        """Puts a job of a page into the queue; one that the page still had there is stopped. Busy where the queue is full."""
        if session.job is not None:
            self.jobs.forget(session.job)
        session.job = self.jobs.submit(task, settings, {}, client=session.folder.name)
        return session.job

    async def follow(self, id: str) -> AsyncIterator[tuple[Job, dict[str, Any]]]:
        """(the job as it stands, its answer once it is done) whenever something about it has changed, to its end."""
        before: tuple[Any, ...] = ()
        while (job := self.jobs.view(id)) is not None:
            now = job.state, job.stage, job.done, job.total, job.place
            if now != before:
                before = now
                answer = json.loads(self.jobs.files(id)[ANSWER].read_text("utf-8")) if job.state == DONE else {}
                yield job, answer
            if job.state not in OPEN:
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def stop(self, page: str | None) -> None:
        """Cancels the job of a page, if it has one."""
        session = self.sessions.of(page)
        if session.job is not None:
            self.jobs.cancel(session.job)


def taken_in(upload: str | None, place: Path, what: str, most_bytes: int | None = None) -> Path:
    """A file that a page has sent, inside the folder of the job: `what` is its name there. InputError where there is none, or too large."""
    if not upload or not Path(upload).is_file():
        raise InputError(f"no {what} yet; drop one, or click the example")
    size = Path(upload).stat().st_size
    if most_bytes is not None and size > most_bytes:
        raise InputError(f"{Path(upload).name} has {size / 1e6:.0f} MB; a {what} may have {most_bytes / 1e6:.0f}")
    target = place / f"{what}{Path(upload).suffix.lower()}"
    try:
        os.link(upload, target)
    except OSError:
        shutil.copyfile(upload, target)
    return target
