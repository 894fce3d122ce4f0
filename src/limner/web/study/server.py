"""The server of a preference study: one page, the pairs' videos, and a rater's own answers. It names no method to anyone.

    POST /api/raters            begin: a rater's cookie, and their pairs
    GET  /api/me                a rater's own pairs, with the answers given so far
    PUT  /api/answers/{task}    {"choice": "left" | "right" | "none"}; the same again changes nothing, another choice replaces it
    GET  /clips/{pair}.mp4      both pictures of a pair beside each other

A rater is a browser: a cookie that scripts cannot read. There is no request whose reply tells anything of another rater.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from limner.evaluation.study.answers import CHOICES, SESSION_S, Answers, Expired, Full, NotYours, Task, UnknownRater
from limner.evaluation.study.plan import Plan, video_of
from limner.types import InputError
from limner.web.serving import Buckets, Guard, plain_errors

PAGE = Path(__file__).parent / "page"
FILES = {"/": "index.html", "/study.css": "study.css", "/study.js": "study.js"}
COOKIE = "limner_rater_{study}"  # by study: browsers share cookies between ports
BODY_BYTES, BODY_S = 1024, 10.0  # ours: an answer has some 20 bytes
STATUS: dict[type[InputError], int] = {UnknownRater: 401, NotYours: 404, Expired: 410, Full: 503}
T = TypeVar("T")


def study_app(folder: Path, plan: Plan, answers: Answers, *, hosts: Sequence[str] = ()) -> Any:
    """The ASGI app of one study. hosts: names it may be called by; none: any."""
    app = FastAPI(title="limner study", docs_url=None, redoc_url=None, openapi_url=None)
    plain_errors(app)
    # ours: a person answers once in seconds; a class joins from one address at once, a flood does not
    asking, joining = Buckets(rate=10, burst=60), Buckets(rate=5, burst=120)
    cookie = COOKIE.format(study=plan.id)
    _add_files(app, folder, plan)

    def rater(request: Request) -> str:
        token = request.cookies.get(cookie, "")
        if not token:
            raise HTTPException(401, "no session; open the page to begin")
        asking.take(token[:64])
        return token

    def state(token: str) -> dict[str, Any]:
        return {"question": plan.question, "tasks": [_shown(task) for task in answers.tasks(token)]}

    @app.post("/api/raters", status_code=201)
    async def begin(request: Request) -> JSONResponse:
        joining.take(request.client.host if request.client else "")
        asked = await _json(request)
        token = await _kept(lambda: answers.join(simulated=asked.get("simulated") is True))
        reply = JSONResponse(await _kept(lambda: state(token)), 201, {"Cache-Control": "no-store"})
        reply.set_cookie(cookie, token, max_age=int(SESSION_S), httponly=True, samesite="strict")
        return reply

    @app.get("/api/me")
    async def me(request: Request) -> JSONResponse:
        token = rater(request)
        return JSONResponse(await _kept(lambda: state(token)), headers={"Cache-Control": "no-store"})

    @app.put("/api/answers/{task}")
    async def answer(task: str, request: Request) -> JSONResponse:
        token, choice = rater(request), (await _json(request)).get("choice")
        if not isinstance(choice, str) or choice not in CHOICES:
            raise HTTPException(422, f"choice is one of {', '.join(CHOICES)}")
        await _kept(lambda: answers.answer(token, task, choice))
        return JSONResponse({"task": task, "choice": choice}, headers={"Cache-Control": "no-store"})

    return Guard(app, body_bytes=BODY_BYTES, body_s=BODY_S, hosts=hosts)


def _add_files(app: FastAPI, folder: Path, plan: Plan) -> None:
    pairs = {pair.id for pair in plan.pairs}
    for path, name in FILES.items():
        app.add_api_route(path, _page(name), methods=["GET"])

    @app.get("/clips/{pair}.mp4")
    def clip(pair: str) -> FileResponse:
        if pair not in pairs:
            raise HTTPException(404, "no such pair in this study")
        return FileResponse(video_of(folder, pair), media_type="video/mp4", headers={"Cache-Control": "private, max-age=86400"})


def _page(name: str) -> Callable[[], FileResponse]:
    def page() -> FileResponse:
        return FileResponse(PAGE / name, headers={"Cache-Control": "no-cache"})

    return page


def _shown(task: Task) -> dict[str, Any]:
    return {"id": task.id, "video": f"/clips/{task.pair}.mp4", "mirrored": task.mirrored, "choice": task.choice}


async def _json(request: Request) -> dict[str, Any]:
    """A request's body as an object; an empty one as {}. 415 unless sent as JSON (no form of another site can), 400 if it is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "send JSON: Content-Type: application/json")
    try:
        told = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(400, "the request is not JSON") from None
    if not isinstance(told, dict):
        raise HTTPException(400, "the request is not a JSON object")
    return told


async def _kept(work: Callable[[], T]) -> T:
    """The database's work in a thread; its refusals as statuses. 503 where nothing could be written: the client tries again."""
    try:
        return await run_in_threadpool(work)
    except tuple(STATUS) as error:
        raise HTTPException(STATUS[type(error)], str(error)) from error
    except sqlite3.OperationalError as error:
        raise HTTPException(503, "the answer could not be kept just now; try again", {"Retry-After": "1"}) from error
