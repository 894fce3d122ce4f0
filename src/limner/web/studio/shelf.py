"""Gradio's scripts and styles, packed once and kept: in memory here, and by browsers for good, since their names change with their content.

A page is made of some eighty of them, and Gradio would read and pack each anew for every visitor. Nothing else is kept: no page, no file
of anybody's.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 16 * 10**6  # ours: of all that is kept; Gradio's page takes 0.3 MB of it
FOR_GOOD = (b"cache-control", b"public, max-age=31536000, immutable")


class Shelf:
    """Around an app: what it answers to /assets/..., or to the style with its version, is kept as it was packed for such a browser."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: dict[tuple[str, bytes, bytes], list[Message]] = {}
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = dict(scope["headers"]) if scope["type"] == "http" and scope["method"] == "GET" else {b"range": b""}
        if b"range" in asked:
            await self.app(scope, receive, send)
        elif scope["path"].startswith("/assets/") or (scope["path"] == "/theme.css" and scope["query_string"].startswith(b"v=")):
            key = scope["path"], scope["query_string"], asked.get(b"accept-encoding", b"")
            if key not in self._kept:
                await self.app(scope, receive, self._keeping(key, send))
                return
            for message in self._kept[key]:
                await send(dict(message))
        else:
            await self.app(scope, receive, send)

    def _keeping(self, key: tuple[str, bytes, bytes], send: Send) -> Send:
        """Sends, and keeps what was sent once it is whole and well."""
        sent: list[Message] = []

        async def keeping(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                message["headers"] = [*((name, value) for name, value in message["headers"] if name != FOR_GOOD[0]), FOR_GOOD]
            sent.append(dict(message))
            await send(message)
            if sent[0]["status"] == 200 and message["type"] == "http.response.body" and not message.get("more_body", False):
                self._keep(key, sent)

        return keeping

    def _keep(self, key: tuple[str, bytes, bytes], sent: list[Message]) -> None:
        num = sum(len(message.get("body", b"")) for message in sent)
        if key not in self._kept and self._bytes + num <= MOST_BYTES:
            self._kept[key] = sent
            self._bytes += num
