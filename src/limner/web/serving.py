"""What every server here shares: a socket that is free, bounded and patient connections, plain errors, no outside request.

Errors are JSON, {"error": one line}. A body may have so many bytes and must arrive within so many seconds; a connection that does not
finish its request's head in time, or takes nothing of its reply for long, is closed. Who asks is the address that connects, whatever the
request says of itself, unless that address is a proxy's that the server was told of.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from limner.types import InputError

HEAD_S = 10.0  # ours: a browser sends a request's head at once
REPLY_S = 30.0  # ours: asyncio holds some 64 kB of a reply; a client that has not taken most of that by then is not there
DRAIN_S = 1.0  # ours
CONNECTIONS = 512  # ours: each costs a socket and some kB
SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. InputError where the port is taken or not allowed, or the host is none of this machine's."""
    if not 0 <= port < 65536:
        raise InputError(f"--port {port}: a port lies in 0..65535 (0: any that is free)")
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(CONNECTIONS)  # now: who reads the address may come at once
    except OSError as error:
        bound.close()
        raise InputError(f"cannot listen on {host}, port {port} ({error.strerror or error}); name others with --host and --port") from error
    return bound


def names_of(host: str) -> list[str]:
    """What a server that only this machine reaches is called; [] (anything) of one that others reach."""
    loopback = ["localhost", "127.0.0.1", "[::1]"]
    return [*loopback, host] if host in ("localhost", "::1") or host.startswith("127.") else []


def address_of(bound: socket.socket) -> str:
    """The address a browser on this machine opens."""
    host, port = bound.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


def serve(app: FastAPI, bound: socket.socket, *, proxies: Sequence[str] = ()) -> None:
    """Serves until Ctrl-C or SIGTERM, which end the process as they would without a server.

    proxies: addresses or networks whose X-Forwarded-For is believed; by default nobody's, not even this machine's."""
    uvicorn.Server(config_of(app, proxies)).run(sockets=[bound])


def config_of(app: ASGIApp, proxies: Sequence[str] = ()) -> uvicorn.Config:
    """How every server here treats its connections; proxies as in `serve`."""
    return uvicorn.Config(
        app,
        http=Patient,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        backlog=CONNECTIONS,
    )


class Patient(H11Protocol):
    """uvicorn's connection, closed where a request's head does not arrive within HEAD_S, or its reply is not taken within REPLY_S."""

    _late: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = self.loop.call_later(REPLY_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._late, self._stuck):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        waiting = self.conn.their_state is h11.IDLE  # between requests, or amid a head
        if waiting and self._late is None:
            self._late = self.loop.call_later(HEAD_S, self._close)
        elif not waiting and self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        self._late = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()


class Guard:
    """Around an app: bodies of at most `body_bytes` (by path prefix where `larger` names one) within `body_s` seconds, and safe headers.

    hosts: the names it may be called by, none: any. A page elsewhere whose name was made to point here (DNS rebinding) is so refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_bytes: int,
        body_s: float,
        larger: Mapping[str, int] | None = None,
        hosts: Sequence[str] = (),
        headers: Mapping[str, str] = SAFE,
    ) -> None:
        self.app, self.body_bytes, self.body_s, self.larger = app, body_bytes, body_s, dict(larger or {})
        self.hosts = {host.lower() for host in hosts}
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in self.headers if pair[0] not in own)]
            await send(message)

        asked = dict(scope["headers"])
        most = next((size for prefix, size in self.larger.items() if scope["path"].startswith(prefix)), self.body_bytes)
        told = asked.get(b"content-length", b"0")
        refusal = None
        if self.hosts and _host(asked.get(b"host", b"")) not in self.hosts:
            refusal = JSONResponse({"error": "this server is not called by that name"}, 421, {"Connection": "close"})
        elif told.isdigit() and int(told) > most:
            refusal = JSONResponse({"error": f"the request has {int(told)} bytes; at most {most} are taken"}, 413, {"Connection": "close"})
        if refusal is not None:
            if b"expect" not in asked:
                await _drain(receive)
            await refusal(scope, receive, sending)
            return
        await self.app(scope, self._bounded(receive, most), sending)

    def _bounded(self, receive: Receive, most: int) -> Receive:
        began, taken, whole = time.monotonic(), 0, False

        async def bounded() -> Message:
            nonlocal taken, whole
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.001, began + self.body_s - time.monotonic()))
            except asyncio.TimeoutError:
                raise HTTPException(408, f"the request did not arrive within {self.body_s:g} seconds", {"Connection": "close"}) from None
            taken += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if taken > most:
                if not whole:
                    await _drain(receive)
                raise HTTPException(413, f"the request has more than {most} bytes", {"Connection": "close"})
            return message

        return bounded


def _host(told: bytes) -> str:
    """b"LocalHost:8000" -> "localhost"."""
    name = told.decode("latin-1").lower()
    return name.rpartition(":")[0] if ":" in name and not name.endswith("]") else name


async def _drain(receive: Receive) -> None:
    """Lets a sender come to its end for a moment: one that still writes when the connection closes may never read why."""
    end = time.monotonic() + DRAIN_S
    with contextlib.suppress(asyncio.TimeoutError):
        while (left := end - time.monotonic()) > 0:
            message = await asyncio.wait_for(receive(), left)
            if message["type"] != "http.request" or not message.get("more_body", False):
                return


def plain_errors(app: FastAPI) -> None:
    """Every error of an app as {"error": one line}: 400 an InputError, 422 a body of the wrong form, 500 a fault of ours."""

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return JSONResponse({"error": f"{where}: {first['msg']}"[:300]}, 422)

    @app.exception_handler(InputError)
    async def unfit(request: Request, error: InputError) -> JSONResponse:
        return JSONResponse({"error": " ".join(str(error).split())[:500]}, 400)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> JSONResponse:
        return JSONResponse({"error": "the request was cut short"}, 400)

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": "a fault of ours; nothing that was kept before is lost"}, 500)


class Buckets:
    """How often each of many may ask: `rate` a second on average, `burst` at once. Remembers the last `most` askers."""

    def __init__(self, rate: float, burst: int, *, most: int = 20_000, now=time.monotonic) -> None:
        self.rate, self.burst, self.most, self.now = rate, burst, most, now
        self._left: collections.OrderedDict[str, tuple[float, float]] = collections.OrderedDict()

    def wait_s(self, who: str) -> float:
        """0.0 and one taken; or, nothing taken, the seconds until one may ask again."""
        now = self.now()
        left, at = self._left.pop(who, (float(self.burst), now))
        left = min(float(self.burst), left + (now - at) * self.rate)
        allowed = left >= 1
        self._left[who] = (left - allowed, now)
        if len(self._left) > self.most:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self.rate

    def take(self, who: str) -> None:
        """As wait_s; HTTPException 429 where the asker has to wait."""
        if wait := self.wait_s(who):
            raise HTTPException(429, "too many requests; wait a moment and try again", {"Retry-After": str(max(1, round(wait)))})
