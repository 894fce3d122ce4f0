"""Ctrl-C and kill at any moment, and faults of ours: one line, the right exit code, nothing half-written. Through the real command."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

QUICK = ("--size", "128", "--frames", "6", "--modes", "1")


def left_in(out: Path) -> list[str]:
    return sorted(p.name for p in out.rglob("*")) if out.exists() else []


@pytest.mark.parametrize("after_s", [0.05, 1.0, 2.5, "writing"])
def test_ctrl_c_at_any_moment(astronaut_png: Path, tmp_path: Path, after_s: float | str):
    out = tmp_path / "out"
    begin = "import sys; from limner.cli import main, session; print('begins', flush=True); sys.exit(main())"
    args = [sys.executable, "-c", begin, "smile", str(astronaut_png), "--duration", "30", "--out", str(out)]
    process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    start = time.monotonic()
    while (not any(out.glob(".limner-*/.limner-*.mp4"))) if after_s == "writing" else time.monotonic() - start < float(after_s):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == "limner: interrupted; nothing half-written is left"
    assert "Traceback" not in errors
    assert left_in(out) == []


def test_a_killed_run_leaves_no_trace_in_the_next(limner, astronaut_png: Path, tmp_path: Path):
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "limner", "smile", astronaut_png, "--duration", "30", "--out", out],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not any(out.glob(".limner-*/.limner-*.mp4")):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (out / "astronaut").exists()
    assert limner("smile", astronaut_png, *QUICK, "--out", out)[0] == 0
    assert [p.name for p in out.iterdir()] == ["astronaut"]
    assert not any(p.name.startswith(".") for p in (out / "astronaut").iterdir())


# A fault of ours


def test_a_fault_of_ours_is_one_line_and_1(limner, astronaut_png: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from limner.generation import sheets

    def broken(*_):
        raise ZeroDivisionError("a\nfault")

    monkeypatch.setattr(sheets.Sheet, "draw", broken)
    code, _, errors = limner("smile", astronaut_png, *QUICK, "--start", "photo", "--out", tmp_path / "out")
    assert (code, left_in(tmp_path / "out")) == (1, [])
    assert errors == ["limner: a fault of ours, ZeroDivisionError: a fault (LIMNER_DEBUG=1 shows where; please report it)"]
    monkeypatch.setenv("LIMNER_DEBUG", "1")
    assert any("Traceback" in line for line in limner("smile", astronaut_png, *QUICK, "--out", tmp_path / "out")[2])


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")]
)
def test_no_memory_is_said_as_such(capsys: pytest.CaptureFixture[str], error: Exception):
    from limner.cli.session import Session

    with Session(last=False) as session:
        assert session.exit_code(error) == 2
    assert capsys.readouterr().err == "limner: not enough memory; try a smaller --size or fewer --modes\n"
