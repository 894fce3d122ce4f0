"""What the API answers: its records, as openapi.json tells them; a job as it stands; and what every refusal looks like."""

from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from limner.web.api.back import Back
from limner.web.job import DONE, Job

TYPES = {".mp4": "video/mp4", ".gif": "image/gif", ".png": "image/png", ".json": "application/json"}


class Refusal(BaseModel):
    """Why nothing came of a request."""

    error: str = Field(description="one line")


class FileReply(BaseModel):
    """A result of a job; url: where it is fetched."""

    name: str
    bytes: int
    type: str
    url: str


class JobReply(BaseModel):
    """A job as it stands."""

    id: str = Field(description="a secret: who has it has the job")
    kind: str
    state: Literal["queued", "running", "done", "failed", "refused", "cancelled"]
    stage: str = Field(description="what is being done")
    done: int = Field(description="so many steps of the stage")
    total: int
    place: int | None = Field(description="how many jobs come before it, while it is queued")
    error: str | None = Field(description="one line, of a job that came to nothing")
    created: str
    began: str | None
    ended: str | None
    files: list[FileReply]
    synthetic: str | None = Field(None, description="what the metadata of each result says")


class MotionReply(BaseModel):
    """A motion that was sent, kept until it expires."""

    motion: str = Field(description="the id that render and move take it by")
    expires: str
    frames: int
    guide: str | None = Field(description="of a motion file; null of a video")


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: it may answer with these statuses."""
    return {status: {"model": Refusal} for status in statuses}


def told(back: Back, job: Job, status: int = 200) -> JSONResponse:
    """A job as it stands, a JobReply."""
    from limner.generation.smiles import synthetic

    said: dict[str, Any] = {name: getattr(job, name) for name in ("id", "kind", "state", "stage", "done", "total", "place", "error")}
    said |= {name: when(getattr(job, name)) for name in ("created", "began", "ended")}
    said["files"] = [one for name, path in back.jobs.files(job.id).items() if (one := _file(job, name, path)) is not None]
    if job.state == DONE:
        said["synthetic"] = synthetic()
    return JSONResponse(said, status, {"Cache-Control": "no-store", "Location": f"/v1/jobs/{job.id}"})


def _file(job: Job, name: str, path: Path) -> dict[str, Any] | None:
    """A FileReply; None of a file that was deleted this moment."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return None
    return {"name": name, "bytes": size, "type": type_of(path), "url": f"/v1/jobs/{job.id}/files/{name}"}


def type_of(path: Path) -> str:
    """The media type of a result."""
    return TYPES.get(path.suffix, "application/octet-stream")


def when(seconds: float | None) -> str | None:
    """A time in ISO 8601, UTC; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
