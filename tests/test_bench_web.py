"""`limner bench study | serve`: what they measure holds: nothing lost or doubled across a kill -9, no 5xx under load."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed (pip install 'limner[study]')")


def test_raters_at_once_and_a_kill_lose_and_double_nothing(limner, tmp_path: Path):
    code, said, _ = limner("bench", "study", "--raters", 5, "--out", tmp_path / "study.json")
    assert code == 0
    found = json.loads((tmp_path / "study.json").read_text())
    assert (found["answers"], found["lost"], found["doubled"]) == (5 * 40, 0, 0)
    assert 100 <= found["killed_after"] < 200  # it was killed amid the answers
    assert said.startswith("5 raters at once, server killed after")


@pytest.mark.slow
def test_fifty_raters_at_once(limner, tmp_path: Path):
    assert limner("bench", "study", "--out", tmp_path / "study.json")[0] == 0
    found = json.loads((tmp_path / "study.json").read_text())
    assert (found["answers"], found["lost"], found["doubled"]) == (50 * 40, 0, 0)


@pytest.mark.slow
def test_twenty_clients_for_two_minutes(limner, tmp_path: Path):
    assert limner("bench", "serve", "--out", tmp_path / "serve.json")[0] == 0
    found = json.loads((tmp_path / "serve.json").read_text())
    assert (found["lost"], found["server_errors"], found["faults"]) == (0, 0, [])
    assert set(found["jobs"]) == {"done"}
    low, high = found["jobs_per_client"]
    assert high - low <= 2  # clients take turns
