"""`make demo` makes the files it names and knows an old demo from its own; the figures of `limner bench speed` tell met from missed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limner.bench import demo
from limner.bench.speed import Figure


def test_the_demo_makes_what_it_names_and_is_made_anew_when_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert demo.main() == 0
    said = capsys.readouterr().out
    for name, _ in demo.LOOK_AT:
        assert str(demo.OUT / "astronaut" / name) in said
        assert (demo.OUT / "astronaut" / name).stat().st_size > 10_000
    assert demo.main() == 0
    assert "kept" in capsys.readouterr().out
    assert not demo._stale()
    path = demo.OUT / "astronaut" / "result.json"
    result = json.loads(path.read_text())
    for old in ({**result["identity"], "seed": 3}, {**result["identity"], "an option that is gone": 1}):
        path.write_text(json.dumps({**result, "identity": old}))
        assert demo._stale()


def test_a_figure_says_whether_it_was_met():
    assert Figure(name="cold", value=4.0, unit="s", target=5.0).met
    slow = Figure(name="cold", value=6.0, unit="s", target=5.0)
    assert not slow.met
    assert slow.line().split() == ["cold", "6.00", "s", "(target", "<=", "5", "s:", "MISSED)"]
    assert Figure(name="renderer", value=60.0, unit="frames/s", target=60.0, at_least=True).line().endswith("(target >= 60 frames/s: met)")
    assert Figure(name="share", value=0.5, unit="").met
