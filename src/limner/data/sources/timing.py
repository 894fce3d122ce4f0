"""When a smile moves: onset, apex and offset of posed and of spontaneous smiles, drawn clip by clip.

What the literature gives is mostly the direction of a difference; every number is ours, chosen to lie that way. Read for this were the
papers' abstracts (marked +: as quoted by others), not the papers:
- Schmidt, Ambadar, Cohn & Reed 2006 (J. Nonverbal Behavior 30:37): posed smiles have greater onset and offset speed, greater amplitude and
  longer offsets; they are not more lopsided.
- Schmidt, Bhattacharya & Denlinger 2009 (J. Nonverbal Behavior 33:35): the greater onset speed of posed smiles again, and again no
  difference of symmetry.
- Schmidt, Cohn & Tian 2003 (Biological Psychology 65:49): in spontaneous smiles speed and amplitude keep a consistent relation.
- Cohn & Schmidt 2004 (Int. J. Wavelets 2:121) +: timing tells posed from spontaneous smiles, though not always.
- Guo, Zhang, Liang & Yan 2018 (Frontiers in Psychology 9:202), on UvA-NEMO: genuine smiles have longer onset, apex and offset, lower
  speeds, and a more irregular apex. Schmidt 2006 found posed offsets the longer ones: here they are shorter, as on UvA-NEMO.
- Dibeklioglu, Salah & Gevers 2012 (ECCV) and 2015 +: eyelid, cheek and lip-corner dynamics together tell the two apart on UvA-NEMO.
- Valstar, Pantic, Ambadar & Cohn 2006 (ICMI) +: of brow actions, order, speed and duration matter. Valstar, Gunes & Pantic 2007 (ICMI):
  head, face and shoulders together tell smiles apart best; which label moves its head more, the abstract does not say.
- Ekman & Friesen 1982 (J. Nonverbal Behavior 6:238) +: felt smiles raise the cheeks (AU6), start and end slower; deliberate ones are more
  lopsided.
- Frank & Ekman 1993 (Humor 6:9), a review: enjoyment smiles have AU6, reach its height and that of AU12 together, and are symmetric and
  smooth. Frank, Ekman & Friesen 1993 (J. Personality and Social Psychology 64:83): smoother, and of more consistent duration.
- Hess & Kleck 1990 (European J. Social Psychology 20:369): irregularity tells elicited from deliberate expressions better than speed does.
- Ambadar, Cohn & Reed 2009 (J. Nonverbal Behavior 33:17): smiles seen as amused, against polite ones, more often open the mouth and show
  AU6, last longer, and are larger and quicker.
- Krumhuber & Manstead 2009 (Emotion 9:807) +: many people show AU6 in posed smiles too; so it is a tendency here, not a rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

Ease = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What one label tends to do. Pairs are (median, spread) of a log-normal or (mean, spread) of a normal, as said. See the file's head.

    onset_s, offset_s: log-normal, seconds. apex_s: uniform bounds. peak: normal, AU12. skew: bounds of the two exponents of the onset's
    Beta curve: a small first one moves early and settles; fall: the offset's. two_step: probability of a pause on the way up.
    duchenne: probability of AU6; au6: normal. au6_lag: bounds, in onsets, by which AU6 starts after AU12. lopsided: spread of
    (left - right)/(left + right) of a plain smile; one_sided: probability of a plainly lopsided one, and its bounds. side_lag: bounds in
    onsets. closed, laugh: probabilities beside showing teeth. peaks: probabilities of 1, 2, 3, 4 peaks of a full smile. dip: bounds of how
    far it sinks between them. head_deg: spread of the head's turn, degrees. blink: probability during the onset. brow: spread of the
    brow's part.
    """

    onset_s: tuple[float, float]
    offset_s: tuple[float, float]
    apex_s: tuple[float, float]
    peak: tuple[float, float]
    skew: tuple[tuple[float, float], tuple[float, float]]
    fall: tuple[tuple[float, float], tuple[float, float]]
    two_step: float
    duchenne: float
    au6: tuple[float, float]
    au6_lag: tuple[float, float]
    lopsided: float
    one_sided: tuple[float, float, float]
    side_lag: tuple[float, float]
    closed: float
    laugh: float
    peaks: tuple[float, float, float, float]
    dip: tuple[float, float]
    head_deg: float
    blink: float
    brow: float


HABITS = {
    "posed": Habits(
        onset_s=(0.55, 0.28),  # ours; faster than spontaneous: Schmidt 2006, 2009; Guo 2018
        offset_s=(0.75, 0.28),  # ours; faster: Schmidt 2006; shorter: Guo 2018
        apex_s=(0.4, 1.8),  # ours; shorter: Guo 2018
        peak=(3.6, 0.8),  # ours; larger: Schmidt 2006
        skew=((1.5, 2.0), (2.8, 4.2)),  # ours; quick at first; a greater top speed: Schmidt 2006
        fall=((2.0, 2.8), (2.2, 3.0)),  # ours; a let-go
        two_step=0.35,  # ours; less smooth: Frank 1993; Hess & Kleck 1990
        duchenne=0.4,  # ours; many pose it: Krumhuber & Manstead 2009
        au6=(1.3, 0.6),  # ours
        au6_lag=(0.15, 0.45),  # ours; less together: Frank & Ekman 1993
        lopsided=0.08,  # ours; more lopsided: Ekman & Friesen 1982 (not found by Schmidt 2006 and 2009, so mild)
        one_sided=(0.25, 0.18, 0.4),  # ours
        side_lag=(0.0, 0.15),  # ours
        closed=0.4,  # ours; polite smiles open less: Ambadar 2009
        laugh=0.05,  # ours
        peaks=(0.75, 0.2, 0.05, 0.0),  # ours; regular apex: Guo 2018
        dip=(0.05, 0.2),  # ours
        head_deg=0.8,  # ours, the direction too
        blink=0.15,  # ours
        brow=0.04,  # ours
    ),
    "spontaneous": Habits(
        onset_s=(1.05, 0.33),  # ours; slower: Schmidt 2006; Guo 2018
        offset_s=(1.5, 0.33),  # ours; slower: Schmidt 2006; longer: Guo 2018
        apex_s=(0.6, 3.2),  # ours; longer: Guo 2018
        peak=(3.1, 0.8),  # ours; smaller: Schmidt 2006
        skew=((2.2, 3.2), (2.0, 2.9)),  # ours; smooth: Frank 1993
        fall=((1.5, 2.0), (2.8, 4.0)),  # ours; a long tail
        two_step=0.2,  # ours
        duchenne=0.88,  # ours; the Duchenne marker: Ekman & Friesen 1982
        au6=(3.0, 0.7),  # ours
        au6_lag=(-0.1, 0.12),  # ours; cheeks and lips together: Frank & Ekman 1993
        lopsided=0.035,  # ours; symmetric: Frank & Ekman 1993
        one_sided=(0.08, 0.12, 0.25),  # ours
        side_lag=(0.0, 0.04),  # ours
        closed=0.28,  # ours; Ambadar 2009
        laugh=0.2,  # ours; amusement: Ambadar 2009
        peaks=(0.35, 0.35, 0.2, 0.1),  # ours; more irregular apex: Guo 2018
        dip=(0.12, 0.5),  # ours
        head_deg=1.8,  # ours, the direction too
        blink=0.3,  # ours
        brow=0.08,  # ours
    ),
}


def beta_ease(a: float, b: float) -> Ease:
    """A smooth rise from 0 to 1 on [0, 1]: the integral of the Beta(a, b) speed profile; speed is 0 at both ends for a, b > 1."""
    return lambda u: betainc(a, b, np.clip(u, 0, 1))


def draw_ease(rng: np.random.Generator, habits: Habits) -> Ease:
    """One onset curve: the label's speed profile, in some clips with a step: a first rise, a pause, a second rise."""
    a, b = rng.uniform(*habits.skew[0]), rng.uniform(*habits.skew[1])
    whole = beta_ease(a, b)
    if rng.random() >= habits.two_step:
        return whole
    share, at, pause = rng.uniform(0.4, 0.7), rng.uniform(0.35, 0.55), rng.uniform(0.05, 0.2)  # ours
    first, second = beta_ease(a, 2.2), beta_ease(2.2, b)
    return lambda u: share * first(u / at) + (1 - share) * second((u - at - pause) / (1 - at - pause))


def draw_swells(rng: np.random.Generator, habits: Habits, onset_s: float, apex_s: float) -> Callable[[np.ndarray], np.ndarray]:
    """How the apex waxes and wanes: time in s -> factor near 1 in the apex, exactly 1 outside it.

    Between two peaks it sinks by a raised cosine as wide as they are apart; over all lies a slow waver, and often a slow fading.
    """
    num_dips = int(rng.choice(4, p=habits.peaks))
    num_dips = min(num_dips, int(apex_s / 0.5))  # ours: a dip and its peak need half a second
    apart = apex_s / (num_dips + 1)
    centres = onset_s + apart * (np.arange(num_dips) + 1 + rng.uniform(-0.15, 0.15, size=num_dips))
    depths = rng.uniform(*habits.dip, size=num_dips)
    fading = rng.uniform(0, 1.0) * habits.dip[1] * 0.4  # ours
    waver, period, phase = rng.uniform(0.1, 0.3) * habits.dip[1] * 0.3, rng.uniform(0.8, 1.6), rng.uniform(0, 2 * np.pi)  # ours

    def swells(t: np.ndarray) -> np.ndarray:
        if apex_s == 0:
            return np.ones_like(t)
        inside = beta_ease(2, 2)((t - onset_s) / 0.4)
        factor = 1 - inside * (fading * np.clip((t - onset_s) / apex_s, 0, 1) ** 2 + waver * (1 + np.sin(2 * np.pi * t / period + phase)))
        for centre, depth in zip(centres, depths):
            factor = factor - depth * (0.5 + 0.5 * np.cos(np.pi * np.clip((t - centre) / (0.5 * apart), -1, 1)))
        return factor

    return swells


def smooth_walk(rng: np.random.Generator, t: np.ndarray, spread: float, pace_s: float = 0.5) -> np.ndarray:
    """A smooth random motion that starts at 0: a drift and two slow waves; (T,), about `spread` in size. pace_s: half the quick period."""
    drift = rng.normal(0, 0.7) * beta_ease(2.0, 2.0)(t / max(t[-1], 1e-6))
    waves = np.zeros_like(t)
    for scale, share in ((4 * pace_s, 0.5), (2 * pace_s, 0.25)):
        phase = rng.uniform(0, 2 * np.pi)
        waves += share * rng.normal() * (np.sin(2 * np.pi * t / scale + phase) - np.sin(phase))
    return spread * (drift + waves) * np.clip(t / 0.3, 0, 1) ** 2 * (3 - 2 * np.clip(t / 0.3, 0, 1))  # ours: a head starts from rest


def blink_curve(t: np.ndarray, at_s: float, length_s: float) -> np.ndarray:
    """One blink: closes in a third of its length and opens in the rest; (T,) in [0, 1]."""
    closing, opening = length_s / 3, length_s * 2 / 3
    return beta_ease(2.5, 2.5)((t - at_s) / closing) - beta_ease(2.5, 2.5)((t - at_s - closing) / opening)
