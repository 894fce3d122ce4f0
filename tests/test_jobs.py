"""The queue of jobs: bounded and fair, and unharmed by workers that die, hang, refuse or are told to stop."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from limner.web.job import CANCELLED, DONE, FAILED, QUEUED, REFUSED, RUNNING, Busy, Limits
from limner.web.jobs import PREFIX, Jobs, sweep

LONG = {"steps": 100_000}


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Jobs]:
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Jobs("queue_work:work", limits=Limits(bound=5, per_client=3, job_s=30)) as queue:
        yield queue


def ended(jobs: Jobs, id: str):
    job = jobs.wait(id, 60)
    assert job is not None
    return job


def started(jobs: Jobs, id: str, stage: str) -> None:
    job = jobs.wait(id, 60, until=lambda job: job.stage == stage)
    assert job is not None
    assert (job.state, job.stage) == (RUNNING, stage)


def test_a_job_goes_in_and_comes_out(jobs: Jobs):
    assert jobs.wait_ready()
    id = jobs.submit("copy", {}, {"photo": b"pixels"})
    job = ended(jobs, id)
    assert (job.state, job.error, job.place) == (DONE, None, None)
    assert job.created <= job.began <= job.ended
    assert jobs.files(id)["photo"].read_bytes() == b"pixels"
    pid = jobs.files(id)["pid"].read_text()
    other = jobs.submit("copy", {}, {})
    ended(jobs, other)
    assert not (job.folder / "in").exists()  # the photo goes when its job ends; what was made of it stays
    assert jobs.files(other)["pid"].read_text() == pid  # one process, kept: models stay loaded
    jobs.forget(id)
    assert jobs.view(id) is None
    assert not job.folder.exists()
    assert jobs.files("nothing") == {}


@pytest.mark.parametrize(
    ("kind", "state", "error"),
    [
        ("die", FAILED, "the process at work on it died; other jobs go on"),
        ("refuse", REFUSED, "no face in it"),
        ("fault", FAILED, "a fault of ours, ZeroDivisionError"),
    ],
)
def test_a_job_that_fails_says_so_and_the_next_goes_on(jobs: Jobs, kind: str, state: str, error: str):
    first, second = jobs.submit(kind, {}, {}), jobs.submit("copy", {}, {"a": b"1"})
    job = ended(jobs, first)
    assert (job.state, job.error) == (state, error)
    assert ended(jobs, second).state == DONE
    assert not job.folder.exists()


def test_too_long_is_ended(jobs: Jobs):
    ended(jobs, jobs.submit("copy", {}, {}))
    jobs.limits.job_s = 0.5
    id = jobs.submit("hang", {}, {})
    job = ended(jobs, id)
    assert (job.state, job.error) == (FAILED, "it took longer than 0.5 seconds; ask for less")
    jobs.limits.job_s = 30
    assert ended(jobs, jobs.submit("copy", {}, {})).state == DONE


def test_a_worker_that_cannot_open_is_known_at_once(jobs: Jobs):
    start = time.monotonic()
    with Jobs("queue_work:nothing_of_that_name") as broken:
        assert not broken.wait_ready(1000)
    assert time.monotonic() - start < 100
    assert jobs.wait_ready()


@pytest.mark.parametrize("kind", ["steps", "hang"])
def test_cancel_is_at_once_and_frees_the_worker(jobs: Jobs, kind: str):
    id, waiting, after = jobs.submit(kind, LONG, {}), jobs.submit("steps", LONG, {}), jobs.submit("copy", {}, {})
    started(jobs, id, "stepping" if kind == "steps" else "hanging")
    assert jobs.view(waiting).state == QUEUED
    start = time.monotonic()
    assert jobs.cancel(waiting)
    assert jobs.cancel(id)
    assert [jobs.view(one).state for one in (id, waiting)] == [CANCELLED] * 2
    assert time.monotonic() - start < 1
    assert ended(jobs, after).state == DONE
    assert not jobs.cancel(id)  # it has ended


def test_the_queue_is_bounded(jobs: Jobs):
    first = jobs.submit("steps", LONG, {}, client="a")
    started(jobs, first, "stepping")
    ids = [jobs.submit("steps", LONG, {}, client=client) for client in "aabb"]
    with pytest.raises(Busy, match=r"the queue is full \(5 jobs\)"):
        jobs.submit("copy", {}, {}, client="c")
    jobs.cancel(ids[-1])
    with pytest.raises(Busy, match="3 of your jobs"):
        jobs.submit("copy", {}, {}, client="a")
    assert jobs.count() == {QUEUED: 3, RUNNING: 1, "kept": 5, "workers": 1}


def test_clients_take_turns(jobs: Jobs):
    first = jobs.submit("steps", LONG, {}, client="a")
    started(jobs, first, "stepping")
    two = [jobs.submit("copy", {}, {}, client="a") for _ in range(2)]
    other = jobs.submit("copy", {}, {}, client="b")
    assert [jobs.view(id).place for id in (other, *two)] == [0, 1, 2]  # b was not served yet
    jobs.cancel(first)
    began = [ended(jobs, id).began for id in (other, *two)]
    assert began == sorted(began)


def test_old_results_go(jobs: Jobs):
    ids = [jobs.submit("copy", {}, {}) for _ in range(2)]
    folders = [ended(jobs, id).folder for id in ids]
    jobs.limits.kept = 1
    assert [jobs.view(id) is None for id in ids] == [True, False]
    jobs.limits.keep_s = 0
    assert jobs.view(ids[1]) is None
    assert not any(folder.exists() for folder in folders)


def test_many_jobs_of_one_client_push_out_nobody_elses_results(jobs: Jobs):
    jobs.limits.kept = 3
    mine = jobs.submit("copy", {}, {"photo": b"pixels"}, client="a")
    ended(jobs, mine)
    others = []
    for _ in range(5):
        others.append(jobs.submit("refuse", {}, {}, client="b"))
        ended(jobs, others[-1])
    assert jobs.files(mine)["photo"].read_bytes() == b"pixels"
    assert [jobs.view(id) is not None for id in others] == [False, False, False, True, True]


def test_nothing_is_left_of_a_closed_queue_or_a_killed_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = (
        "import os, sys, time; from limner.web.jobs import Jobs; jobs = Jobs('queue_work:work');"
        "id = jobs.submit('hang', {}, {'photo': b'1'}); jobs.wait(id, 60, until=lambda job: job.stage == 'hanging');"
        "print(jobs._workers[0].process.pid, flush=True); time.sleep(1000)"
    )
    path = f"{Path(__file__).parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)}
    )
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    (left,) = tmp_path.glob(f"{PREFIX}*")
    sweep()
    assert left.exists()  # it is at work
    process.kill()
    process.wait()
    process.stdout.close()
    until = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() and Path(f"/proc/{worker}/cmdline").read_bytes() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists() or not Path(f"/proc/{worker}/cmdline").read_bytes()  # it ended with its server
    assert list(left.glob("tmp*"))  # the job's own temporary file
    sweep()
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Jobs("queue_work:work") as queue:
        started(queue, queue.submit("hang", {}, {}), "hanging")
    assert not list(tmp_path.iterdir())
    with pytest.raises(Busy, match="closing"):
        queue.submit("copy", {}, {})
