"""The papers: each file reads as its paper's method section."""

from __future__ import annotations

from limner.papers.load import load_motion_model

__all__ = ["load_motion_model"]
