"""`limner serve` as it is: hostile uploads, a photo to its videos, the options."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed (pip install 'limner[serve]')")

from api_client import ask, until
from browser import Served
from doc_commands import ROOT, commands, python_blocks
from hostile_uploads import SMILE, encoded, uploads
from limner.media.video import read_tags
from limner.types import InputError

GOOD = encoded("PNG")


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served("serve", "--queue", 6, "--frames", 200) as server:
        yield server


def peaks_mb(server: int) -> dict[int, float]:
    """The most memory that the server and its processes have held, in MB, by process; {} where the system does not tell."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):  # it has ended
            told = dict(line.split(":", 1) for line in path.read_text().splitlines())
            if server in (int(told["Pid"]), int(told["PPid"])) and "VmHWM" in told:
                found[int(told["Pid"])] = int(told["VmHWM"].split()[0]) / 1024
    return found


def test_a_hundred_hostile_uploads(served: Served):
    made, before = uploads(GOOD), peaks_mb(served.process.pid)
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
    after = peaks_mb(served.process.pid)
    assert set(after) == set(before)  # none of them died of it
    assert all(after[process] - before[process] < 100 for process in after), (before, after)


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


def test_the_pages_own_commands_and_client(served: Served, astronaut_png: Path, place: Path, capsys: pytest.CaptureFixture[str]):
    """docs/howto/serving.md as it stands, but for the port and the size; examples/client.py is run above."""
    shutil.copy(astronaut_png, "me.jpg")  # what a file is called says nothing
    kept = ask(served.port, "GET", "/v1/health")[2]["kept"]
    page, smaller = "docs/howto/serving.md", "modes=1&size=128&renderer=warp"
    (curl,) = [command for command in commands(ROOT / page) if command.startswith("curl")]
    if shutil.which("curl"):
        words = shlex.split(curl.replace("http://127.0.0.1:8760", served.url).replace("modes=3", smaller))
        job = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
        assert ask(served.port, "DELETE", f"/v1/jobs/{job['id']}")[0] == 204
    (code,) = python_blocks(page).values()
    exec(code.replace("http://127.0.0.1:8760", served.url).replace("modes=3", smaller), {"__name__": "__main__"})
    assert capsys.readouterr().out == "done None\n"
    assert Path("mode_1.mp4").stat().st_size > 500
    assert ask(served.port, "GET", "/v1/health")[2]["kept"] == kept


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
    code, _, errors = limner("serve", "--proxy", "127.0.0.1")  # who comes through a proxy is not of this machine
    assert (code, errors[0].startswith("limner: a proxy lets others in: set a token in LIMNER_TOKEN")) == (2, True)
    monkeypatch.setenv("LIMNER_TOKEN", "geheim-ß")
    code, _, errors = limner("serve")
    assert (code, "no header can carry" in errors[0]) == (2, True)
    monkeypatch.setenv("LIMNER_TOKEN", "secret\n")
    wrong_ones = {"--queue=0": "queue is 0", "--cors=page": "an origin is written as", "--port=99999": "a port lies in"}
    wrong_ones |= {"--proxy=nginx": "an address or a network", "--proxy=10.0.0.1/8": "an address or a network"}
    for wrong, words in {**wrong_ones, "--workers=0": "at least 1"}.items():
        code, _, errors = limner("serve", wrong)
        assert code == 2
        assert words in errors[0]


def test_as_many_modes_are_taken_as_the_shipped_model_has():
    from limner.papers.load import load_motion_model
    from limner.web.api.limits import ApiLimits

    assert load_motion_model(modes=ApiLimits().modes).max_modes == ApiLimits().modes
    with pytest.raises(InputError, match="were trained"):
        load_motion_model(modes=ApiLimits().modes + 1)


def test_a_server_that_can_make_nothing_says_so_at_its_start(tmp_path: Path):
    """A mediapipe that is broken: known before the first client comes, not by each job."""
    (tmp_path / "mediapipe").mkdir()
    (tmp_path / "mediapipe" / "__init__.py").write_text("raise ImportError('broken')")
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    command = [sys.executable, "-m", "limner", "serve", "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False, env={**os.environ, "PYTHONPATH": path})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "limner: the processes that do the jobs do not start; limner doctor says what is wrong\n"
