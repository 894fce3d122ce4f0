"""The doctor's findings: a part that fails is named, with what to do, and the others are still examined."""

from __future__ import annotations

from pathlib import Path

import pytest

from limner import doctor
from limner.doctor import Check, examine, report


def test_codecs_are_really_used():
    assert doctor.check_codecs() == Check(name="codecs", ok=True, detail="H.264 written and read back, colours true")


def test_one_failing_part_does_not_end_the_examination():
    def missing() -> Check:
        raise ModuleNotFoundError("No module named 'torch'")

    found = list(examine((("torch", missing, "pip install torch"), ("cv2", doctor.check_cv2, "x"))))
    assert [f.ok for f in found] == [False, True]
    assert report(found[0]) == "WRONG torch     ModuleNotFoundError: No module named 'torch'\n                -> pip install torch"
    assert report(found[1]).startswith("ok    cv2       4.")


def test_a_folder_that_cannot_be_written_is_found(limner, monkeypatch: pytest.MonkeyPatch):
    if not Path("/proc/self").is_dir():
        pytest.skip("needs /proc, where even root writes nothing")
    monkeypatch.chdir("/proc")
    code, said, _ = limner("doctor")
    assert code == 2
    assert "WRONG folder" in said
    assert "-> work in a folder that can be written" in said
    assert said.strip().endswith("1 thing to mend, see above")
