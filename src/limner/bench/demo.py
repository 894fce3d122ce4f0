"""`make demo`: the main job on the one real portrait that ships inside a dependency, and which files to look at."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

OUT = Path("limner-out")
LOOK_AT = (
    ("sheet.png", "each smile as a row of eight moments"),
    ("compare.mp4", "the smiles side by side"),
    ("mode_1.mp4", "the first smile; the others beside it"),
    ("curves.png", "cheeks (AU6) and lip corners (AU12) over time"),
)


def main() -> int:
    """Runs `limner smile` on scikit-image's astronaut into limner-out/astronaut/; what is already there is kept. -> its exit code."""
    from skimage import data

    from limner.cli import main as limner
    from limner.media.pictures import write_png

    with tempfile.TemporaryDirectory(prefix="limner-demo-") as folder:
        photo = Path(folder) / "astronaut.png"
        write_png(photo, np.asarray(data.astronaut()))
        print("limner: three smiles from one portrait (scikit-image's astronaut, NASA, public domain)")
        code = limner(["smile", str(photo), "--out", str(OUT), *(["--force"] if _stale() else [])])
    if code == 0:
        print("\nLook at:")
        for name, what in LOOK_AT:
            print(f"  {OUT / 'astronaut' / name!s:40}{what}")
        print("\nThen your own photo:  .venv/bin/limner smile me.jpg")
    return code


def _stale() -> bool:
    """Whether the folder holds a demo of other settings or an older limner: the demo's own folder may be made anew."""
    from limner.generation.folder import read_result
    from limner.generation.settings import SmileSettings
    from limner.generation.smiles import made_with

    result = read_result(OUT / "astronaut")
    now = made_with(SmileSettings())
    return result is not None and {name: value for name, value in result["identity"].items() if name != "photo"} != now


if __name__ == "__main__":
    sys.exit(main())
