"""What stands behind the API's routes: the queue of checks, the queue of jobs, the limits; and how an upload gets into them."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool

from limner.web.api.checks import ABOUT, MOTION, PHOTO
from limner.web.api.limits import ApiLimits
from limner.web.job import DONE, REFUSED, Busy, Job, Limits
from limner.web.jobs import Jobs

UPLOADS = 16  # ours: at once, half of them one client's; each is a file, not memory
MOTIONS = 16  # ours: kept at once; each may be as large as a video may be
PHOTO_TYPES, MOTION_TYPES = ("image/", "application/octet-stream"), ("video/", "image/gif", "application/json", "application/octet-stream")


@dataclass(frozen=True, kw_only=True)
class Back:
    """What stands behind the routes: the queue of checks, the queue of jobs, the limits, the token that is asked for (None: none), and how
    many uploads are coming in from each client."""

    checks: Jobs
    jobs: Jobs
    limits: ApiLimits
    token: str | None = None
    coming: Counter[str] = field(default_factory=Counter)


@contextlib.contextmanager
def back_of(limits: ApiLimits, *, devices: Sequence[dict[str, str]] = ({},), token: str | None = None) -> Iterator[Back]:
    """The two queues of an API, with their processes, for the length of a block."""
    half = max(1, limits.queue // 2)
    checking = Limits(bound=UPLOADS, per_client=UPLOADS, job_s=limits.check_s, keep_s=limits.keep_s, kept=MOTIONS)
    working = Limits(bound=limits.queue, per_client=half, job_s=limits.job_s, keep_s=limits.keep_s)
    with (
        Jobs("limner.web.api.checks:work", limits=checking) as checks,
        Jobs("limner.web.api.tasks:work", limits=working, devices=devices) as jobs,
    ):
        yield Back(checks=checks, jobs=jobs, limits=limits, token=token)


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


async def take(request: Request, back: Back, kind: str, settings: dict[str, Any], more: dict[str, Path] | None = None) -> Job:
    """The request's photo, checked, as a new job. more: other files it needs. HTTPException 415, 422, 429."""
    check = await checked(request, back, PHOTO, PHOTO_TYPES)
    try:
        inputs: dict[str, bytes | Path] = {**back.checks.files(check.id), **(more or {})}
        id = await run_in_threadpool(_queued, back, kind, settings, inputs, _client(request))
    finally:
        await run_in_threadpool(back.checks.forget, check.id)
    job = back.jobs.view(id)
    assert job is not None
    return job


def _queued(back: Back, kind: str, settings: dict[str, Any], inputs: dict[str, bytes | Path], client: str) -> str:
    try:
        return back.jobs.submit(kind, settings, inputs, client=client)
    except Busy as error:
        raise HTTPException(429, str(error), {"Retry-After": "5"}) from error


async def checked(request: Request, back: Back, kind: str, types: tuple[str, ...]) -> Job:
    """Receives an upload into a file and has it looked at -> the finished check. HTTPException 415, 422, 429."""
    told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not told.startswith(types):
        raise HTTPException(415, f"send the {kind} itself as the body, as {' or '.join(one + '*' * one.endswith('/') for one in types)}")
    if kind == PHOTO and back.jobs.count()["queued"] + back.jobs.count()["running"] >= back.limits.queue:
        raise HTTPException(429, "the queue is full; try again in a moment", {"Retry-After": "5"})
    settings = {"pixels": back.limits.megapixels * 1e6, "frames": back.limits.frames}
    async with _received(request, back) as path:
        try:
            id = await run_in_threadpool(back.checks.submit, kind, settings, {"upload": path}, client=_client(request))
        except Busy as error:
            raise HTTPException(429, "too many uploads at once; try again in a moment", {"Retry-After": "2"}) from error
    job = await run_in_threadpool(back.checks.wait, id)
    if job is None or job.state != DONE:
        back.checks.forget(id)
        why = job.error if job is not None and job.state == REFUSED else f"the {kind} cannot be read: damaged, or too much work"
        raise HTTPException(422, why or "refused")
    return job


@contextlib.asynccontextmanager
async def _received(request: Request, back: Back) -> AsyncIterator[Path]:
    """The request's body as a file of our own naming, gone after the block."""
    path, client = back.checks.folder / f"upload-{secrets.token_hex(8)}", _client(request)
    if back.coming.total() >= UPLOADS or back.coming[client] >= UPLOADS // 2:
        raise HTTPException(429, "too many uploads at once; try again in a moment", {"Retry-After": "2"})
    back.coming[client] += 1
    try:
        with path.open("xb") as file:
            async for chunk in request.stream():
                file.write(chunk)
        yield path
    except OSError as error:
        raise HTTPException(503, "the server's disk cannot take an upload now", {"Retry-After": "30"}) from error
    finally:
        back.coming[client] -= 1
        if not back.coming[client]:
            del back.coming[client]
        path.unlink(missing_ok=True)


def about(back: Back, check: Job) -> dict[str, Any]:
    """What a check found."""
    return json.loads(back.checks.files(check.id)[ABOUT].read_text("utf-8"))


def sent(back: Back, motion: str) -> tuple[dict[str, Path], int]:
    """The file of a motion sent before, and how many frames it has; {}, 0 where there is none."""
    job, files = back.checks.view(motion), back.checks.files(motion)
    if job is None or job.kind != MOTION or ABOUT not in files:
        return {}, 0
    return {name: path for name, path in files.items() if name != ABOUT}, about(back, job)["frames"]
