"""What every room of the studio shares: the desk, the pages, and how a job is begun, followed and stopped."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from limner.types import InputError
from limner.web.studio.desk import Desk, Job
from limner.web.studio.sessions import Session, Sessions

LOOK_EVERY_S = 0.05  # ours: how often a page looks how far its job is
MOST_PHOTO_BYTES = 50 * 10**6  # ours: a photo of 100 megapixels as JPEG
MOST_UPLOAD = "300mb"  # ours: of any file; a driving video of some minutes


class Floor:
    """The desk with its warm process, and the pages that are open."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.sessions = Sessions(self.desk)

    def close(self) -> None:
        """Stops what runs and deletes everything of every page."""
        self.desk.close()
        self.sessions.close_all()

    def begin(self, session: Session, task: str, arguments: dict[str, Any]) -> Job:
        """Puts a job of a page into the queue; one that the page still had there is stopped."""
        if session.job is not None:
            self.desk.cancel(session.job)
        session.job = self.desk.submit(task, arguments)
        return session.job

    async def follow(self, job: Job) -> AsyncIterator[tuple[Job, int]]:
        """(the job, how many are before it) whenever something about it has changed, to its end."""
        before: tuple[Any, ...] = ()
        while True:
            ahead = self.desk.ahead_of(job)
            now = job.state, job.stage, job.done, job.total, ahead
            if now != before:
                before = now
                yield job, ahead
            if job.is_over:
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def stop(self, page: str | None) -> None:
        """Cancels the job of a page, if it has one."""
        session = self.sessions.of(page)
        if session.job is not None:
            self.desk.cancel(session.job)


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
