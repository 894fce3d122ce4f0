"""The HTTP API over real sockets: its queue with work that dies, hangs and refuses."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed (pip install 'limner[serve]')")
import uvicorn

from api_client import ask, until
from hostile_uploads import SMILE, encoded
from limner.web import serving
from limner.web.api.back import UPLOADS, Back
from limner.web.api.limits import ApiLimits
from limner.web.api.server import api_app
from limner.web.job import Limits
from limner.web.jobs import Jobs

GOOD = encoded("PNG")
COPY, HANG, DIE, REFUSE, FAULT, STEPS = range(6)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Back]]:
    """The app with real checks, and work that does as the seed says; a token, and one page elsewhere that may use it."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", f"{Path(__file__).parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    patch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("jobs")))
    limits = ApiLimits(photo_mib=1, video_mib=1, queue=4, upload_s=2, job_s=60)
    with (
        Jobs("limner.web.api.checks:work", limits=Limits(job_s=20)) as checks,
        Jobs("queue_work:api", limits=Limits(bound=4, per_client=2, job_s=60)) as jobs,
        serving.listen("127.0.0.1", 0) as bound,
    ):
        back = Back(checks=checks, jobs=jobs, limits=limits)
        app = api_app(back, origins=["https://page.example"], hosts=["127.0.0.1"])
        assert checks.wait_ready(600)
        assert jobs.wait_ready(600)
        server = uvicorn.Server(serving.config_of(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        yield bound.getsockname()[1], back
        server.should_exit = True
        thread.join()
    patch.undo()


def sent(port: int, seed: int, **more) -> str:
    status, headers, job = ask(port, "POST", f"/v1/smile?seed={seed}", GOOD, **more)
    assert status == 202, job
    assert headers["location"] == f"/v1/jobs/{job['id']}"
    return job["id"]


def test_a_photo_becomes_a_job_with_files(api):
    port, back = api
    id = sent(port, COPY)
    job = until(port, id, "done")
    assert job["error"] is None
    assert job["synthetic"].startswith("Synthetic")
    assert {file["name"] for file in job["files"]} == {"photo.npy", "about.json", "pid"}
    status, _, content = ask(port, "GET", f"/v1/jobs/{id}/files/photo.npy")
    assert status == 200
    (Path(back.jobs.folder) / "check.npy").write_bytes(content)
    assert np.load(Path(back.jobs.folder) / "check.npy", allow_pickle=False).shape == (
        200,
        200,
        3,
    )  # the work sees pixels, no file of a client
    for name in ("nothing", "..%2f..%2fetc%2fpasswd", "..%2fin%2fphoto.npy", "%2fetc%2fpasswd", "photo.npy%00", "../in/photo.npy"):
        assert ask(port, "GET", f"/v1/jobs/{id}/files/{name}")[0] == 404
    assert ask(port, "DELETE", f"/v1/jobs/{id}")[0] == 204
    assert ask(port, "GET", f"/v1/jobs/{id}")[0] == 404
    assert not (back.jobs.folder / id).exists()


@pytest.mark.parametrize(
    ("seed", "state", "error"), [(DIE, "failed", "died"), (REFUSE, "refused", "no face in it"), (FAULT, "failed", "ZeroDivisionError")]
)
def test_a_failing_job_says_so_and_the_next_goes_on(api, seed: int, state: str, error: str):
    port, _ = api
    id, after = sent(port, seed), sent(port, COPY)
    job = until(port, id, "failed", "refused", "done")
    assert job["state"] == state
    assert error in job["error"]
    assert until(port, after, "done", "failed")["state"] == "done"


def test_cancel_at_once_and_a_full_queue(api):
    port, back = api
    hanging = sent(port, HANG)
    until(port, hanging, "running")
    waiting = sent(port, COPY)
    status, headers, told = ask(port, "POST", "/v1/smile", GOOD)
    assert (status, headers["retry-after"]) == (429, "5")
    assert "2 of your jobs" in told["error"]
    more = [sent(port, COPY, source="127.0.0.2") for _ in range(2)]  # another client has room
    status, _, told = ask(port, "POST", "/v1/smile", GOOD, source="127.0.0.3")
    assert status == 429
    assert "the queue is full" in told["error"]
    assert ask(port, "GET", f"/v1/jobs/{waiting}")[2]["place"] == 1  # behind the first job of the client not served yet
    start = time.monotonic()
    assert ask(port, "POST", f"/v1/jobs/{hanging}/cancel")[2]["state"] == "cancelled"
    assert time.monotonic() - start < 1
    for id in (waiting, *more):
        assert until(port, id, "done", "failed")["state"] == "done"
    assert not list(back.checks.folder.glob("upload-*"))


def test_one_client_has_its_half_whatever_address_it_claims(api):
    port, back = api
    first = sent(port, HANG)
    until(port, first, "running")
    second = sent(port, COPY, **{"X-Forwarded-For": "192.0.2.1"})
    status, _, told = ask(port, "POST", "/v1/smile", GOOD, **{"X-Forwarded-For": "192.0.2.2"})
    assert (status, "2 of your jobs" in told["error"]) == (429, True)
    for id in (first, second):
        assert ask(port, "DELETE", f"/v1/jobs/{id}")[0] == 204
    head = b"POST /v1/smile HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc"
    slow = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(UPLOADS // 2)]
    try:
        for connection in slow:
            connection.sendall(head)
        end = time.monotonic() + 10
        while back.coming["127.0.0.1"] < UPLOADS // 2:
            assert time.monotonic() < end
            time.sleep(0.01)
        status, _, told = ask(port, "POST", "/v1/smile?seed=0", GOOD)
        assert (status, told["error"]) == (429, "too many uploads at once; try again in a moment")
        until(port, sent(port, COPY, source="127.0.0.2"), "done")  # another's photo comes through
    finally:
        for connection in slow:
            connection.close()
    end = time.monotonic() + 10
    while back.coming:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_uploads_too_large_cut_short_and_slow(api):
    port, back = api
    status, _, told = ask(port, "POST", SMILE, bytes(3 << 20))
    assert status == 413, told
    assert ask(port, "POST", "/v1/jobs/aaaaaaaa/cancel", bytes(10_000))[0] == 413
    with socket.create_connection(("127.0.0.1", port), timeout=30) as endless:
        endless.sendall(b"POST /v1/smile HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(17):
            endless.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")
        assert endless.recv(4096).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
        slow.sendall(b"POST /v1/smile HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc")
        assert slow.recv(4096).startswith(b"HTTP/1.1 408 ")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as half:
        half.sendall(b"POST /v1/smile HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as garbage:
        garbage.sendall(b"\0\1\2 no HTTP\r\n\r\n")
        assert garbage.recv(4096).startswith(b"HTTP/1.1 400 ")
    until(port, sent(port, COPY), "done")
    end = time.monotonic() + 10
    while list(back.checks.folder.glob("upload-*")):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_who_may_ask(api):
    port, back = api
    assert ask(port, "GET", "/v1/health", Host="evil.example")[0] == 421  # a name made to point here
    allowed = ask(port, "GET", "/v1/limits", Origin="https://page.example")[1]["access-control-allow-origin"]
    assert allowed == "https://page.example"
    assert ask(port, "GET", "/v1/limits", Origin="https://evil.example")[1]["access-control-allow-origin"] is None
    plain = api_app(back)
    with_token = api_app(Back(checks=back.checks, jobs=back.jobs, limits=back.limits, token="secret"))
    for app, more, expected in ((plain, {}, 404), (with_token, {}, 401), (with_token, {"authorization": "Bearer no"}, 401),
                                (with_token, {"authorization": "secret"}, 401), (with_token, {"authorization": "bearer secret"}, 404),
                                (with_token, {"authorization": "Bearer secret"}, 404)):  # fmt: skip
        status, headers, _ = direct(app, "/v1/jobs/aaaaaaaa", {"origin": "https://page.example", **more})
        assert status == expected
        assert b"access-control-allow-origin" not in headers  # CORS is off unless asked for
    assert direct(with_token, "/v1/health", {})[0] == 200


def direct(app, path: str, headers: dict[str, str]) -> tuple[int, dict[bytes, bytes], bytes]:
    """One GET of an ASGI app, without a server -> status, headers, body."""
    import asyncio

    said: list[dict] = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        said.append(message)

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "http_version": "1.1",
        "scheme": "http", "headers": [(k.encode(), v.encode()) for k, v in headers.items()], "client": ("127.0.0.1", 1),
        "server": ("x", 1), "root_path": "",
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return said[0]["status"], dict(said[0]["headers"]), b"".join(message.get("body", b"") for message in said[1:])


def test_a_motion_played_slowly_has_as_many_frames_as_are_rendered(api):
    port, _ = api
    status, _, told = ask(port, "POST", "/v1/move?motion=walking&speed=0.1", GOOD)
    assert status == 202, told  # 80 frames become 800
    assert ask(port, "DELETE", f"/v1/jobs/{told['id']}")[0] == 204
    motion = {"format": "limner-motion", "version": 1, "guide": "body", "fps": "25", "size": [64, 64]}
    frames = json.dumps({**motion, "frames": [[[float(k), 1.0] for k in range(18)]] * 800}).encode()
    status, _, sent_motion = ask(port, "POST", "/v1/motions", frames, kind="application/json")
    assert (status, sent_motion["frames"]) == (201, 800)
    status, _, told = ask(port, "POST", f"/v1/move?motion={sent_motion['motion']}&speed=0.5", GOOD)
    assert (status, told["error"].startswith("that may become 1600 frames; at most 1500")) == (422, True)
    assert ask(port, "POST", "/v1/move?motion=walking-backwards", GOOD)[0] == 400


def test_openapi_names_all_and_the_page_asks_nobody_else(api):
    port, back = api
    told = ask(port, "GET", "/openapi.json")[2]
    assert set(told["paths"]) == {
        "/v1/smile", "/v1/move", "/v1/render", "/v1/motions", "/v1/jobs/{id}", "/v1/jobs/{id}/cancel", "/v1/jobs/{id}/files/{name}",
        "/v1/limits", "/v1/health",
    }  # fmt: skip
    replies = told["paths"]["/v1/smile"]["post"]["responses"]
    assert replies["202"]["content"]["application/json"]["schema"]["$ref"].endswith("/JobReply")
    for status in ("401", "413", "415", "422", "429"):
        assert replies[status]["content"]["application/json"]["schema"]["$ref"].endswith("/Refusal"), status
    assert "HTTPValidationError" not in told["components"]["schemas"]  # every refusal is {"error": one line}
    assert "securitySchemes" not in told["components"]
    with_token = direct(api_app(Back(checks=back.checks, jobs=back.jobs, limits=back.limits, token="secret")), "/openapi.json", {})[2]
    assert json.loads(with_token)["components"]["securitySchemes"] == {"HTTPBearer": {"type": "http", "scheme": "bearer"}}
    job = ask(port, "GET", f"/v1/jobs/{sent(port, COPY)}")[2]
    assert set(job) <= set(told["components"]["schemas"]["JobReply"]["properties"])
    assert set(told["components"]["schemas"]["JobReply"]["required"]) <= set(job)
    for path in ("/", "/api.css", "/api.js"):
        status, headers, content = ask(port, "GET", path)
        assert status == 200
        assert b"https://" not in content
        assert "default-src 'none'" in headers["content-security-policy"]


def test_the_page_sends_a_photo(browser, api):
    port, _ = api
    page = browser.new_page(viewport={"width": 400, "height": 800})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"http://127.0.0.1:{port}/")
    page.click("summary:has-text('/v1/smile')")
    form = page.locator("details[open] form")
    form.locator("[name=body]").set_input_files({"name": "../../me.png", "mimeType": "image/png", "buffer": GOOD})
    form.locator("[name=seed]").fill("0")
    form.locator("button").click()
    page.wait_for_selector("details[open] pre:has-text('202')")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert all(url.startswith((f"http://127.0.0.1:{port}/", "data:")) for url in asked)
    page.close()
