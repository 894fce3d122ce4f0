"""The studio without a browser: jobs in a real warm process, pages whose files go with them, curves in words, errors as in the terminal."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from limner.guides.face import GUIDE
from limner.media.motion import read_motion
from limner.media.pictures import read_picture, write_png
from limner.media.video import read_tags
from limner.types import InputError, Motion
from limner.web.engines import Engines
from limner.web.job import CANCELLED, DONE, REFUSED, Job
from limner.web.studio import html, plots
from limner.web.studio.edits import Drag, Edits, apply_edits, parse_edits
from limner.web.studio.floor import Floor
from limner.web.studio.rooms.data import found
from limner.web.studio.sessions import MOST_RESULTS, Result, Sessions, plain_name
from limner.web.studio.tasks import TASKS

SMALL = {"modes": 2, "frames": 4, "size": 128, "renderer": "warp"}
LONG = {"modes": 2, "frames": 2000, "size": 512}


@pytest.fixture(scope="module")
def floor():
    """A queue with the studio's own process, which gets warm while the first test waits for it."""
    floor = Floor()
    yield floor
    floor.close()


def smile(floor: Floor, photo: Path, out: Path, **settings) -> str:
    """A small smile, put into the queue."""
    asked = {"photo": str(photo), "name": "me", "out": str(out), "settings": {**SMALL, **settings}}
    return floor.jobs.submit("smile", asked, {})


def answer_of(floor: Floor, id: str) -> tuple[Job, dict]:
    """The job once it is over, and its answer, as a page follows it."""

    async def last():
        async for said in floor.follow(id):  # noqa: B007
            pass
        return said

    return asyncio.run(asyncio.wait_for(last(), 240))


def test_a_smile_is_made_as_the_command_makes_it(floor, astronaut_png, tmp_path, limner):
    job, answer = answer_of(floor, smile(floor, astronaut_png, tmp_path / "made"))
    assert job.state == DONE, job.error
    folder = tmp_path / "made" / "me"
    assert answer["folder"] == str(folder)
    assert [np.array(curve).shape for curve in answer["curves"]] == [(4, 2), (4, 2)]
    options = [f"--{name}={value}" for name, value in SMALL.items()]
    assert limner("smile", astronaut_png, *options, "--out", tmp_path / "cli")[0] == 0
    for name in ("mode_1.mp4", "mode_2.mp4"):  # the same bits, from another process
        assert (folder / name).read_bytes() == (tmp_path / "cli" / "astronaut" / name).read_bytes()


def test_what_is_refused_is_the_terminals_line(floor, tmp_path, limner):
    write_png(tmp_path / "grey.png", np.full((300, 300, 3), 128, np.uint8))
    job, answer = answer_of(floor, smile(floor, tmp_path / "grey.png", tmp_path / "made"))
    code, _, said = limner("smile", tmp_path / "grey.png", "--out", tmp_path / "cli")
    assert (job.state, code, answer) == (REFUSED, 2, {})
    assert job.error in said[-1]
    assert not (tmp_path / "made").exists()
    job, _ = answer_of(floor, smile(floor, tmp_path / "grey.png", tmp_path / "made", intensity=9))
    assert job.error == "intensity is 9; it must lie between 0 and 2"


def test_cancel_is_at_once_and_leaves_nothing(floor, astronaut_png, tmp_path):
    id = smile(floor, astronaut_png, tmp_path / "made", **LONG)
    assert floor.jobs.wait(id, 240, until=lambda job: job.stage == "rendering").stage == "rendering"
    waiting = smile(floor, astronaut_png, tmp_path / "next")
    start = time.monotonic()
    floor.jobs.cancel(id)
    assert floor.jobs.view(id).state == CANCELLED
    assert time.monotonic() - start < 0.5
    assert answer_of(floor, waiting)[0].state == DONE  # the next goes on
    assert not (tmp_path / "made").exists()


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


def test_files_go_with_their_page(floor):
    sessions = Sessions(floor.jobs)
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


def test_the_oldest_result_goes_first(floor):
    sessions = Sessions(floor.jobs)
    session = sessions.of("page")
    places = [session.place() for _ in range(MOST_RESULTS + 1)]
    for place in places:
        (place / "v.mp4").write_bytes(b"v")
        session.url(place / "v.mp4")
        kept = {"names": ["video"], "videos": [place / "v.mp4"], "motions": [], "photo": place / "photo", "name": "me"}
        session.add(Result(title=place.name, kind="smile", folder=place, fps=25, **kept))
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
    job = Job("id", "", "smile", {}, Path(), 0.0, state=REFUSED, error="<script>.png is not a picture")
    assert "<script>" not in html.status(job)
    assert 'role="alert">limner: &lt;script&gt;.png is not a picture' in html.status(job)


def still_motion(num: int = 5) -> Motion:
    """The mean face at 100 px between the eyes, in a picture of 400; every point moves 1 px right a frame."""
    points = np.repeat(GUIDE.canonical[None] * 100 + 200, num, 0) + np.arange(num)[:, None, None] * np.array([1.0, 0.0])
    confidence = np.ones((num, 68), np.float32)
    return Motion(guide="face", points=points.astype(np.float32), confidence=confidence, fps=Fraction(25), size=(400, 400))


def test_edits_do_what_they_say():
    motion = still_motion()
    assert apply_edits(motion, Edits()).points == pytest.approx(motion.points)
    assert apply_edits(motion, Edits(strength=2)).points[3, 0] - motion.points[0, 0] == pytest.approx([6, 0], abs=1e-4)
    slower = apply_edits(motion, Edits(speed=0.5))
    assert slower.num_frames == 9
    assert slower.points[:, 10, 0] - motion.points[0, 10, 0] == pytest.approx(np.arange(9) / 2, abs=1e-4)
    assert apply_edits(motion, Edits(speed=4)).num_frames == 2
    other = replace(still_motion(3), size=(200, 200))  # its pixels are twice as large, and it has fewer frames
    half = apply_edits(motion, Edits(mix=0.5, other=1), other)
    assert half.points[0] == pytest.approx(1.5 * motion.points[0], abs=1e-3)
    assert half.points[2] == pytest.approx((motion.points[2] + 2 * other.points[1]) / 2, abs=1e-3)


def test_a_drag_takes_along_what_is_near_in_place_and_time():
    motion = replace(still_motion(), points=np.repeat(still_motion().points[:1], 5, 0))
    drag = Drag(frame=2, point=54, dx=10, dy=-4, reach=0.1, spread=1)
    moved = apply_edits(motion, Edits(drags=(drag,))).points - motion.points
    assert moved[2, 54] == pytest.approx([10, -4], abs=1e-4)
    assert moved[3, 54] == pytest.approx(np.exp(-0.5) * np.array([10, -4]), abs=1e-4)
    away = np.linalg.norm(motion.points[0, 53] - motion.points[0, 54]) / (0.1 * 100)
    assert moved[2, 53] == pytest.approx(np.exp(-0.5 * away**2) * np.array([10, -4]), abs=1e-3)
    assert np.abs(moved[2, 0]).max() < 1e-3  # the other end of the jaw


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"strength": 3}',
        '{"strength": NaN}',
        '{"speed": true}',
        '{"drags": [{"frame": 0, "point": 68, "dx": 1, "dy": 1}]}',
        '{"drags": [1]}',
        '{"other": "1"}',
        "x" * 200_000,
        "[" * 50_000,
    ],
)
def test_edits_from_outside_are_refused_in_one_line(text):
    with pytest.raises(InputError, match=r"^the edits cannot be read \(.*\); reset them$") as refused:
        parse_edits(text)
    assert len(str(refused.value)) < 200


def test_edits_are_read_as_they_are_sent():
    drag = {"frame": 3, "point": 54, "dx": 2.5, "dy": -1, "reach": 0.2, "spread": 2}
    sent = {"mix": 0.5, "other": 1, "strength": 1.2, "speed": 0.5, "drags": [drag]}
    assert parse_edits(json.dumps(sent)) == Edits(mix=0.5, other=1, strength=1.2, speed=0.5, drags=(Drag(**drag),))
    assert parse_edits("").nothing
    with pytest.raises(InputError, match="401 drags; at most 400"):
        parse_edits(json.dumps({"drags": [drag] * 401}))


@pytest.fixture(scope="module")
def bench(engine):
    """The worker's engines, in this process."""
    bench = Engines()
    bench.__dict__["faces"] = engine
    return bench


def done(bench: Engines, task: str, **settings) -> dict:
    """The task's answer, done here; it must have said how far it was."""
    stages: list[str] = []
    as_sent = json.loads(json.dumps(settings, default=str))
    answer = TASKS[task](bench, lambda stage, done, total: stages.append(stage), **as_sent)
    assert stages
    return json.loads(json.dumps(answer, default=str))


def test_a_photo_is_driven_and_its_motion_edited(bench, astronaut_png, tmp_path):
    told = done(bench, "drive", photo=astronaut_png, name="me", driver=None, out=tmp_path / "a", size=128, renderer="warp")
    motion = read_motion(tmp_path / "a" / "video.motion.json")
    assert (told["frames"], told["sound"]) == (motion.num_frames, False)
    assert np.array(told["curves"][0])[:, 1].max() > 1  # it smiles
    drag = Drag(frame=4, point=54, dx=0, dy=-6, reach=0.2, spread=3)
    edits = Edits(speed=2, drags=(drag,))
    again = {"photo": astronaut_png, "name": "me", "motions": [tmp_path / "a" / "video.motion.json"], "renderer": "warp"}
    told = done(bench, "edit", **again, edits=json.dumps(asdict(edits)), out=tmp_path / "b")
    changed = read_motion(tmp_path / "b" / "video.motion.json")
    assert told["how"] == "the photo's own motion"
    assert changed.num_frames == round((motion.num_frames - 1) / 2) + 1
    assert changed.points == pytest.approx(apply_edits(motion, edits).points, abs=1e-3)
    assert "Synthetic" in read_tags(tmp_path / "b" / "video.mp4")["comment"]


def test_a_driver_that_is_none_is_refused(bench, astronaut_png, tmp_path):
    (tmp_path / "driver.mp4").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"driver\.mp4 is not a video that can be read"):
        done(bench, "drive", photo=astronaut_png, name="me", driver=tmp_path / "driver.mp4", out=tmp_path / "made", size=128)
    assert not (tmp_path / "made").exists()


def test_a_store_and_a_run_are_found_and_opened(bench, tmp_path, limner):
    assert limner("prepare", "smiles", tmp_path / "stores" / "few", "--people", 10)[0] == 0
    (tmp_path / "stores" / ".hidden").mkdir()
    assert found([tmp_path]) == {f"{tmp_path.name}/stores/few": tmp_path / "stores" / "few"}
    (tmp_path / "out").mkdir()
    told = done(bench, "look", path=tmp_path / "stores" / "few", out=tmp_path / "out", points=False)
    assert any("clips" in line for line in told["lines"])
    assert read_picture(tmp_path / "out" / "sheet.png").pixels.std() > 5


def test_the_words_of_the_last_second_stay_in_the_picture():
    svg = plots.plot([np.zeros(20)], ["video"], Fraction(25), "AU6")  # 0.76 s
    assert f'<text x="{plots.WIDTH - 1:.1f}" y="{plots.HEIGHT - 12}" text-anchor="end">0.75 s</text>' in svg
    assert svg.count('text-anchor="middle"') == 3
