"""Files that are whole or not there, and the reasons in the user's words when they cannot be."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from limner.media.files import atomic_write, lock_folder, make_folder, write_text
from limner.types import InputError


def test_atomic_write_gives_the_whole_file_or_none(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")
    with pytest.raises(ZeroDivisionError), atomic_write(target) as temporary:
        temporary.write_text(f"half {1 / 0}")
    assert target.read_text() == "old"
    with pytest.raises(KeyboardInterrupt), atomic_write(target):
        raise KeyboardInterrupt
    with atomic_write(target) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write .*a\.txt: the disk is full"), atomic_write(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "a.txt"):  # what the body reads is not our disk
        (tmp_path / "none").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_really_full_disk(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the disk is full"), atomic_write(tmp_path / "a.txt"), Path("/dev/full").open("w") as full:
        full.write("x" * 100_000)


def test_unwritable_places_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="its folder does not exist"):
        write_text(tmp_path / "none" / "a", "")
    with pytest.raises(InputError, match="is a file, not a folder"):
        write_text(tmp_path / "file" / "a", "")
    with pytest.raises(InputError, match="a folder of that name is in the way"):
        write_text(tmp_path, "")
    for nameless in (".", "/", ""):
        with pytest.raises(InputError, match="a folder of that name is in the way"):
            write_text(nameless, "")
    with pytest.raises(InputError, match="the name is too long"):
        write_text(tmp_path / ("n" * 300), "")
    with pytest.raises(InputError, match=r"cannot make the folder .*file"):
        make_folder(tmp_path / "file")
    with pytest.raises(InputError, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "sub")
    assert make_folder(tmp_path / "x" / "y").is_dir()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root writes anywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="permission denied"):
        write_text(tmp_path / "a", "")
    with pytest.raises(InputError, match="permission denied"):
        make_folder(tmp_path)
    tmp_path.chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="no such locks there")
def test_a_folder_is_held_by_one_until_it_is_let_go(tmp_path: Path) -> None:
    held = lock_folder(tmp_path)
    assert held is not None
    assert lock_folder(tmp_path) is None
    held.close()
    again = lock_folder(tmp_path)
    assert again is not None
    again.close()
