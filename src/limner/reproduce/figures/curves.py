"""CMM-Net's figures of action units over time: 4 (the originals) and 8 (the methods beside them)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from limner import geometry
from limner.reproduce.figures.grid import BLACK, BLUE, DPI, GREEN, GREY, ORANGE, SKY, VERMILION
from limner.types import Clip

UNITS = {"AU06": "AU6, cheek raiser", "AU12": "AU12, lip corner puller"}
# Of a row its colour and its dashes, so that neither alone must be told apart; in the tables' order, the conditional sequence before ours.
LOOKS = (
    (BLACK, "-"), (VERMILION, (0, (5, 2))), (ORANGE, (0, (1, 1.2))), (BLUE, (0, (6, 1.5, 1, 1.5))), (SKY, (0, (2, 1, 1, 1))),
    (GREEN, (0, (3, 1))), (GREY, (0, (8, 2))),
)  # fmt: skip
MOMENTS, SINGLE = 32, 30  # of a curve; single curves drawn in grey


def figure_4(clips: Sequence[Clip]) -> Any:
    """AU6 and AU12 of real neutral-to-smile transitions: single ones in grey, the mean and where the middle 80 % lie, for each label."""
    labels = sorted({str(clip.label) for clip in clips if clip.au is not None})
    figure, axes = _panels(labels)
    for row, label in enumerate(labels):
        curves = np.stack([geometry.resample(clip.au, MOMENTS) for clip in clips if clip.au is not None and str(clip.label) == label])
        for column, unit in enumerate(UNITS):
            panel, values = axes[row][column], curves[:, :, column]
            part = np.linspace(0, 1, MOMENTS)
            panel.plot(part, values[:: max(1, len(values) // SINGLE)].T, color=GREY, linewidth=0.5, alpha=0.5)
            low, high = np.quantile(values, (0.1, 0.9), 0)
            panel.fill_between(part, low, high, color=BLUE, alpha=0.18, linewidth=0)
            panel.plot(part, values.mean(0), color=BLUE, linewidth=2)
            panel.set_title(f"{UNITS[unit]}, {label} ({len(values)})", fontsize=8)
    figure.suptitle("Figure 4. Action units from neutral to smile: the mean, single clips, and the middle 80 %", fontsize=9, weight="bold")
    return figure


def figure_8(curves: dict[str, Any], labels: Sequence[str], untrained: Sequence[str] = ()) -> Any:
    """AU6 and AU12 of every method beside the originals'. curves: as evaluate gives them, row -> label -> unit -> mean, low, high."""
    shown = {name: own for name, own in curves.items() if name not in untrained}
    labels = [label for label in labels or ["all"] if any(label in own for own in shown.values())]
    figure, axes = _panels(labels)
    for row, label in enumerate(labels):
        for column, unit in enumerate(UNITS):
            panel = axes[row][column]
            for (name, own), (colour, dashes) in zip(shown.items(), itertools.cycle(LOOKS)):
                if label not in own:
                    continue
                curve = own[label][unit]
                part = np.linspace(0, 1, len(curve["mean"]))
                panel.fill_between(part, curve["low"], curve["high"], color=colour, alpha=0.12, linewidth=0)
                panel.plot(part, curve["mean"], color=colour, linestyle=dashes, linewidth=1.8, label=name)
            panel.set_title(f"{UNITS[unit]}, {label}", fontsize=8)
    axes[0][0].legend(fontsize=7, frameon=False)
    figure.suptitle("Figure 8. Action units of the generated smiles, mean and 95 % over people", fontsize=9, weight="bold")
    return figure


def _panels(labels: Sequence[str]) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 2.5 * len(labels) + 0.4), dpi=DPI, layout="constrained")
    axes = figure.subplots(len(labels), len(UNITS), squeeze=False, sharex=True, sharey=True)
    for panel in axes.flat:
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=7)
        panel.grid(alpha=0.25)
    for panel in axes[-1]:
        panel.set_xlabel("from neutral (0) to apex (1)", fontsize=7.5)
    for panel in axes[:, 0]:
        panel.set_ylabel("intensity, 0 to 5", fontsize=7.5)
    return figure, axes
