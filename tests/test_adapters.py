"""The adapters of raw data sets, on small trees of their real layouts: every trap of those layouts, and what is said when one is broken."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from limner.data.sources import raw
from limner.data.sources import uva_nemo as nemo
from limner.media.video import read_video
from limner.types import InputError
from raw_trees import NEMO_HEADER, NEMO_TABLE, uva_nemo, write_mp4

NEMO_ROWS = [
    ("001_deliberate_smile_1.mp4", "001", "female", "23", "deliberate"),
    ("001_spontaneous_smile_2.mp4", "001", "female", "23", "spontaneous"),
    ("071_spontaneous_smile_7.mp4", "071", "male", "8", "spontaneous"),
    ("553_deliberate_smile_2.mp4", "553", "male", "76", "deliberate"),
]


def refused(call, *parts: str) -> str:
    """The one line that the call is refused with; it holds every part."""
    with pytest.raises(InputError) as error:
        call()
    line = str(error.value)
    assert "\n" not in line
    assert not [part for part in parts if part not in line], line
    return line


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
    clip = nemo.index(tmp_path)[0]
    assert (clip.id, clip.label, clip.split, clip.path.name) == ("004_deliberate_smile_1", "posed", "test", "004_Deliberate_Smile_1.MP4")
    write_mp4(base / "004_deliberate_smile_01.mp4")
    refused(lambda: nemo.index(tmp_path), "the same smile twice")


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


def test_uva_nemo_missing_or_half_unpacked(tmp_path: Path) -> None:
    refused(lambda: nemo.index(tmp_path / "no"), "does not exist")
    (tmp_path / "UvA-NEMO.zip").write_bytes(b"PK")
    refused(lambda: nemo.index(tmp_path / "UvA-NEMO.zip"), "unpack it")
    refused(lambda: nemo.index(tmp_path), "looked for videos/NNN_deliberate_smile_M.mp4", "found UvA-NEMO.zip")
    base = uva_nemo(tmp_path, NEMO_ROWS)
    (base / "videos" / NEMO_ROWS[1][0]).unlink()
    refused(lambda: nemo.index(base), "lists 4 videos, 1 of them are not there (001_spontaneous_smile_2.mp4)")
    assert [clip.subject for clip in nemo.index(base, partial=True)] == ["001", "071", "553"]


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
