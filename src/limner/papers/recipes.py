"""Names -> whole configs. A variant calls and replaces; nothing else decides a number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from limner.papers.cmmnet import CMMNetConfig
from limner.papers.cmmnet_points import CMMNetPointsConfig
from limner.types import InputError


def cmmnet() -> CMMNetConfig:
    """The landmark half of CMM-Net, faithful: maps of 64 x 64, T = 32, K = 3, three phases, push and pull."""
    return CMMNetConfig()


def cmmnet_tiny() -> CMMNetConfig:
    """Seconds on one core: for tests."""
    return replace(
        cmmnet(),
        recipe="cmmnet-tiny",
        size=32,
        num_frames=8,
        channels=(4, 8, 8),
        latent=8,
        hidden=12,
        mode_hidden=12,
        label_features=4,
        batch_images=8,
        batch=4,
        moments=2,
        sequences=12,
        steps=(4, 4, 4, 3),
        reader_channels=(4, 8),
    )


def cmmnet_points() -> CMMNetPointsConfig:
    """Exact points, multiple-choice learning, true durations (ours); what `limner smile` uses."""
    return CMMNetPointsConfig()


def cmmnet_points_6() -> CMMNetPointsConfig:
    """The same with six modes."""
    return replace(cmmnet_points(), recipe="cmmnet-points-6", modes=6, style_spread=0.65)  # ours: finer modes need smaller styles


def cmmnet_points_tiny() -> CMMNetPointsConfig:
    """Seconds on one core: for tests."""
    return replace(
        cmmnet_points(),
        recipe="cmmnet-points-tiny",
        steps=(4, 6, 10),
        batch=8,
        hidden=16,
        mode_hidden=8,
        bend=16,
        num_frames=8,
        smile_frames=10,
    )


RECIPES = {
    function.__name__.replace("_", "-"): function for function in (cmmnet, cmmnet_tiny, cmmnet_points, cmmnet_points_6, cmmnet_points_tiny)
}


def recipe(name: str) -> Any:
    """The config of that name. InputError that lists the recipes."""
    if name not in RECIPES:
        raise InputError(f"no recipe {name!r}; there are: {', '.join(RECIPES)}")
    return RECIPES[name]()
