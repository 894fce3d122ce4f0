"""The adapters of raw data sets, on small trees of their real layouts: every trap of those layouts, and what is said when one is broken."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np

from limner.data.sources import disfa as dis
from limner.data.sources import disfa_plus as plus
from limner.data.sources import raw
from limner.data.sources import uva_nemo as nemo
from limner.media.pictures import read_picture
from limner.media.video import read_video
from raw_trees import DISFA_AUS, NEMO_HEADER, NEMO_TABLE, disfa, disfa_plus, refused, uva_nemo, write_mp4

NEMO_ROWS = [
    ("001_deliberate_smile_1.mp4", "001", "female", "23", "deliberate"),
    ("001_spontaneous_smile_2.mp4", "001", "female", "23", "spontaneous"),
    ("071_spontaneous_smile_7.mp4", "071", "male", "8", "spontaneous"),
    ("553_deliberate_smile_2.mp4", "553", "male", "76", "deliberate"),
]


# --- UvA-NEMO ---


def test_uva_nemo_whole(tmp_path: Path) -> None:
    base = uva_nemo(tmp_path, NEMO_ROWS)
    clips = nemo.index(base)
    assert [clip.id for clip in clips] == [row[0][:-4] for row in NEMO_ROWS]
    assert [clip.label for clip in clips] == ["posed", "spontaneous", "spontaneous", "posed"]  # "deliberate" = posed
    assert [clip.subject for clip in clips] == ["001", "001", "071", "553"]
    assert [clip.split for clip in clips][2:] == ["test", "test"]  # 071 and 553: two of the 41
    assert clips[0].split == clips[1].split != "test"
    assert {(clip.source, clip.au, clip.fps, clip.notes) for clip in clips} == {("uva-nemo", None, None, ())}
    info, frames = read_video(clips[2].path)
    assert info.fps == 50
    assert len(list(frames)) == 3
    # the folder above, and the folder of videos alone, are understood too
    assert [c.id for c in nemo.index(tmp_path)] == [c.id for c in nemo.index(base / "videos")] == [c.id for c in clips]


def test_uva_nemo_test_people_are_the_41_published() -> None:
    assert len(nemo.TEST_PEOPLE) == 41
    assert {len(person) for person in nemo.TEST_PEOPLE} == {3}
    assert {"133", "004", "071", "553", "213"} <= nemo.TEST_PEOPLE


def test_uva_nemo_names_of_any_case_and_what_archivers_leave(tmp_path: Path) -> None:
    base = tmp_path / "uva-nemo_smile_database" / "Videos"
    write_mp4(base / "004_Deliberate_Smile_1.MP4")
    (base / "._004_deliberate_smile_1.mp4").write_bytes(b"resource fork")
    (base / "Thumbs.db").write_bytes(b"x")
    refused(lambda: nemo.index(tmp_path), f"looked for {NEMO_TABLE}", "found uva-nemo_smile_database/")
    clip = nemo.index(tmp_path, partial=True)[0]
    assert (clip.id, clip.label, clip.split, clip.path.name) == ("004_deliberate_smile_1", "posed", "test", "004_Deliberate_Smile_1.MP4")
    write_mp4(base / "004_deliberate_smile_01.mp4")
    refused(lambda: nemo.index(tmp_path, partial=True), "the same smile twice")


def test_uva_nemo_table_has_exactly_five_header_lines(tmp_path: Path) -> None:
    base = uva_nemo(tmp_path, NEMO_ROWS, tail="\r\n\t\t\r\n")  # CRLF, blank lines at the end
    assert NEMO_HEADER.count("\r\n") == 5
    assert len(nemo._read_table(base / NEMO_TABLE)) == 4  # the first row is not taken for a header, no header for a row
    (base / NEMO_TABLE).write_bytes(NEMO_HEADER.encode() + b"one more header line\r\n")
    refused(lambda: nemo.index(base), NEMO_TABLE, "line 6", "'one more header line'")
    (base / NEMO_TABLE).write_bytes(NEMO_HEADER.encode())
    refused(lambda: nemo.index(base), "lists no videos")


def test_uva_nemo_person_of_the_table_and_disagreements(tmp_path: Path) -> None:
    rows = [
        ("010_spontaneous_smile_1.mp4", "071", "f", "20", "deliberate"),
        ("071_spontaneous_smile_1.mp4", "71", "f", "20", "spontaneous"),
    ]
    base = uva_nemo(tmp_path, rows)
    write_mp4(base / "videos" / "011_spontaneous_smile_1.mp4")
    clips = nemo.index(base)
    assert [(c.subject, c.split, c.label) for c in clips[:1] + clips[2:]] == [("071", "test", "spontaneous")] * 2
    assert clips[0].notes == ("the table calls it posed, its name spontaneous: the name counts",)
    assert clips[1].notes == (f"not in {NEMO_TABLE}",)
    # a file named after one of the 41 keeps its person, whatever the table's number, and all of that person's clips in the test split
    rows = [
        ("071_spontaneous_smile_1.mp4", "600", "f", "20", "spontaneous"),
        ("600_spontaneous_smile_1.mp4", "600", "f", "20", "spontaneous"),
    ]
    assert [clip.split for clip in nemo.index(uva_nemo(tmp_path / "other", rows))] == ["test", "test"]


def test_uva_nemo_missing_or_half_unpacked(tmp_path: Path) -> None:
    refused(lambda: nemo.index(tmp_path / "no"), "does not exist")
    (tmp_path / "UvA-NEMO.zip").write_bytes(b"PK")
    refused(lambda: nemo.index(tmp_path / "UvA-NEMO.zip"), "unpack it")
    refused(lambda: nemo.index(tmp_path), "looked for videos/NNN_deliberate_smile_M.mp4", "found UvA-NEMO.zip")
    base = uva_nemo(tmp_path, NEMO_ROWS)
    (base / "videos" / NEMO_ROWS[1][0]).unlink()
    refused(lambda: nemo.index(base), "lists 4 videos, missing: 1 (001_spontaneous_smile_2.mp4)")
    assert [clip.subject for clip in nemo.index(base, partial=True)] == ["001", "071", "553"]


# --- DISFA ---

SMILE = {6: [0, 0, 1, 2], 12: [0, 1, 3, 5]}


def test_disfa_whole(tmp_path: Path) -> None:
    base = disfa(tmp_path, {"SN001": SMILE, "SN032": {12: [0, 0]}})
    clips = dis.index(base)
    assert [clip.id for clip in clips] == ["SN001_left", "SN032_left"]  # SN002 to SN031 are missing: no id is expected
    assert {(clip.source, clip.label, clip.fps, clip.notes) for clip in clips} == {("disfa", "spontaneous", None, ())}
    first = clips[0]
    assert first.path.name == "LeftVideoSN001_comp.avi"
    assert first.au_names == tuple(f"AU{n:02d}" for n in DISFA_AUS)
    assert first.au is not None
    assert (first.au.shape, first.au.dtype) == ((4, 12), np.float32)
    assert first.au[:, first.au_names.index("AU06")].tolist() == [0, 0, 1, 2]  # row 0 is the frame numbered 1
    assert first.au[:, first.au_names.index("AU12")].tolist() == [0, 1, 3, 5]
    assert first.au.sum() == 3 + 9
    info, frames = read_video(first.path)
    assert info.fps == 20
    assert len(list(frames)) == 4
    assert [clip.id for clip in dis.index(tmp_path)] == ["SN001_left", "SN032_left"]


def test_disfa_stereo_is_one_subject(tmp_path: Path) -> None:
    base = disfa(tmp_path, {"SN003": SMILE})
    assert [clip.path.name for clip in dis.index(base, camera="right")] == ["RightVideoSN003_Comp.avi"]
    both = dis.index(base, camera="both")
    assert [clip.id for clip in both] == ["SN003_left", "SN003_right"]
    assert {(clip.subject, clip.split) for clip in both} == {("SN003", "test")}
    left, right = (clip.au for clip in both)
    assert left is not None
    assert right is not None
    assert np.array_equal(left, right)
    (base / "Video_RightCamera" / "RightVideoSN003_Comp.avi").rename(base / "Video_RightCamera" / "rightvideosn003_comp.AVI")
    (base / "Videos_LeftCamera").rename(base / "Video_LeftCamera")
    assert len(dis.index(base, camera="both")) == 2
    refused(lambda: dis.index(base, camera="top"), "'top'", "left, right, both")


def test_disfa_folds(tmp_path: Path) -> None:
    people = sorted(person for fold in dis.FOLDS for person in fold)
    numbers = [*range(1, 14), 16, 17, 18, 21, *range(23, 33)]
    assert people == [f"SN{n:03d}" for n in numbers]  # the 27 of the AU papers, each once
    for fold in (1, 2, 3):
        assert Counter(dis.split_of(person, fold) for person in people) == {"test": 9, "val": 2, "train": 16}
    assert (dis.split_of("SN003"), dis.split_of("SN010"), dis.split_of("SN001")) == ("test", "val", "train")
    assert (dis.split_of("SN013", 2), dis.split_of("SN013", 1)) == ("test", "val")
    assert dis.split_of("SN033") in ("train", "val", "test")
    refused(lambda: dis.split_of("SN001", 4), "folds 1 to 3")


def test_disfa_labels_short_counted_from_zero_or_broken(tmp_path: Path) -> None:
    base = disfa(tmp_path, {"SN001": SMILE})
    labels = base / "ActionUnit_Labels" / "SN001"
    (labels / "SN001_au12.txt").write_bytes(b"1, 0\r\n2, 4\r\n\r\n")
    (labels / "SN001_au6.txt").unlink()
    clip = dis.index(base)[0]
    assert clip.au is not None
    assert np.array_equal(clip.au[:, clip.au_names.index("AU12")], [0, 4, np.nan, np.nan], equal_nan=True)
    assert clip.notes == ("AU12 has values for 2 of 4 frames", "no labels of AU06")
    for text, said in (("1 0", "'1 0'"), ("1,6", "'6' is no AU intensity"), ("1,x", "'x'"), ("1,0\n1,0", "twice"), ("", "is empty")):
        (labels / "SN001_au12.txt").write_text(text)
        refused(lambda: dis.index(base), "SN001_au12.txt", said)
    zero = disfa(tmp_path / "zero", {"SN002": SMILE}, first=0)
    au = dis.index(zero)[0].au
    assert au is not None
    assert au[:, 6].tolist() == [0, 1, 3, 5]


def test_disfa_missing_or_half_unpacked(tmp_path: Path) -> None:
    (tmp_path / "DISFA").mkdir()
    refused(lambda: dis.index(tmp_path), "looked for Videos_LeftCamera/LeftVideoSN001_comp.avi", "found DISFA/")
    base = disfa(tmp_path, {"SN001": SMILE, "SN002": SMILE, "SN004": SMILE})
    (base / "Videos_LeftCamera" / "LeftVideoSN002_comp.avi").unlink()
    refused(lambda: dis.index(base), "the left camera's videos are missing for 1 of 3 people (SN002)")
    assert [clip.id for clip in dis.index(base, camera="both", partial=True)][2:] == ["SN002_right", "SN004_left", "SN004_right"]
    assert len(dis.index(base, camera="right")) == 3
    (base / "ActionUnit_Labels" / "SN004").rename(base / "moved")
    refused(lambda: dis.index(base, camera="right"), "the AU labels are missing for 1 of 3 people (SN004)")
    last = dis.index(base, partial=True)[-1]
    assert (last.id, last.au, last.notes) == ("SN004_left", None, ("no AU labels",))
    (base / "ActionUnit_Labels").rename(base / "elsewhere")
    refused(lambda: dis.index(base), "half-unpacked", "ActionUnit_Labels/SN001/SN001_au12.txt", "elsewhere/")


# --- DISFA+ ---

TRIALS = ("A1_AU1_TrailNo_1", "A3_AU1_2_TrailNo_2", "Y_HappyDescribed_TrailNo_1")


def test_disfa_plus_whole(tmp_path: Path) -> None:
    names = ["000.jpg", "001.jpg", "002.jpg"]
    smile = {12: [0, 2, 5], 6: [0, 0, 3]}
    base = disfa_plus(tmp_path, {("SN001", TRIALS[0]): {1: [0, 4, 4]}, ("SN025", TRIALS[2]): smile, ("SN001", TRIALS[1]): {}}, names)
    clips = plus.index(base)
    assert [clip.id for clip in clips] == [f"SN001_{TRIALS[0]}", f"SN001_{TRIALS[1]}", f"SN025_{TRIALS[2]}"]
    assert {(clip.source, clip.label, clip.fps, clip.notes) for clip in clips} == {("disfa-plus", "posed", Fraction(20), ())}
    first, _, last = (clip.au for clip in clips)
    assert first is not None
    assert last is not None
    assert first.shape == last.shape == (3, 12)  # both header lines are gone, no picture is
    assert first.sum() == 8
    assert last[:, clips[2].au_names.index("AU12")].tolist() == [0, 2, 5]
    assert last[:, clips[2].au_names.index("AU06")].tolist() == [0, 0, 3]
    assert [path.name for path in raw.frame_files(clips[2].path)] == names
    assert abs(int(read_picture(raw.frame_files(clips[2].path)[2]).pixels.mean()) - 60) <= 2
    assert [clip.id for clip in plus.index(tmp_path)] == [clip.id for clip in clips]


def test_disfa_plus_shares_people_and_splits_with_disfa(tmp_path: Path) -> None:
    people = [f"SN{n:03d}" for n in (1, 3, 4, 7, 9, 10, 13, 25, 27)]
    assert set(people) <= {person for fold in dis.FOLDS for person in fold}
    both = [*people, "SN002"]
    one = disfa(tmp_path, dict.fromkeys(both, SMILE))
    two = disfa_plus(tmp_path, {(person, TRIALS[2]): {} for person in people}, ["1.jpg", "2.jpg"])
    for fold in (1, 2, 3):
        splits = {clip.subject: clip.split for clip in dis.index(one, fold=fold)}
        there = {clip.subject: clip.split for clip in plus.index(two, fold=fold)}
        assert there == {person: splits[person] for person in people}
        assert set(there.values()) == {"train", "val", "test"}


def test_disfa_plus_frames_in_natural_order_whatever_the_rows_order(tmp_path: Path) -> None:
    base = disfa_plus(tmp_path, {("SN003", TRIALS[2]): {12: [3, 1, 2]}}, ["10.jpg", "1.jpg", "2.jpg"])
    (base / "Images" / "SN003" / TRIALS[2] / "._1.jpg").write_bytes(b"resource fork")
    clip = plus.index(base)[0]
    assert clip.au is not None
    assert [path.name for path in raw.frame_files(clip.path)] == ["1.jpg", "2.jpg", "10.jpg"]
    assert clip.au[:, clip.au_names.index("AU12")].tolist() == [1, 2, 3]


def test_disfa_plus_header_rows_and_spellings(tmp_path: Path) -> None:
    base = disfa_plus(tmp_path, {("SN003", TRIALS[0]): {}}, ["000.jpg", "001.jpg"])
    labels = base / "Labels" / "SN003" / TRIALS[0]
    labels = labels.rename(labels.with_name("A1_AU1_TrialNo_1"))

    def au12(text: str) -> list[float]:
        (labels / "AU12.txt").write_bytes(text.encode())
        clip = plus.index(base)[0]
        assert clip.au is not None
        return clip.au[:, clip.au_names.index("AU12")].tolist()

    for header in ("#AU12\n#image  intensity\n", "AU12\nimage    intensity\n", "\n\n", "# one\n# two\n# three\n", "#\n"):
        assert au12(header + "000.jpg     1\n001.jpg     4\n") == [1, 4], header
    assert au12("a\r\nb\r\n001.JPG\t2\r\n000.jpg   \t  5  \r\n\r\n") == [5, 2]
    for row, said in (("000.jpg  7", "'7' is no AU intensity"), ("000.jpg", "'000.jpg'"), ("000.jpg  1\n000.jpg  1", "twice")):
        (labels / "AU12.txt").write_text("#\n#\n" + row)
        refused(lambda: plus.index(base), "AU12.txt, line", said)
    (labels / "AU12.txt").write_text("#\n#\n000.jpg  2\n")
    (labels / "AU6.txt").unlink()
    assert plus.index(base)[0].notes == ("AU12 has values for 1 of 2 frames", "no labels of AU06")


def test_disfa_plus_missing_or_half_unpacked(tmp_path: Path) -> None:
    (tmp_path / "DISFAPlusDataset" / "Images").mkdir(parents=True)
    refused(lambda: plus.index(tmp_path), "looked for Images/SN001/A1_AU1_TrailNo_1/000.jpg", "in Images/ found nothing")
    trials = {("SN003", TRIALS[0]): {12: [1, 2, 3]}, ("SN004", TRIALS[1]): {}}
    base = disfa_plus(tmp_path, trials, ["000.jpg", "001.jpg", "002.jpg"])
    (base / "Images" / "SN003" / TRIALS[0] / "001.jpg").unlink()
    refused(lambda: plus.index(base), f"SN003/{TRIALS[0]}", "pictures that the labels name are missing: 1 (001.jpg), 2 are there")
    clip = plus.index(base, partial=True)[0]
    assert clip.au is not None
    assert clip.au[:, clip.au_names.index("AU12")].tolist() == [1, 3]
    assert clip.notes == ("pictures that the labels name are missing: 1",)
    for path in (base / "Images" / "SN004" / TRIALS[1]).iterdir():
        path.unlink()
    refused(lambda: plus.index(base), f"no pictures for 1 of 2 trials (SN004/{TRIALS[1]})")
    assert [clip.subject for clip in plus.index(base, partial=True)] == ["SN003"]
    (base / "Labels").rename(base / "Label.zip")
    refused(lambda: plus.index(base), "looked for Labels/SN001/A1_AU1_TrailNo_1/AU12.txt", "found Images/, Label.zip/")
    last = plus.index(base, partial=True)[-1]
    assert (last.au, last.notes) == (None, ("no AU labels",))


# --- what all share ---


def test_hash_split_is_a_fact_of_the_name() -> None:
    # by hand: int(sha256("0:SN001").hexdigest()[:16], 16) / 2**64
    import hashlib

    draw = int(hashlib.sha256(b"0:anna").hexdigest()[:16], 16) / 2**64
    assert raw.hash_split("anna", val=0, test=draw + 1e-9) == "test"
    assert raw.hash_split("anna", val=0, test=draw - 1e-9) == "train"
    assert raw.hash_split("Jose\u0301") == raw.hash_split("Jos\u00e9")
    counts = Counter(raw.hash_split(f"p{i}") for i in range(4000))
    assert 340 < counts["test"] < 460  # 400 expected, sigma 19
    assert 340 < counts["val"] < 460
    assert [raw.hash_split(f"p{i}", seed=1) for i in range(50)] != [raw.hash_split(f"p{i}") for i in range(50)]


def test_text_files_of_any_system(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for content in ("é\r\nb".encode("utf-16"), "\ufeffé\nb".encode(), "é\rb".encode(), "é\nb".encode("cp1252")):
        path.write_bytes(content)
        assert raw.read_lines(path) == ["é", "b"], content
    refused(lambda: raw.read_lines(tmp_path / "none.txt"), "cannot read", "none.txt")


def test_messages_stay_one_line_and_short(tmp_path: Path) -> None:
    assert raw.found(tmp_path) == "found nothing"
    for name in ("b\nc", "a10", "a9", ".DS_Store"):
        (tmp_path / name).touch()
    (tmp_path / "d").mkdir()
    assert raw.found(tmp_path) == "found a9, a10, b?c, d/"
    assert raw.found(tmp_path, 2) == "found a9, a10 and 2 more"
