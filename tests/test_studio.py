"""The studio without a browser: jobs in a real warm process, pages whose files go with them, curves in words, errors as in the terminal."""

from __future__ import annotations

import os
import signal
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from limner.web.studio import desk as desks
from limner.web.studio import html, plots
from limner.web.studio.desk import CANCELLED, DONE, FAILED, REFUSED, WORKING, Desk, Job
from limner.web.studio.sessions import MOST_RESULTS, Result, Sessions, plain_name

SMALL = {"modes": 2, "frames": 4, "size": 128, "renderer": "warp"}
LONG = {"modes": 2, "frames": 2000, "size": 512}


@pytest.fixture(scope="module")
def desk():
    """A desk with its process, warm once the first test has waited for it."""
    desk = Desk()
    yield desk
    desk.close()


def asked(photo: Path, out: Path, **settings) -> dict:
    return {"photo": photo, "name": "me", "out": out, "settings": {**SMALL, **settings}}


def over(job: Job, seconds: float = 240) -> Job:
    """The job once it is over."""
    end = time.monotonic() + seconds
    while not job.is_over and time.monotonic() < end:
        time.sleep(0.02)
    assert job.is_over, f"{job.state}, {job.stage} after {seconds} s"
    return job


def rendering(job: Job) -> Job:
    """The job once it renders."""
    while not job.is_over and job.stage != "rendering":
        time.sleep(0.02)
    assert job.state == WORKING, job.line
    return job


def test_a_smile_is_made_as_the_command_makes_it(desk, astronaut_png, tmp_path, limner):
    job = over(desk.submit("smile", asked(astronaut_png, tmp_path / "made")))
    assert job.state == DONE, job.line
    folder = job.answer["folder"]
    assert folder == tmp_path / "made" / "me"
    assert [np.array(curve).shape for curve in job.answer["curves"]] == [(4, 2), (4, 2)]
    options = [f"--{name}={value}" for name, value in SMALL.items()]
    assert limner("smile", astronaut_png, *options, "--out", tmp_path / "cli")[0] == 0
    for name in ("mode_1.mp4", "mode_2.mp4"):  # the same bits, from another process
        assert (folder / name).read_bytes() == (tmp_path / "cli" / "astronaut" / name).read_bytes()


def test_what_is_refused_is_the_terminals_line(desk, tmp_path, limner):
    grey = tmp_path / "grey.png"
    from PIL import Image

    Image.new("RGB", (300, 300), "grey").save(grey)
    job = over(desk.submit("smile", asked(grey, tmp_path / "made")))
    code, _, said = limner("smile", grey, "--out", tmp_path / "cli")
    assert (job.state, code) == (REFUSED, 2)
    assert job.line in said[-1]
    assert not (tmp_path / "made").exists()
    job = over(desk.submit("smile", asked(grey, tmp_path / "made", intensity=9)))
    assert job.line == "intensity is 9; it must lie between 0 and 2"


def test_cancel_is_at_once_and_leaves_nothing(desk, astronaut_png, tmp_path):
    job = rendering(desk.submit("smile", asked(astronaut_png, tmp_path / "made", **LONG)))
    waiting = desk.submit("smile", asked(astronaut_png, tmp_path / "next"))
    assert desk.ahead_of(waiting) == 1
    start = time.monotonic()
    desk.cancel(job)
    assert job.state == CANCELLED
    assert time.monotonic() - start < 0.5
    assert over(waiting).state == DONE  # the next goes on
    assert not (tmp_path / "made").exists()


def test_a_worker_that_dies_fails_its_job_alone(desk, astronaut_png, tmp_path):
    job = rendering(desk.submit("smile", asked(astronaut_png, tmp_path / "made", **LONG)))
    waiting = desk.submit("smile", asked(astronaut_png, tmp_path / "next"))
    before = desk.process_id
    os.kill(before, signal.SIGKILL)
    assert over(job).state == FAILED
    assert job.line == desks.DIED
    assert over(waiting).state == DONE
    assert desk.process_id != before


def test_a_job_that_does_not_listen_ends_with_its_process(monkeypatch, desk, astronaut_png, tmp_path):
    monkeypatch.setattr(desks, "GRACE_S", 0.0)
    before = desk.process_id
    job = rendering(desk.submit("smile", asked(astronaut_png, tmp_path / "made", **LONG)))
    desk.cancel(job)
    assert over(desk.submit("smile", asked(astronaut_png, tmp_path / "next"))).state == DONE
    assert desk.process_id != before


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("Mein Bild (3).JPG", "Mein_Bild_3"),
        ("../../etc/passwd", "passwd"),
        ("....", "photo"),
        (None, "photo"),
        ("x" * 90 + ".png", "x" * 40),
    ],
)
def test_names_from_outside_become_plain(given, plain):
    assert plain_name(given) == plain


def test_files_go_with_their_page(desk):
    sessions = Sessions(desk)
    try:
        one, other = sessions.of("one"), sessions.of("other")
        place = one.place()
        (place / "a.txt").write_text("a")
        key = one.url(place / "a.txt").split("/")[1]
        assert sessions.file(key) == place / "a.txt"
        assert one.url(place / "a.txt").split("/")[1] == key
        assert sessions.file("../" + key) is None
        shared, own = sessions.uploads / "h1" / "x.png", sessions.uploads / "h2" / "y.png"
        for path in (shared, own):
            path.parent.mkdir()
            path.write_bytes(b"x")
        for page, path in (("one", shared), ("other", shared), ("one", own), ("one", Path("/etc/hosts"))):
            sessions.hold(page, str(path))
        sessions.close("one")
        assert sessions.file(key) is None
        assert not one.folder.exists()
        assert shared.exists()  # the other page still has it
        assert not own.parent.exists()
        sessions.close("other")
        assert not shared.exists()
        assert not other.folder.exists()
    finally:
        sessions.close_all()
    assert not sessions.folder.exists()


def test_the_oldest_result_goes_first(desk):
    sessions = Sessions(desk)
    session = sessions.of("page")
    places = [session.place() for _ in range(MOST_RESULTS + 1)]
    for place in places:
        (place / "v.mp4").write_bytes(b"v")
        session.url(place / "v.mp4")
        session.add(Result(title=place.name, kind="smile", folder=place, videos=[place / "v.mp4"], told={}))
    assert [place.exists() for place in places] == [False] + [True] * MOST_RESULTS
    assert len(session.files) == MOST_RESULTS
    sessions.close_all()


def test_curves_are_drawn_true_and_told_in_words():
    curve = np.array([0.0, 1.0, 4.0, 2.0])
    svg = plots.plot([curve], ["mode <1>"], Fraction(2), "AU12")
    assert "mode &lt;1&gt;: from 0.0 to 2.0, highest 4.0 at 1.0 s" in svg
    points = [tuple(map(float, pair.split(","))) for pair in svg.split('points="')[1].split('"')[0].split()]
    left, right, low, high = plots.LEFT, plots.WIDTH - plots.RIGHT, plots.HEIGHT - plots.BOTTOM, plots.TOP
    third = (right - left) / 3
    expected = [(left, low), (left + third, low - (low - high) / 4), (left + 2 * third, high), (right, (low + high) / 2)]
    np.testing.assert_allclose(points, expected, atol=0.06)


def test_words_from_outside_are_escaped():
    job = Job("smile", {}, state=REFUSED, line="<script>.png is not a picture")
    assert "<script>" not in html.status(job, 0)
    assert 'role="alert">limner: &lt;script&gt;.png is not a picture' in html.status(job, 0)


def test_a_port_in_use_is_refused_in_one_line(limner):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, said = limner("studio", "--port", port)
    assert code == 2
    assert said == [f"limner: cannot listen on 127.0.0.1:{port}: Address already in use; name another with --port or --host"]
