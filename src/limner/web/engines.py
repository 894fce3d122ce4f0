"""Detectors and models of a worker process, kept from job to job."""

from __future__ import annotations

import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limner.generation.moves import BodyEngine
    from limner.generation.smiles import Engine


class Engines:
    """Made when first needed, and then kept."""

    @cached_property
    def faces(self) -> Engine:
        from limner.generation.smiles import Engine

        return Engine()

    @cached_property
    def bodies(self) -> BodyEngine:
        from limner.generation.moves import BodyEngine

        return BodyEngine()

    def warm(self) -> None:
        """Everything that the first smile would wait for, by making a small one. Whatever is wrong with the installation is raised."""
        from skimage import data

        from limner.generation.settings import SmileSettings
        from limner.generation.smiles import make_smiles
        from limner.media.pictures import read_picture

        with tempfile.TemporaryDirectory(prefix="limner-warm-") as folder:
            picture = read_picture(data.astronaut(), name="warm")
            make_smiles(picture, Path(folder), SmileSettings(size=128, frames=2, modes=2), self.faces)
