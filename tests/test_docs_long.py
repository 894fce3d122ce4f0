"""What the documentation says and takes minutes even on small data is really done: own videos, scores, a study, the papers' tables."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import Served
from doc_commands import person, run_all
from limner.media.video import VideoWriter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
SPLITS = {"anna": "train", "ben": "val", "cleo": "test"}
FACES_20 = {"--people 20 --limit 80": "--people 10"}  # the ninth is for validation, the tenth for the test


def films(folder: Path, frames: np.ndarray, labels: tuple[str, ...]) -> None:
    """The same film of three people under each label, and a table that says who is training and who is test."""
    rows = ["file,split"]
    height, width = frames[0].shape[:2]
    for who, split in SPLITS.items():
        for label in labels:
            path = folder / who / label / "1.mp4"
            path.parent.mkdir(parents=True)
            with VideoWriter(path, fps=Fraction(25), size=(width, height)) as writer:
                for frame in frames:
                    writer.write(np.ascontiguousarray(frame))
        rows.append(f"{who}/{labels[0]}/1.mp4,{split}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def test_own_videos(place: Path, limner, smiling: np.ndarray, astronaut: np.ndarray):
    """docs/howto/videos.md from films to a trained model and its smiles, with the tiny recipes; the films are rendered."""
    from limner.media.video import read_video

    films(place / "videos", smiling, ("posed", "spontaneous"))
    Image.fromarray(person()).save("person.jpg", quality=95)
    assert limner("move", "person.jpg", "--motion", "two-hand-waving", "--size", "256", "--out", "filmed")[0] == 0
    films(place / "actions", np.stack(list(read_video(place / "filmed" / "person" / "move.mp4")[1])), ("waving",))
    Image.fromarray(astronaut).save("me.jpg", quality=95)
    tiny = {
        "train cmmnet ": "train cmmnet-tiny ",
        "scgan-siamese ": "scgan-siamese-tiny ",
        "size=64": "size=32",
        "--people 200": "--people 10",
    }
    assert len(run_all("docs/howto/videos.md", limner, instead=tiny)) == 14
    assert (place / "mine" / "me" / "compare.mp4").stat().st_size > 1000


def test_strips(place: Path, limner, shared: Path):
    """docs/howto/dataset.md's strips, of real people, two of them; the other data sets of the page are other tests' (test_docs.RUN_BY)."""
    (place / "weizmann").mkdir()
    for name in ("wave_two_hands_03", "wave_two_hands_04"):
        shutil.copy(shared / "data" / "bodies" / "weizmann64" / f"{name}.png", "weizmann")
    others = ("prepare uva-nemo", "prepare disfa", "prepare kth", "prepare human36m", "inspect", "train")
    assert run_all("docs/howto/dataset.md", limner, skip=others) == ["prepare strips weizmann stores/strips --test 03"]
    from limner.data.store import Store

    assert set(Store(place / "stores" / "strips").table["split"].to_pylist()) == {"train", "test"}


def test_scores_and_a_study(place: Path, limner):
    """docs/howto/evaluate.md and study.md: generated clips of few people scored; two raters answer every pair; the report."""
    (place / "stores").mkdir()
    for name, of in (("mine", "faces"), ("made", "ours"), ("gan", "ours")):
        (place / "stores" / name).symlink_to(of)
    assert len(run_all("docs/howto/evaluate.md", limner, instead=FACES_20)) == 4
    for folder in ("scores", "compared"):
        assert (place / folder / "index.html").stat().st_size > 10_000
    shutil.copytree(place / "stores" / "ours", place / "stores" / "made2")

    def serve(parts: list[str]) -> None:
        from test_study_page import Client

        with Served(*parts) as server:
            client = Client(server)
            for task in client.tasks:
                client.ask("PUT", f"/api/answers/{task['id']}", {"choice": "left"})

    assert len(run_all("docs/howto/study.md", limner, serve=serve, instead={"report study": "report study --keep-all"})) == 6
    assert (place / "report" / "votes.csv").read_text().count("\n") > 2


def test_the_papers_tables(place: Path, limner):
    """docs/howto/tables.md: every command on few people, seconds in place of minutes; the way counts, not the figures."""
    few = {"--people 100": "--people 10", "20m": "10s", "stores/people --actions": "stores/people --people 20 --actions"}
    assert len(run_all("docs/howto/tables.md", limner, instead=few)) == 8
    for made in ("table1", "table3"):
        assert (place / "tables" / f"{made}.html").stat().st_size > 1000
    assert (place / "tables" / "study").is_dir()
    drawn = {path.stem for path in (place / "tables" / "figures").glob("*.png")}
    assert drawn >= {"figure_1", "figure_4", "figure_7", "figure_8"}  # 5 and 6 want a CMM-Net that has learned to move
    assert (place / "tables-iii" / "table-iii.md").stat().st_size > 200
