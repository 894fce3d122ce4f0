"""The adapter of anyone's folder: labels and people from sub-folders or a table, splits by person, and what it refuses."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from limner.data.sources import folder, raw
from limner.media.video import read_video
from raw_trees import refused, write_frames, write_mp4


def test_folder_labels_and_people_by_sub_folder(tmp_path: Path) -> None:
    for name in ("anna/posed/1.mp4", "anna/Genuine/session 2/1.mov", "spontaneous/ben/a.mp4", "deliberate/ben/b.mp4", "zoë clip.mp4"):
        write_mp4(tmp_path / name)
    (tmp_path / "anna" / "posed" / "thumb.jpg").write_bytes(b"beside a video, a picture is no frame")
    clips = {clip.id: clip for clip in folder.index(tmp_path)}
    said = {name: (clip.label, clip.subject) for name, clip in clips.items()}
    assert said == {
        "anna__posed__1": ("posed", "anna"),
        "anna__Genuine__session 2__1": ("spontaneous", "anna"),  # the first folder is the person: sessions of one person stay together
        "deliberate__ben__b": ("posed", "ben"),
        "spontaneous__ben__a": ("spontaneous", "ben"),
        "zoë clip": (None, "zoë clip"),
    }
    assert clips["zoë clip"].notes == ("no person named: taken for one of its own",)
    assert clips["anna__posed__1"].split == clips["anna__Genuine__session 2__1"].split == raw.hash_split("anna")
    assert {clip.fps for clip in clips.values()} == {None}
    assert len(list(read_video(clips["zoë clip"].path)[1])) == 3
    write_mp4(tmp_path / "posed" / "spontaneous" / "x.mp4")
    refused(lambda: folder.index(tmp_path), "posed", "spontaneous", "leave one")


def test_folder_splits_stay_when_people_come(tmp_path: Path) -> None:
    for person in range(30):
        (tmp_path / f"p{person}").mkdir()
        (tmp_path / f"p{person}" / "a.mp4").touch()  # index opens no video
        (tmp_path / f"p{person}" / "b.mp4").touch()
    before = {clip.id: clip.split for clip in folder.index(tmp_path, val=0.2, test=0.3)}
    assert all(before[f"p{i}__a"] == before[f"p{i}__b"] == raw.hash_split(f"p{i}", val=0.2, test=0.3) for i in range(30))
    assert set(before.values()) == {"train", "val", "test"}
    (tmp_path / "a new person").mkdir()
    (tmp_path / "a new person" / "a.mp4").touch()
    after = {clip.id: clip.split for clip in folder.index(tmp_path, val=0.2, test=0.3)}
    assert {name: after[name] for name in before} == before
    assert {clip.id: clip.split for clip in folder.index(tmp_path, val=0.2, test=0.3, seed=1)} != after


@pytest.mark.parametrize(("comma", "start", "end"), [(",", b"", "\n"), (";", b"\xef\xbb\xbf", "\r\n"), ("\t", b"", "\n")])
def test_folder_table(tmp_path: Path, comma: str, start: bytes, end: str) -> None:
    for name in ("one.mp4", "sub/two.mp4", "sub/three.mp4", "posed/four.mp4"):
        write_mp4(tmp_path / name)
    table = [
        ["File", "Subject", "age", "Label", "Split"],
        ["one.mp4", "007", "31", "Deliberate", "test"],  # an id keeps its zeros
        ["sub\\two.mp4", "007", "31", "spontaneous", ""],  # as Windows writes it; the split of 007 is that of its other row
        ["three.mp4", '"Żółć, A."' if comma == "," else "Żółć, A.", "", "", ""],  # by its bare name, which only one has
        [],
    ]
    (tmp_path / "labels.csv").write_bytes(start + end.join(comma.join(row) for row in table).encode())
    clips = {clip.id: clip for clip in folder.index(tmp_path)}
    assert [(clips[name].subject, clips[name].label, clips[name].split) for name in ("one", "sub__two")] == [
        ("007", "posed", "test"),
        ("007", "spontaneous", "test"),
    ]
    assert (clips["sub__three"].subject, clips["sub__three"].label) == ("Żółć, A.", None)
    assert (clips["posed__four"].label, clips["posed__four"].notes) == (
        "posed",
        ("no person named: taken for one of its own", "not in labels.csv"),
    )
    (tmp_path / "labels.csv").write_text("file,label,person\nfour.mp4,spontaneous,x\n")
    said = {clip.id: (clip.label, clip.subject) for clip in folder.index(tmp_path)}
    assert said["posed__four"] == ("spontaneous", "x")  # what the table says counts, not the folder
    (tmp_path / "labels.csv").rename(tmp_path / "other.csv")
    assert folder.index(tmp_path)[1].subject == "posed__four"
    assert folder.index(tmp_path, table=tmp_path / "other.csv")[1].subject == "x"


def test_folder_tables_refused(tmp_path: Path) -> None:
    for name in ("one.mp4", "a/two.mp4", "b/two.mp4"):
        write_mp4(tmp_path / name)

    def said(text: str, *parts: str) -> None:
        (tmp_path / "labels.csv").write_text(text)
        refused(lambda: folder.index(tmp_path), "labels.csv", *parts)

    said("", "looked for the columns file and label", "found")
    said("name,smile\none.mp4,posed\n", "looked for the columns file and label", "found name, smile")
    said("file,age\none.mp4,3\n", "label, subject, split or fps")
    said("file,label\none.mp4,happy\n", "row 2", "no label 'happy'", "posed, deliberate, spontaneous, genuine")
    said("file,split\none.mp4,dev\n", "row 2", "no split 'dev'", "train, val, test")
    said("file,label\none.mp4,posed\none.mp4,posed\n", "row 3", "twice")
    said("file,label\ntwo.mp4,posed\n", "row 2", "two.mp4 may be a/two.mp4, b/two.mp4")
    said("file,label\n,posed\n", "row 2", "names no file")
    said("file,label\none.mp4,posed,x\n", "row 2", "3 cells under 2 columns")
    said("file,fps\none.mp4,fast\n", "row 2", "'fast' is no frame rate")
    said('file,label\n"one.mp4,posed\n', "is no table")
    said("file,subject,split\none.mp4,x,train\na/two.mp4,x,test\n", "a person is in one split")
    said("file,label\none.mp4,posed\nno.mp4,posed\n", "lists 2 recordings, missing: 1 (no.mp4)")
    assert len(folder.index(tmp_path, partial=True)) == 3
    refused(lambda: folder.index(tmp_path, table=tmp_path / "none.csv"), "none.csv is not there")


def test_folder_of_frames(tmp_path: Path) -> None:
    write_frames(tmp_path / "anna" / "take", ["frame10.png", "frame9.png"])
    write_frames(tmp_path / "anna" / "portrait", ["one.png"])
    refused(lambda: folder.index(tmp_path), "no videos, but folders of pictures (anna/take)", "fps")
    (clip,) = folder.index(tmp_path, fps=Fraction(30000, 1001))
    assert (clip.id, clip.subject, clip.fps) == ("anna__take", "anna", Fraction(30000, 1001))
    assert [path.name for path in raw.frame_files(clip.path)] == ["frame9.png", "frame10.png"]
    (tmp_path / "labels.csv").write_text("path,fps,label\nanna/take,25,posed\n")
    (clip,) = folder.index(tmp_path)
    assert (clip.fps, clip.label) == (25, "posed")
    write_mp4(tmp_path / "ben" / "take.mp4")
    assert [clip.fps for clip in folder.index(tmp_path)] == [25, None]
    (tmp_path / "labels.csv").unlink()
    assert [clip.id for clip in folder.index(tmp_path)] == ["ben__take"]  # frames beside videos: only where a rate is given


def test_folder_names_that_collide_links_that_loop_and_nothing(tmp_path: Path) -> None:
    refused(lambda: folder.index(tmp_path), "looked in it and its sub-folders for .3gp", ".mp4", "found nothing")
    (tmp_path / "notes.txt").touch()
    refused(lambda: folder.index(tmp_path), "found notes.txt")
    refused(lambda: folder.index(tmp_path / "notes.txt"), "is a file")
    for name in ("a/b.mp4", "a/b.mov", "a__b.mp4"):
        write_mp4(tmp_path / name)
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    clips = folder.index(tmp_path)
    assert len({clip.id for clip in clips}) == 3
    assert all(clip.id.startswith("a__b__") for clip in clips)
    assert folder.index(tmp_path / "a")[0].notes == ("no person named: taken for one of its own",)
    (tmp_path / "a__b.mp4").unlink()
    assert folder.index(tmp_path)[0].notes == ("every recording is of the person 'a', so all are in one split",)
