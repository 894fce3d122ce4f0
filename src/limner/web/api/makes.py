"""The routes that begin something: a photo -> a job; a motion file or a video -> an id for those that need one.

No annotations are postponed here: FastAPI reads those of functions made inside a function.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse

from limner.web.api.back import MOTION_TYPES, Back, about, checked, sent, take
from limner.web.api.checks import MOTION
from limner.web.api.replies import JobReply, MotionReply, refusals, told, when
from limner.web.api.tasks import MOVE, RENDER, SMILE

USUAL_S = 5.0  # ours: no smile that is left to the model lasts longer
MotionId = Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Which = Annotated[int | None, Query(ge=1, le=100, description="which, 1 the largest")]
Intensity = Annotated[float, Query(ge=0, le=2)]
Renderer = Literal["warp", "warp-refine"]
Quality = Literal["low", "medium", "high"]


def _body(*types: str) -> dict[str, Any]:
    """OpenAPI's words for a body that is a file."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in types}
    return {"requestBody": {"required": True, "content": content}}


PHOTO: dict[str, Any] = {
    "status_code": 202,
    "response_model": JobReply,
    "openapi_extra": _body("image/*", "application/octet-stream"),
    "responses": refusals(400, 404, 408, 413, 415, 422, 429),
}


def _check_frames(frames: float, most: int) -> None:
    """422 where a job would have more frames to render than one may."""
    if frames > most:
        raise HTTPException(
            422, f"that may become {frames:.0f} frames; at most {most} are made in one job, all modes together: ask for less"
        )


def add_smile(routes: APIRouter, back: Back) -> None:
    """POST /smile."""
    limits = back.limits

    @routes.post("/smile", **PHOTO)
    async def smile(
        request: Request,
        label: Literal["spontaneous", "posed"] = "spontaneous",
        modes: Annotated[int, Query(ge=1, le=limits.modes)] = min(3, limits.modes),
        duration: Annotated[float | None, Query(gt=0, le=60, description="seconds; without it as predicted")] = None,
        fps: Annotated[float, Query(ge=1, le=60)] = 25,
        intensity: Intensity = 1.0,
        seed: Annotated[int, Query(ge=0, lt=2**63)] = 0,
        size: Annotated[int | None, Query(ge=64, le=limits.size_px, description="longest side in pixels")] = None,
        face: Which = None,
        start: Literal["neutral", "photo"] = "neutral",
        returns: bool = False,
        renderer: Renderer | None = None,
        gif: bool = False,
        quality: Quality = "high",
    ) -> JSONResponse:
        """A photo of a face -> so many different smiles of it."""
        _check_frames((duration or USUAL_S) * fps * modes, limits.frames)
        asked = {"label": label, "modes": modes, "duration": duration, "fps": fps, "intensity": intensity, "seed": seed, "size": size,
                 "face": face, "start": start, "returns": returns, "renderer": renderer, "gif": gif, "quality": quality}  # fmt: skip
        from limner.generation.settings import SmileSettings

        SmileSettings(**asked)  # refused now rather than by the job
        return told(back, await take(request, back, SMILE, asked), 202)


def add_move(routes: APIRouter, back: Back) -> None:
    """POST /move."""

    @routes.post("/move", **PHOTO)
    async def move(
        request: Request,
        motion: Annotated[MotionId, Query(description="a motion that ships (limner motion list), or the id of one sent before")],
        speed: Annotated[float, Query(ge=0.1, le=10)] = 1.0,
        mirror: bool = False,
        loop: bool = False,
        person: Which = None,
        size: Annotated[int | None, Query(ge=64, le=back.limits.size_px, description="longest side in pixels")] = None,
        quality: Quality = "high",
    ) -> JSONResponse:
        """A photo of a person -> a video of them doing what a motion does."""
        files, frames = sent(back, motion)
        if not files:
            from limner.data.sources.kinematics.shipped import motion_named

            frames = motion_named(motion).num_frames
        _check_frames(frames / speed, back.limits.frames)
        asked = {"motion": motion, "speed": speed, "mirror": mirror, "loop": loop, "person": person, "size": size, "quality": quality}
        return told(back, await take(request, back, MOVE, asked, files), 202)


def add_render(routes: APIRouter, back: Back) -> None:
    """POST /render."""

    @routes.post("/render", **PHOTO)
    async def render(
        request: Request,
        motion: Annotated[MotionId, Query(description="the id of a motion file or a video sent before")],
        intensity: Intensity = 1.0,
        size: Annotated[int | None, Query(ge=64, le=back.limits.size_px, description="longest side in pixels")] = None,
        face: Which = None,
        absolute: bool = False,
        renderer: Renderer | None = None,
    ) -> JSONResponse:
        """A photo of a face, moved by a motion file or by the face of a video."""
        files, _ = sent(back, motion)
        if not files:
            raise HTTPException(404, "no such motion, or no more; send it to /v1/motions first")
        asked = {"intensity": intensity, "size": size, "face": face, "absolute": absolute, "renderer": renderer}
        return told(back, await take(request, back, RENDER, asked, files), 202)


def add_motions(routes: APIRouter, back: Back) -> None:
    """POST /motions."""
    body, refused = _body("application/json", "video/*", "application/octet-stream"), refusals(408, 413, 415, 422, 429)

    @routes.post("/motions", status_code=201, response_model=MotionReply, openapi_extra=body, responses=refused)
    async def motions(request: Request) -> JSONResponse:
        """A motion file or a video, kept for some time -> the id that render and move take it by."""
        job = await checked(request, back, MOTION, MOTION_TYPES)
        return JSONResponse({"motion": job.id, "expires": when(job.created + back.limits.keep_s), **about(back, job)}, 201)
