"""What many tests share: the real portrait inside scikit-image, and the folder of real data where it is present."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from browser import browser  # noqa: F401  (a fixture for every test of a page)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; a test that asks for it skips, saying so, where it is absent."""
    folder = Path(__file__).parents[1].parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the real data folder ../shared is not here")
    return folder


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """(512, 512, 3) uint8: the one real portrait that ships inside a dependency."""
    from skimage import data

    return np.asarray(data.astronaut())


@pytest.fixture(scope="session")
def astronaut_png(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same portrait as a file, astronaut.png."""
    from PIL import Image

    path = tmp_path_factory.mktemp("photo") / "astronaut.png"
    Image.fromarray(astronaut).save(path)
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def limner(capsys: pytest.CaptureFixture[str]):
    """The real command in this process: limner("smile", photo, ...) -> (exit code, standard output, lines of standard error)."""
    from limner.cli import main

    def run(*args: object) -> tuple[int, str, list[str]]:
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        said = capsys.readouterr()
        return code, said.out, said.err.splitlines()

    return run


@pytest.fixture(scope="session")
def engine():
    """One detector and one model for all tests of a worker."""
    from limner.generation.smiles import Engine

    return Engine()


@pytest.fixture(scope="session")
def smiling(astronaut: np.ndarray) -> np.ndarray:
    """(41, 300, 300, 3) uint8: the portrait at rest, then a smile of the shipped models; a film of one smile at 25 frames a second."""
    from limner import smile

    (clip,) = smile(np.ascontiguousarray(astronaut[:300, 80:380]), label="spontaneous", modes=1, size=300, renderer="warp")
    frames = list(clip)
    return np.stack([frames[0]] * 8 + frames + [frames[-1]] * 6)
