"""The HTTP API over real sockets: its queue with work that dies, hangs and refuses; then the command itself, a photo to its videos."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed (pip install 'limner[serve]')")
import uvicorn

from browser import Served
from hostile_uploads import SMILE, encoded, uploads
from limner.media.video import read_tags
from limner.web import serving
from limner.web.api.back import Back
from limner.web.api.limits import ApiLimits
from limner.web.api.server import api_app
from limner.web.job import Limits
from limner.web.jobs import Jobs

GOOD = encoded("PNG")
COPY, HANG, DIE, REFUSE, FAULT, STEPS = range(6)


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
        app = api_app(Back(checks=checks, jobs=jobs, limits=limits), origins=["https://page.example"], hosts=["127.0.0.1"])
        assert checks.wait_ready()
        assert jobs.wait_ready()
        server = uvicorn.Server(uvicorn.Config(app, http=serving.Patient, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        yield bound.getsockname()[1], Back(checks=checks, jobs=jobs, limits=limits)
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
                                (with_token, {"authorization": "Bearer secret"}, 404)):  # fmt: skip
        status, headers = direct(app, "/v1/jobs/aaaaaaaa", {"origin": "https://page.example", **more})
        assert status == expected
        assert b"access-control-allow-origin" not in headers  # CORS is off unless asked for
    assert direct(with_token, "/v1/health", {})[0] == 200


def direct(app, path: str, headers: dict[str, str]) -> tuple[int, dict[bytes, bytes]]:
    """One GET of an ASGI app, without a server."""
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
    return said[0]["status"], dict(said[0]["headers"])


def test_openapi_names_all_and_the_page_asks_nobody_else(api):
    port, _ = api
    told = ask(port, "GET", "/openapi.json")[2]
    assert set(told["paths"]) == {
        "/v1/smile", "/v1/move", "/v1/render", "/v1/motions", "/v1/jobs/{id}", "/v1/jobs/{id}/cancel", "/v1/jobs/{id}/files/{name}",
        "/v1/limits", "/v1/health",
    }  # fmt: skip
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


# The command


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served("serve", "--queue", 6, "--frames", 200) as server:
        yield server


def test_a_hundred_hostile_uploads(served: Served):
    made = uploads(GOOD)
    assert len(made) >= 100
    for what, path, kind, body in made:
        start = time.monotonic()
        status, _, told = ask(served.port, "POST", path, body, kind=kind)
        took = time.monotonic() - start
        assert 400 <= status < 500, (what, status, told)
        assert took <= 2, (what, took)
        assert isinstance(told["error"], str), what
        assert "\n" not in told["error"], what
        assert not any(word in told["error"] for word in ("/tmp", "limner-jobs", "Traceback", "fault of ours")), (what, told)
    assert ask(served.port, "GET", "/v1/health")[2] == {"queued": 0, "running": 0, "kept": 0, "workers": 1}


def test_the_example_client_gets_smiles_and_render_takes_their_motion(served: Served, astronaut_png: Path, tmp_path: Path):
    example = Path(__file__).parents[1] / "examples" / "client.py"
    asked = ["--server", served.url, "--out", str(tmp_path), "--modes", "1", "--size", "128"]
    command = [sys.executable, str(example), str(astronaut_png), *asked]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} >= {"mode_1.mp4", "mode_1.motion.json", "sheet.png", "curves.png", "result.json"}
    assert read_tags(tmp_path / "mode_1.mp4")["comment"].startswith("Synthetic")
    assert json.loads((tmp_path / "result.json").read_text())["settings"]["modes"] == 1
    assert ask(served.port, "GET", "/v1/health")[2]["kept"] == 0  # the example deletes what it fetched
    status, _, told = ask(served.port, "POST", "/v1/motions", (tmp_path / "mode_1.motion.json").read_bytes(), kind="application/json")
    assert (status, told["guide"]) == (201, "face")
    photo = astronaut_png.read_bytes()
    status, _, job = ask(served.port, "POST", f"/v1/render?motion={told['motion']}&size=128&renderer=warp", photo)
    assert status == 202, job
    job = until(served.port, job["id"], "done", "failed", "refused")
    assert job["state"] == "done", job
    assert {file["name"] for file in job["files"]} == {"video.mp4", "video.motion.json", "result.json"}
    flat = encoded("PNG", (128, 128))
    status, _, job = ask(served.port, "POST", SMILE, flat)
    assert until(served.port, job["id"], "refused", "done", "failed")["state"] == "refused"  # noise has no face


def test_move_by_name_and_render_by_a_video(served: Served, shared: Path, smiling: np.ndarray, astronaut_png: Path, tmp_path: Path):
    from fractions import Fraction

    from limner.media.video import VideoWriter

    person = (shared / "data" / "annotations" / "coco" / "000000000785.jpg").read_bytes()
    status, _, moved = ask(served.port, "POST", "/v1/move?motion=walking&size=128", person, kind="image/jpeg")
    assert status == 202, moved
    with VideoWriter(tmp_path / "friend.mp4", fps=Fraction(25), size=(300, 300)) as writer:
        for frame in smiling[::5]:
            writer.write(np.ascontiguousarray(frame))
    status, _, told = ask(served.port, "POST", "/v1/motions", (tmp_path / "friend.mp4").read_bytes(), kind="video/mp4")
    assert (status, told["frames"]) == (201, len(smiling[::5]))
    query = f"motion={told['motion']}&size=128&renderer=warp"
    status, _, rendered = ask(served.port, "POST", f"/v1/render?{query}", astronaut_png.read_bytes())
    assert status == 202, rendered
    for job, video in ((moved, "move.mp4"), (rendered, "video.mp4")):
        ended = until(served.port, job["id"], "done", "failed", "refused")
        assert ended["state"] == "done", ended
        assert ended["done"] == ended["total"]
        (url,) = [file["url"] for file in ended["files"] if file["name"] == video]
        (tmp_path / video).write_bytes(ask(served.port, "GET", url)[2])
        assert read_tags(tmp_path / video)["comment"].startswith("Synthetic")


def test_what_cannot_be_served_is_said(limner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LIMNER_TOKEN", raising=False)
    code, _, errors = limner("serve", "--host", "0.0.0.0")
    assert code == 2
    assert errors[0].startswith("limner: others reach 0.0.0.0: set a token in LIMNER_TOKEN")
    wrong_ones = {"--queue=0": "queue is 0", "--cors=page": "an origin is written as", "--port=99999": "a port lies in"}
    for wrong, words in {**wrong_ones, "--workers=0": "at least 1"}.items():
        code, _, errors = limner("serve", wrong)
        assert code == 2
        assert words in errors[0]
