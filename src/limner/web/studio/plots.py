"""Curves over time as SVG that takes the page's colours, light or dark; and what they show in words, for who does not see them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from html import escape

import numpy as np

WIDTH, HEIGHT = 360, 190  # ours: two beside one another on a desktop, one above the other on a phone
LEFT, RIGHT, TOP, BOTTOM = 30, 8, 26, 30
HALF_TICK = 20  # ours: half as wide as "0.75 s"
COLOURS = ("#2b87cf", "#e0566b", "#3fa36b", "#a06bc0", "#cf9320", "#8a8f9c")  # ours: generation.sheets' hues, seen on white and on black
UNITS = (("AU6", "cheek raiser"), ("AU12", "lip corner puller"))


def au_plots(curves: Sequence[np.ndarray], names: Sequence[str], fps: Fraction, key: str) -> str:
    """curves: a mode each, (T, 2) of AU6 and AU12, intensities 0..5 -> HTML: two plots, and a legend where there are several.

    key: the id of the plots."""
    legend = "".join(
        f'<li><svg width="22" height="8" aria-hidden="true"><line x1="0" x2="22" y1="4" y2="4" {stroke(i)}/></svg>{escape(name)}</li>'
        for i, name in enumerate(names)
    )
    plots = "".join(plot([curve[:, i] for curve in curves], names, fps, f"{unit}, {what}") for i, (unit, what) in enumerate(UNITS))
    return f'<div class="lm-plots" id="{key}">{plots}</div>' + (f'<ul class="lm-legend">{legend}</ul>' if len(curves) > 1 else "")


def stroke(index: int) -> str:
    """The look of the line of a mode: a colour, and dashes after the sixth."""
    return f'stroke="{COLOURS[index % len(COLOURS)]}" stroke-width="2" fill="none"' + (' stroke-dasharray="5 3"' if index > 5 else "")


def plot(curves: Sequence[np.ndarray], names: Sequence[str], fps: Fraction, title: str) -> str:
    """One SVG: a line a curve, (T,) each; the time runs to the end of the longest. `.lm-now` is the line that the player moves."""
    longest = max(len(curve) for curve in curves)
    seconds = max(longest - 1, 1) / float(fps)
    top = min(5.0, max(1.0, float(np.ceil(max(float(curve.max()) for curve in curves)))))
    lines = "".join(f'<polyline points="{_points(curve, fps, seconds, top)}" {stroke(i)}/>' for i, curve in enumerate(curves))
    grid = "".join(
        f'<line class="lm-grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(v, top):.1f}" y2="{_y(v, top):.1f}"/>'
        f'<text x="{LEFT - 6}" y="{_y(v, top) + 4:.1f}" text-anchor="end">{v}</text>'
        for v in range(int(top) + 1)
    )
    ticks = "".join(_tick(t, seconds) for t in _ticks(seconds))
    now = f'<line class="lm-now" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    return (
        f'<svg class="lm-plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(in_words(curves, names, fps, title))}"'
        f' data-left="{LEFT}" data-right="{WIDTH - RIGHT}" data-seconds="{seconds}"><text class="lm-title" x="{LEFT}" y="15">'
        f"{escape(title)}</text>{grid}{ticks}{lines}{now}</svg>"
    )


def in_words(curves: Sequence[np.ndarray], names: Sequence[str], fps: Fraction, title: str) -> str:
    """'AU12, lip corner puller, 0 to 5. mode 1: from 0.0 to 3.1, highest 3.2 at 1.4 s. ...'"""
    parts = [
        f"{name}: from {curve[0]:.1f} to {curve[-1]:.1f}, highest {curve.max():.1f} at {float(int(curve.argmax()) / fps):.1f} s"
        for curve, name in zip(curves, names)
    ]
    return f"{title}, 0 to 5. {'. '.join(parts)}."


def _points(curve: np.ndarray, fps: Fraction, seconds: float, top: float) -> str:
    return " ".join(f"{_x(t / float(fps), seconds):.1f},{_y(float(v), top):.1f}" for t, v in enumerate(curve))


def _x(second: float, seconds: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * second / seconds


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(max(value, 0.0), top) / top


def _tick(t: float, seconds: float) -> str:
    """The words of a second, below it; of one near the end, up to the edge."""
    near = _x(t, seconds) > WIDTH - HALF_TICK
    x, anchor = (WIDTH - 1, "end") if near else (_x(t, seconds), "middle")
    return f'<text x="{x:.1f}" y="{HEIGHT - 12}" text-anchor="{anchor}">{t:g} s</text>'


def _ticks(seconds: float) -> list[float]:
    step = next(step for step in (0.25, 0.5, 1, 2, 5, 10, 20, 60) if seconds / step <= 5 or step == 60)
    return [i * step for i in range(int(seconds / step + 1e-6) + 1)]
