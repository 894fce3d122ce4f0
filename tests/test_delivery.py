"""What delivers limner elsewhere: the Dockerfile, linted and its steps run as a script; the GitHub workflow beside .ci/run."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from limner.cli import HELP

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments), continued lines joined, comments left out."""
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#")))
    return [(line.split(None, 1)[0], " ".join(line.split(None, 1)[1].split())) for line in joined.splitlines() if line.strip()]


def in_context(path: str) -> bool:
    """Whether .dockerignore lets a path of the checkout into the build: the last line that matches it decides."""
    kept = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        rule = line.strip()
        if rule and not rule.startswith("#"):
            pattern, keeps = rule.removeprefix("!"), rule.startswith("!")
            plain = pattern.removeprefix("**/")
            parts = Path(path).parts
            whole = any(fnmatch.fnmatch("/".join(parts[:n]), pattern) for n in range(1, len(parts) + 1))
            anywhere = pattern.startswith("**/") and any(fnmatch.fnmatch(part, plain) for part in parts)
            kept = keeps if whole or anywhere else kept
    return kept


def test_hadolint_has_nothing_to_say():
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not installed here (its wheel is for Linux on x86_64)")
    done = subprocess.run([str(hadolint), "--no-color", str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_image_is_small_and_runs_the_studio_as_nobody_special():
    steps = instructions()
    assert [args for name, args in steps if name == "FROM"] == ["python:3.11-slim AS wheel", "python:3.11-slim"]
    (command,) = (json.loads(args) for name, args in steps if name == "CMD")
    assert command == ["limner", "studio", "--host", "0.0.0.0"]
    assert re.search(r"^  studio ", HELP, re.M)
    assert dict(steps)["USER"] != "root"
    assert all("--no-cache-dir" in args for name, args in steps if name == "RUN" and "pip" in args)
    assert "rm -rf /var/lib/apt/lists/*" in DOCKERFILE
    assert steps[-1][0] == "CMD"


def test_only_the_package_enters_the_build():
    for kept in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "constraints.txt",
        "src/limner/py.typed",
        "src/limner/weights/identity/config.json",
    ):
        assert in_context(kept), kept
        assert (ROOT / kept).exists(), kept
    for left in (
        ".git/config",
        ".venv/bin/python",
        "tests/test_cli.py",
        "docs/index.md",
        "limner-out/me/sheet.png",
        "src/limner/__pycache__/x.pyc",
    ):
        assert not in_context(left), left
    for name, args in instructions():
        if name == "COPY":
            *sources, _ = args.split()
            assert all(in_context(source) for source in sources), args


def test_the_steps_that_make_the_image_run_as_a_script(tmp_path: Path):
    """Each COPY and each pip step in a folder for the root: the wheel is built and put where the second stage installs it from.

    The steps stand as they are but for the root's place; the network is spared: what builds and what is depended on is here already."""
    pytest.importorskip("setuptools", minversion="77")
    (tmp_path / "dist").mkdir()
    # 0: pip reads this variable the other way round
    env = {
        **os.environ,
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_TARGET": str(tmp_path / "site"),
        "TORCH_INDEX": "",
    }
    env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PIP_CONSTRAINT": ""}
    source, ran = tmp_path / "source", []
    for name, args in instructions():
        if name == "COPY":
            *sources, target = args.split()
            place = tmp_path if target == "/" else source
            place.mkdir(exist_ok=True)
            for one in sources:
                if (ROOT / one).is_dir():
                    shutil.copytree(ROOT / one, source / target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
                else:
                    shutil.copy(ROOT / one, place / one)
        elif name == "RUN" and "/dist" in args:
            script = (
                re.sub(r"--mount=\S+ ", "", args)
                .replace("/dist", str(tmp_path / "dist"))
                .replace("/constraints.txt", str(tmp_path / "constraints.txt"))
            )
            step_env = {k: v for k, v in env.items() if not (k == "PIP_TARGET" and "pip wheel" in args)}
            done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=False, cwd=source, env=step_env)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "does not provide the extra" not in done.stdout + done.stderr
            ran.append(script)
    assert len(ran) == 2
    assert (tmp_path / "site" / "limner" / "weights" / "identity" / "config.json").is_file()
    assert (tmp_path / "site" / "bin" / "limner").is_file()


def test_every_step_is_a_sound_shell_line():
    for name, args in instructions():
        if name == "RUN":
            done = subprocess.run(["sh", "-nc", re.sub(r"--mount=\S+ ", "", args)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


def test_the_workflow_does_what_ci_does_on_three_systems_and_every_python():
    jobs = WORKFLOW["jobs"]
    assert set(jobs) >= {"lint", "test", "build"}
    rows = jobs["test"]["strategy"]["matrix"]["include"]
    assert {row["os"].split("-")[0] for row in rows} == {"ubuntu", "macos", "windows"}
    pythons = {row["python"] for row in rows} | {
        step["with"]["python-version"] for step in jobs["newest-python"]["steps"] if "python-version" in step.get("with", {})
    }
    said = set(re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text()))
    assert pythons == said
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    made = {command.split()[1] for command in commands if command.startswith("make ")}
    assert made <= set(targets)
    assert made >= {"lint", "types", "test", "dist", "docs"}
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in jobs.values())
    for job in jobs.values():
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/x@v1"))
