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
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from limner.web.api.back import Back
from limner.web.api.limits import MIB
from limner.web.api.makes import add_motions, add_move, add_render, add_smile
from limner.web.api.replies import JobReply, refusals, told, type_of
from limner.web.job import Job
from limner.web.serving import Guard, plain_errors

ABOUT_API = "A photo in, a job, its videos out. Every result says in its metadata that it is synthetic; use photos of people who agreed."
PAGE = Path(__file__).parent / "page"
FILES = {"/": "index.html", "/api.css": "api.css", "/api.js": "api.js"}
SMALL_BYTES = 4096  # ours: of requests without an upload
Id = Annotated[str, InPath(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


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
    allowed = [Depends(_knows(back.token))] if back.token is not None else []
    makes = APIRouter(prefix="/v1", tags=["make"], dependencies=allowed, responses=refusals(401))
    for add in (add_smile, add_move, add_render, add_motions):
        add(makes, back)
    jobs = APIRouter(prefix="/v1/jobs/{id}", tags=["jobs"], dependencies=allowed, responses=refusals(401, 404, 422))
    _add_jobs(jobs, back)
    _add_files(jobs, back)
    for routes in (makes, jobs):
        app.include_router(routes)
    _add_server(app, back)
    photo, video = back.limits.photo_mib * MIB, back.limits.video_mib * MIB
    larger = {"/v1/smile": photo, "/v1/move": photo, "/v1/render": photo, "/v1/motions": video}
    return Guard(app, body_bytes=SMALL_BYTES, body_s=back.limits.upload_s, larger=larger, hosts=hosts)


def _page(name: str):
    def page() -> FileResponse:
        return FileResponse(PAGE / name, headers={"Cache-Control": "no-cache"})

    return page


def _knows(token: str):
    bearer = HTTPBearer(auto_error=False)

    async def knows(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        """401 unless the request has the token."""
        if given is None or not hmac.compare_digest(given.credentials.encode(), token.encode()):
            raise HTTPException(401, "a token is needed: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})

    return knows


def _found(back: Back, id: str) -> Job:
    job = back.jobs.view(id)
    if job is None:
        raise HTTPException(404, "no such job, or its results have expired")
    return job


def _add_jobs(routes: APIRouter, back: Back) -> None:
    @routes.get("", response_model=JobReply)
    async def state(id: Id) -> JSONResponse:
        """How a job stands: queued, running, done, refused (the photo or a setting), failed (a fault of ours), cancelled."""
        return told(back, _found(back, id))

    @routes.post("/cancel", response_model=JobReply)
    async def cancel(id: Id) -> JSONResponse:
        """Ends a job at once; one that has ended stays as it is."""
        back.jobs.cancel(id)
        return told(back, _found(back, id))

    @routes.delete("", status_code=204)
    async def delete(id: Id) -> Response:
        """Ends a job and deletes all of it."""
        _found(back, id)
        await run_in_threadpool(back.jobs.forget, id)
        return Response(status_code=204)


def _add_files(routes: APIRouter, back: Back) -> None:
    @routes.get("/files/{name}", response_class=FileResponse)
    async def file(id: Id, name: str) -> FileResponse:
        """One of a finished job's files; each says in its metadata that it is synthetic."""
        _found(back, id)
        path = back.jobs.files(id).get(name)  # looked up among what is there: a name is never made a path
        if path is None:
            raise HTTPException(404, "this job has no such file")
        return FileResponse(path, media_type=type_of(path), headers={"Cache-Control": "no-store"})


def _add_server(app: FastAPI, back: Back) -> None:
    @app.get("/v1/limits", tags=["server"])
    async def limits() -> dict[str, Any]:
        """What is taken."""
        return back.limits.told()

    @app.get("/v1/health", tags=["server"])
    async def health() -> dict[str, int]:
        """How many jobs wait and run, and how many workers there are."""
        return back.jobs.count()
