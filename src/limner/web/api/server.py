"""The server of the API. A photo is the body of a request; a job answers; its files are fetched by name, from a list that the server made.

    POST   /v1/smile | /v1/move | /v1/render    a photo -> 202, the job
    POST   /v1/motions                          a motion file or a video, for render and move -> 201, its id
    GET    /v1/jobs/{id}                        state, stage, place in the queue, files
    POST   /v1/jobs/{id}/cancel                 ends it at once
    DELETE /v1/jobs/{id}                        ends it, and deletes all of it
    GET    /v1/jobs/{id}/files/{name}           a result
    GET    /v1/limits, /v1/health               what is taken; how busy it is
    GET    /, /openapi.json                     the documentation

No annotations are postponed here: FastAPI reads those of functions made inside a function.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from limner.web.api.back import MOTION_TYPES, Back, about, checked, sent, take
from limner.web.api.checks import MOTION
from limner.web.api.limits import MIB
from limner.web.api.tasks import MOVE, RENDER, SMILE
from limner.web.job import DONE, Job
from limner.web.serving import Guard, plain_errors

ABOUT_API = "A photo in, a job, its videos out. Every result says in its metadata that it is synthetic; use photos of people who agreed."
PAGE = Path(__file__).parent / "page"
FILES = {"/": "index.html", "/api.css": "api.css", "/api.js": "api.js"}
USUAL_S = 5.0  # ours: no smile that is left to the model lasts longer
SMALL_BYTES = 4096  # ours: of requests without an upload
TYPES = {".mp4": "video/mp4", ".gif": "image/gif", ".png": "image/png", ".json": "application/json"}
Id = Annotated[str, InPath(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
MotionId = Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Renderer = Literal["warp", "warp-refine"]
Quality = Literal["low", "medium", "high"]


def api_app(back: Back, *, origins: Sequence[str] = (), hosts: Sequence[str] = ()) -> Any:
    """The ASGI app. origins: of pages elsewhere that may use it (CORS); none by default. hosts: names it is called by; none: any."""
    from limner.generation.smiles import version

    app = FastAPI(title="limner", version=version(), description=ABOUT_API, docs_url=None, redoc_url=None)
    plain_errors(app)
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(origins), allow_methods=["*"], allow_headers=["authorization", "content-type"]
        )
    for path, name in FILES.items():
        app.add_api_route(path, _page(name), methods=["GET"], include_in_schema=False)
    for add in (_add_smile, _add_move, _add_render, _add_motions):
        add(app, back)
    _add_jobs(app, back)
    photo, video = back.limits.photo_mib * MIB, back.limits.video_mib * MIB
    larger = {"/v1/smile": photo, "/v1/move": photo, "/v1/render": photo, "/v1/motions": video}
    return Guard(app, body_bytes=SMALL_BYTES, body_s=back.limits.upload_s, larger=larger, hosts=hosts)


def _page(name: str):
    def page() -> FileResponse:
        return FileResponse(PAGE / name, headers={"Cache-Control": "no-cache"})

    return page


def _knows(back: Back):
    async def knows(request: Request) -> None:
        """401 unless the request has the token."""
        if back.token is None:
            return
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {back.token}".encode()):
            raise HTTPException(401, "a token is needed: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})

    return knows


def _body(*types: str) -> dict[str, Any]:
    """OpenAPI's words for a body that is a file."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in types}
    return {"requestBody": {"required": True, "content": content}}


PHOTO_BODY = _body("image/*", "application/octet-stream")


def _add_smile(app: FastAPI, back: Back) -> None:
    limits, allowed = back.limits, [Depends(_knows(back))]

    @app.post("/v1/smile", status_code=202, dependencies=allowed, openapi_extra=PHOTO_BODY, tags=["make"])
    async def smile(
        request: Request,
        label: Literal["spontaneous", "posed"] = "spontaneous",
        modes: Annotated[int, Query(ge=1, le=limits.modes)] = 3,
        duration: Annotated[float | None, Query(gt=0, le=60, description="seconds; without it as predicted")] = None,
        fps: Annotated[float, Query(ge=1, le=60)] = 25,
        intensity: Annotated[float, Query(ge=0, le=2)] = 1.0,
        seed: Annotated[int, Query(ge=0, lt=2**63)] = 0,
        size: Annotated[int | None, Query(ge=64, le=limits.size_px, description="longest side in pixels")] = None,
        face: Annotated[int | None, Query(ge=1, le=100, description="which, 1 the largest")] = None,
        start: Literal["neutral", "photo"] = "neutral",
        returns: bool = False,
        renderer: Renderer | None = None,
        gif: bool = False,
        quality: Quality = "high",
    ) -> JSONResponse:
        """A photo of a face -> so many different smiles of it."""
        if (frames := (duration or USUAL_S) * fps * modes) > limits.frames:
            raise HTTPException(
                422, f"that may become {frames:.0f} frames; at most {limits.frames} of all modes together: shorten or slow it"
            )
        asked = {"label": label, "modes": modes, "duration": duration, "fps": fps, "intensity": intensity, "seed": seed, "size": size,
                 "face": face, "start": start, "returns": returns, "renderer": renderer, "gif": gif, "quality": quality}  # fmt: skip
        from limner.generation.settings import SmileSettings

        SmileSettings(**asked)  # refused now rather than by the job
        return _told(back, await take(request, back, SMILE, asked), 202)


def _add_move(app: FastAPI, back: Back) -> None:
    limits, allowed = back.limits, [Depends(_knows(back))]

    @app.post("/v1/move", status_code=202, dependencies=allowed, openapi_extra=PHOTO_BODY, tags=["make"])
    async def move(
        request: Request,
        motion: Annotated[MotionId, Query(description="a motion that ships (limner motion list), or the id of one sent before")],
        speed: Annotated[float, Query(ge=0.1, le=10)] = 1.0,
        mirror: bool = False,
        loop: bool = False,
        person: Annotated[int | None, Query(ge=1, le=100, description="which, 1 the largest")] = None,
        size: Annotated[int | None, Query(ge=64, le=limits.size_px, description="longest side in pixels")] = None,
        quality: Quality = "high",
    ) -> JSONResponse:
        """A photo of a person -> a video of them doing what a motion does."""
        files = sent(back, motion)
        if not files:
            from limner.data.sources.kinematics.shipped import motion_named

            motion_named(motion)
        asked = {"motion": motion, "speed": speed, "mirror": mirror, "loop": loop, "person": person, "size": size, "quality": quality}
        return _told(back, await take(request, back, MOVE, asked, files), 202)


def _add_render(app: FastAPI, back: Back) -> None:
    limits, allowed = back.limits, [Depends(_knows(back))]

    @app.post("/v1/render", status_code=202, dependencies=allowed, openapi_extra=PHOTO_BODY, tags=["make"])
    async def render(
        request: Request,
        motion: Annotated[MotionId, Query(description="the id of a motion file or a video sent before")],
        intensity: Annotated[float, Query(ge=0, le=2)] = 1.0,
        size: Annotated[int | None, Query(ge=64, le=limits.size_px, description="longest side in pixels")] = None,
        face: Annotated[int | None, Query(ge=1, le=100, description="which, 1 the largest")] = None,
        absolute: bool = False,
        renderer: Renderer | None = None,
    ) -> JSONResponse:
        """A photo of a face, moved by a motion file or by the face of a video."""
        files = sent(back, motion)
        if not files:
            raise HTTPException(404, "no such motion, or no more; send it to /v1/motions first")
        asked = {"intensity": intensity, "size": size, "face": face, "absolute": absolute, "renderer": renderer}
        return _told(back, await take(request, back, RENDER, asked, files), 202)


def _add_motions(app: FastAPI, back: Back) -> None:
    limits, allowed = back.limits, [Depends(_knows(back))]
    motion_body = _body("application/json", "video/*", "application/octet-stream")

    @app.post("/v1/motions", status_code=201, dependencies=allowed, openapi_extra=motion_body, tags=["make"])
    async def motions(request: Request) -> JSONResponse:
        """A motion file or a video, kept for some time -> the id that render and move take it by."""
        job = await checked(request, back, MOTION, MOTION_TYPES)
        return JSONResponse({"motion": job.id, "expires": _when(job.created + limits.keep_s), **about(back, job)}, 201)


def _add_jobs(app: FastAPI, back: Back) -> None:
    allowed = [Depends(_knows(back))]

    def found(id: str) -> Job:
        job = back.jobs.view(id)
        if job is None:
            raise HTTPException(404, "no such job, or its results have expired")
        return job

    @app.get("/v1/jobs/{id}", dependencies=allowed, tags=["jobs"])
    async def state(id: Id) -> JSONResponse:
        """How a job stands: queued, running, done, refused (the photo or a setting), failed (a fault of ours), cancelled."""
        return _told(back, found(id))

    @app.post("/v1/jobs/{id}/cancel", dependencies=allowed, tags=["jobs"])
    async def cancel(id: Id) -> JSONResponse:
        """Ends a job at once; one that has ended stays as it is."""
        found(id)
        back.jobs.cancel(id)
        return _told(back, found(id))

    @app.delete("/v1/jobs/{id}", status_code=204, dependencies=allowed, tags=["jobs"])
    async def delete(id: Id) -> Response:
        """Ends a job and deletes all of it."""
        found(id)
        await run_in_threadpool(back.jobs.forget, id)
        return Response(status_code=204)

    @app.get("/v1/jobs/{id}/files/{name}", dependencies=allowed, tags=["jobs"], response_class=FileResponse)
    async def file(id: Id, name: str) -> FileResponse:
        """One of a finished job's files; each says in its metadata that it is synthetic."""
        found(id)
        path = back.jobs.files(id).get(name)  # looked up among what is there: a name is never made a path
        if path is None:
            raise HTTPException(404, "this job has no such file")
        return FileResponse(path, media_type=TYPES.get(path.suffix, "application/octet-stream"), headers={"Cache-Control": "no-store"})

    @app.get("/v1/limits", tags=["server"])
    async def limits() -> dict[str, Any]:
        """What is taken."""
        return back.limits.told()

    @app.get("/v1/health", tags=["server"])
    async def health() -> dict[str, int]:
        """How many jobs wait and run, and how many workers there are."""
        return back.jobs.count()


def _told(back: Back, job: Job, status: int = 200) -> JSONResponse:
    from limner.generation.smiles import synthetic

    files = [
        {"name": name, "bytes": path.stat().st_size, "type": TYPES.get(path.suffix, "application/octet-stream"),
         "url": f"/v1/jobs/{job.id}/files/{name}"}
        for name, path in back.jobs.files(job.id).items()
    ]  # fmt: skip
    told = {name: getattr(job, name) for name in ("id", "kind", "state", "stage", "done", "total", "place", "error")}
    times = {name: _when(getattr(job, name)) for name in ("created", "began", "ended")}
    made = {"synthetic": synthetic()} if job.state == DONE else {}
    headers = {"Cache-Control": "no-store", "Location": f"/v1/jobs/{job.id}"}
    return JSONResponse({**told, **times, "files": files, **made}, status, headers)


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
