"""The wheel: what is in it, what it says of itself, and that it works outside the checkout, from another folder."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from limner.cli import HELP, SUBCOMMANDS

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built as `make dist` builds it, but with the setuptools that is here and from a copy of what it needs."""
    pytest.importorskip("build")
    place = tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place / name)
    shutil.copytree(ROOT / "src", place / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place / "dist"), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (place / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it but the wheel's files, as pip lays them."""
    place = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(place)
    return place


def run(installed: Path, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Python in a folder of its own, with the wheel before the checkout; its standard error goes along where it fails."""
    env = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, cwd=cwd, env=env)


def test_the_wheel_holds_the_package_whole_and_nothing_else(wheel: Path):
    with zipfile.ZipFile(wheel) as file:
        inside = {name for name in file.namelist() if ".dist-info/" not in name}
    source = ROOT / "src"
    here = {p.relative_to(source).as_posix() for p in (source / "limner").rglob("*") if p.is_file() and p.suffix != ".pyc"}
    assert inside == here  # every module, every weight with its card, py.typed
    assert "limner/py.typed" in inside
    assert sum(name.endswith(".safetensors") for name in inside) >= 8
    assert wheel.stat().st_size < 40e6  # ours: what an e-mail still takes


def test_the_wheel_says_what_it_is(wheel: Path):
    with zipfile.ZipFile(wheel) as file:
        (name,) = (n for n in file.namelist() if n.endswith(".dist-info/METADATA"))
        said = email.message_from_bytes(file.read(name))
        scripts = file.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert (said["Name"], said["Version"], said["License-Expression"]) == ("limner", PROJECT["version"], "Apache-2.0")
    assert said["Requires-Python"] == "<3.14,>=3.10"
    assert "limner = limner.cli:main" in scripts
    assert set(said.get_all("Provides-Extra") or []) == set(PROJECT["optional-dependencies"])
    classifiers = said.get_all("Classifier") or []
    assert "Typing :: Typed" in classifiers
    assert {c.rpartition(" ")[2] for c in classifiers if c.startswith("Programming Language :: Python :: 3.")} == {
        "3.10",
        "3.11",
        "3.12",
        "3.13",
    }
    assert "/work" not in str(said)


def test_the_wheel_smiles_outside_the_checkout(installed: Path, astronaut_png: Path, tmp_path: Path):
    where = run(installed, "-c", "import limner; print(limner.__file__, limner.__version__)", cwd=tmp_path)
    assert where.stdout.split() == [str(installed / "limner" / "__init__.py"), PROJECT["version"]], where.stderr
    done = run(installed, "-m", "limner", "smile", str(astronaut_png), "--modes", "2", "--frames", "4", "--size", "128", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = tmp_path / "limner-out" / "astronaut"
    assert (made / "mode_2.mp4").stat().st_size > 1000
    assert (made / "sheet.png").stat().st_size > 1000


def test_python_m_limner_is_the_command(installed: Path, tmp_path: Path):
    assert run(installed, "-m", "limner", "--version", cwd=tmp_path).stdout == f"limner {PROJECT['version']}\n"
    assert run(installed, "-m", "limner", "--help", cwd=tmp_path).stdout == HELP
    refused = run(installed, "-m", "limner", "smile", "nowhere.jpg", cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[0] == "limner: nowhere.jpg does not exist"


def test_every_command_shows_its_options(limner):
    """Also those whose extras are not installed: help needs none of them."""
    plain = [line.split()[0] for line in HELP.splitlines() if line.startswith("  ") and line[2:3].islower()]
    commands = {word.split("|")[0] for word in plain} - set(SUBCOMMANDS)
    pairs = [(first, second) for first, names in SUBCOMMANDS.items() for second in names]
    assert {"smile", "render", "move", "doctor", "train", "generate"} <= commands
    for words in [*((command,) for command in sorted(commands)), *pairs]:
        code, said, _ = limner(*words, "--help")
        assert code == 0, words
        assert said.startswith(f"usage: limner {' '.join(words)}"), words
