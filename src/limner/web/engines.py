"""Detectors and models of a worker process, kept from job to job."""

from __future__ import annotations

from functools import cached_property
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
