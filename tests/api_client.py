"""A client of the HTTP API, for its tests."""

from __future__ import annotations

import http.client
import json
import time


def ask(port: int, method: str, path: str, body: bytes | None = None, *, kind="image/png", source="127.0.0.1", **headers):
    """-> status, headers, body (JSON as what it says)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(source, 0))
    try:
        connection.request(method, path, body, {**({"Content-Type": kind} if body is not None else {}), **headers})
        reply = connection.getresponse()
        content = reply.read()
        is_json = (reply.headers["content-type"] or "").startswith("application/json")
        return reply.status, reply.headers, json.loads(content) if is_json else content
    finally:
        connection.close()


def until(port: int, id: str, *states: str, seconds: float = 120) -> dict:
    """The job once it is in one of the states."""
    end = time.monotonic() + seconds
    while True:
        status, _, job = ask(port, "GET", f"/v1/jobs/{id}")
        assert status == 200, job
        if job["state"] in states:
            return job
        assert time.monotonic() < end, job
        time.sleep(0.05)
