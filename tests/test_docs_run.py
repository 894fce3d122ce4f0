"""What the documentation says is really done: its five minutes, its motions, its third guide, its data set, its Python; small, in seconds.

What takes minutes even so is done by tests/test_docs_long.py.
"""

from __future__ import annotations

import shutil
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import limner as package
from doc_commands import person, python_blocks, run_all
from limner.media.video import VideoWriter


def test_five_minutes(place: Path, limner, astronaut: np.ndarray, smiling: np.ndarray):
    """docs/start.md, every limner command in its order. you are the mirror image of me; the friend is a rendered smile."""
    for name, pixels in (("me", astronaut), ("you", astronaut[:, ::-1]), ("person", person())):
        Image.fromarray(pixels).save(f"{name}.jpg", quality=95)
    with VideoWriter(place / "friend.mp4", fps=Fraction(25), size=(300, 300)) as writer:
        for frame in smiling[::4]:
            writer.write(np.ascontiguousarray(frame))
    done = run_all("docs/start.md", limner)
    assert len(done) >= 12
    made = (
        "limner-out/me/compare.mp4",
        "posed/me/mode_6.mp4",
        "loops/me/mode_1.gif",
        "limner-out/you_mode_2.mp4",
        "limner-out/you_friend.mp4",
    )
    for path in (*made, "limner-out/person/move.mp4", "motion.png"):
        assert (place / path).stat().st_size > 500, path


def test_motions(place: Path, limner, astronaut: np.ndarray, smiling: np.ndarray):
    """docs/howto/motions.md: every command; what dances is the person of the page's own `limner move`, filmed."""
    from test_poses import small

    for name, pixels in (("me", astronaut), ("you", astronaut[:, ::-1]), ("person", person())):
        Image.fromarray(pixels).save(f"{name}.jpg", quality=95)
    with VideoWriter(place / "friend.mp4", fps=Fraction(25), size=(300, 300)) as writer:
        for frame in smiling[::8]:
            writer.write(np.ascontiguousarray(frame))
    (place / "dance.bvh").write_text(small())
    assert limner("move", "person.jpg", "--motion", "two-hand-waving", "--size", "384", "--speed", "4", "--out", "filmed")[0] == 0
    shutil.copy("filmed/person/move.mp4", "dance.mp4")
    assert len(run_all("docs/howto/motions.md", limner)) == 9
    for path in ("dance.csv", "mocap.motion.json", "limner-out/person/move.mp4", "jacks/person/move.mp4"):
        assert (place / path).stat().st_size > 200, path


def test_a_third_guide_is_one_file(place: Path, limner, monkeypatch: pytest.MonkeyPatch):
    """docs/howto/guide.md: the file of the page, put where guides are found, then every command; fewer and smaller steps."""
    from limner import guides
    from test_guides import test_guide_is_sound

    code = python_blocks("docs/howto/guide.md")
    (place / "guides").mkdir()
    (place / "guides" / "hand.py").write_text(code["src/limner/guides/hand.py"])
    monkeypatch.setattr(guides, "__path__", [*guides.__path__, str(place / "guides")])
    monkeypatch.delitem(sys.modules, "limner.guides.hand", raising=False)
    hand = guides.load("hand")
    assert guides.names() == ["body", "face", "hand"]
    test_guide_is_sound("hand")
    assert {i for line in hand.lines.values() for i in line} == set(range(21))
    exec(compile(code["make_hands.py"], "make_hands.py", "exec"), {"__name__": "__main__"})
    small = "runs/hands --set steps=[2] --set batch=3 --set widths=[4,8,8,8,8,8] --set critic_widths=[4,8,8,8]"
    instead = {"runs/hands --set": f"{small} --set", "train translation ": "train translation-tiny "}
    done = run_all("docs/howto/guide.md", limner, instead=instead)
    assert len(done) == 6
    from limner.data.store import Store

    made = Store(place / "stores" / "moved")
    assert {row["label"] for row in made.table.to_pylist()} == {"open", "close"}
    assert made[0].points.shape == (16, 21, 2)
    sys.modules.pop("limner.guides.hand", None)


def test_a_store_of_ones_own(place: Path, limner):
    """docs/howto/dataset.md: the script of the page on three small clips; what comes of it is a store that a recipe takes."""
    rng = np.random.default_rng(0)
    (place / "mydata").mkdir()
    for name in ("anna_walking_1", "ben_walking_1", "cleo_running_1"):
        joints = rng.uniform(8, 56, (6, 18, 2)).astype(np.float32)
        np.savez(place / "mydata" / f"{name}.npz", frames=rng.integers(0, 255, (6, 64, 64, 3), np.uint8), joints=joints)
    (code,) = python_blocks("docs/howto/dataset.md").values()
    exec(compile(code, "dataset.md", "exec"), {"__name__": "__main__"})
    done = run_all("docs/howto/dataset.md", limner, skip=("prepare",))
    assert len(done) == 2
    assert (place / "own.png").stat().st_size > 1000


def test_the_python_of_the_pages(place: Path, astronaut: np.ndarray):
    """docs/api.md and docs/howto/motions.md, as they stand; README.md has the first block of api.md."""
    Image.fromarray(astronaut[:300, 80:380]).save("me.jpg", quality=95)
    shutil.copy("me.jpg", "you.jpg")
    Image.fromarray(person()).save("person.jpg", quality=95)
    for page in ("docs/api.md", "docs/howto/motions.md"):
        for code in python_blocks(page).values():
            exec(compile(code, page, "exec"), {"__name__": "__main__"})
    for path in ("smile.mp4", "you.gif", "moved/person/move.mp4", "mixed.mp4", "mixed.motion.json"):
        assert (place / path).stat().st_size > 500
    assert issubclass(package.InputError, ValueError)
