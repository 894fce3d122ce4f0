"""A result folder is whole or not there, kept when it is the same, never replaced unasked."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from limner.generation.folder import ResultFolder, differences
from limner.types import InputError


def write(place: ResultFolder, identity: dict, **files: str) -> None:
    with place.writing() as folder:
        for name, text in files.items():
            (folder / name).write_text(text)
        sizes = {name: len(text) for name, text in files.items()}
        (folder / "result.json").write_text(json.dumps({"identity": identity, "files": sizes}))


def fail(place: ResultFolder, error: type[BaseException]) -> None:
    with place.writing() as folder:
        (folder / "a").write_text("half")
        raise error(28, "No space left on device")


def test_a_finished_result_is_kept_and_another_refused(tmp_path: Path):
    place = ResultFolder(tmp_path / "out", "me")
    assert place.finished({"seed": 0}, force=False) is None
    write(place, {"seed": 0}, a="one")
    kept = place.finished({"seed": 0}, force=False)
    assert kept is not None
    assert kept["identity"] == {"seed": 0}
    with pytest.raises(InputError, match=r"other settings: seed 0 \(now 3\); --force"):
        place.finished({"seed": 3}, force=False)
    assert place.finished({"seed": 3}, force=True) is None


def test_a_damaged_result_is_made_again(tmp_path: Path):
    place = ResultFolder(tmp_path, "me")
    write(place, {"seed": 0}, a="one")
    (place.target / "a").write_text("on")
    assert place.finished({"seed": 0}, force=False) is None


def test_a_folder_of_someone_else_is_refused(tmp_path: Path):
    place = ResultFolder(tmp_path, "me")
    place.target.mkdir()
    assert place.finished({}, force=False) is None  # an empty folder is free
    (place.target / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="did not finish"):
        place.finished({}, force=False)


def test_replacing_keeps_files_that_are_not_ours_and_drops_ours(tmp_path: Path):
    place = ResultFolder(tmp_path, "me")
    write(place, {"modes": 3}, mode_1="a", mode_3="c")
    (place.target / "notes.txt").write_text("mine")
    write(place, {"modes": 2}, mode_1="A")
    assert {p.name: p.read_text() for p in place.target.iterdir() if p.name != "result.json"} == {"mode_1": "A", "notes.txt": "mine"}
    assert [p.name for p in tmp_path.iterdir()] == ["me"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_failure_leaves_nothing(tmp_path: Path, error: type[BaseException]):
    out = tmp_path / "new" / "out"
    with pytest.raises(InputError if error is OSError else error):
        fail(ResultFolder(out, "me"), error)
    assert list(tmp_path.iterdir()) == []  # the folders made on the way go too


def test_a_failure_leaves_the_old_result(tmp_path: Path):
    place = ResultFolder(tmp_path, "me")
    write(place, {"seed": 0}, a="old")
    with pytest.raises(RuntimeError):
        fail(place, RuntimeError)
    assert (place.target / "a").read_text() == "old"
    assert place.finished({"seed": 0}, force=False)


def test_what_a_killed_run_left_is_cleared_but_not_a_run_at_work(tmp_path: Path):
    killed = "import os, sys; from pathlib import Path; from limner.generation.folder import ResultFolder\n"
    killed += (
        "with ResultFolder(Path(sys.argv[1]), 'me').writing() as folder:\n    (folder / 'a').write_text('half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", killed, str(tmp_path)], check=False).returncode == -9
    left = list(tmp_path.iterdir())
    assert len(left) == 1
    place = ResultFolder(tmp_path, "me")
    with place.writing() as mine:  # a run at work
        ResultFolder(tmp_path, "you").finished({}, force=False)  # any later run into this folder clears it
        assert not left[0].exists()
        assert mine.is_dir()


def test_a_disk_without_locks_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fcntl = pytest.importorskip("fcntl")

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")  # as some network drives answer

    monkeypatch.setattr(fcntl, "flock", none)
    place = ResultFolder(tmp_path, "me")
    write(place, {"seed": 0}, a="one")
    assert place.finished({"seed": 0}, force=False)
    assert [p.name for p in tmp_path.iterdir()] == ["me"]


def test_a_kill_between_the_two_renames_is_mended(tmp_path: Path):
    place = ResultFolder(tmp_path, "me")
    write(place, {"seed": 0}, a="old")
    place.target.rename(tmp_path / f"{place.prefix}old")  # the swap's first half
    assert place.finished({"seed": 0}, force=False)
    assert (place.target / "a").read_text() == "old"


def test_an_interruption_between_the_two_renames_is_mended_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place = ResultFolder(tmp_path, "me")
    write(place, {"seed": 0}, a="old")
    real = Path.rename

    def interrupted(self: Path, to: Path) -> Path:
        if self.suffix == ".part":
            raise KeyboardInterrupt
        return real(self, to)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(place, {"seed": 1}, a="new")
    assert [p.name for p in tmp_path.iterdir()] == ["me"]
    assert (place.target / "a").read_text() == "old"


def test_a_file_in_the_way_is_named(tmp_path: Path):
    (tmp_path / "out").write_text("a file")
    place = ResultFolder(tmp_path / "out", "me")
    with pytest.raises(InputError, match=f"cannot write into {tmp_path}/out"):
        write(place, {}, a="x")
    (tmp_path / "me").write_text("a file")
    with pytest.raises(InputError, match="is not a folder"):
        ResultFolder(tmp_path, "me").finished({}, force=True)


def test_differences_name_both_values():
    assert differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": None}) == "b 2 (now 3)"
    assert differences({"gif": True}, {}) == "gif True (now None)"


@pytest.mark.skipif(os.name == "nt", reason="file names with glob's signs")
def test_names_with_signs_of_glob(tmp_path: Path):
    write(ResultFolder(tmp_path, "a[1]*"), {"seed": 0}, a="x")
    assert ResultFolder(tmp_path, "a[1]*").finished({"seed": 0}, force=False)
