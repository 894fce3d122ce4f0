"""From looks to scores: each with a 95 % bootstrap interval over people, or one line that says why there is none.

People are drawn with replacement, 1,000 times for means, 200 for measures of sets (30 where a network gives over 512 features). What is of
means is the plain percentile interval. Sets look poorer when people are drawn twice, so their draws are moved onto the score: the interval
is their spread round it. Shapes: P people, D features, n rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from limner.evaluation.looks import Look
from limner.measures import sets

DRAWS, SET_DRAWS, WIDE_DRAWS, WIDE = 1000, 200, 30, 512
MOST_MOTIONS = 200  # ours: of a mode, drawn for the distance within it; the pairs grow with the square
SEED = 0
Score = dict[str, Any]
Statistic = Callable[[np.ndarray], float]  # weights of the people -> a value


class People:
    """The people of some looks, in order, and draws of them."""

    def __init__(self, looks: Sequence[Look]):
        self.names = sorted({look.person for look in looks})
        self.number = {name: i for i, name in enumerate(self.names)}

    def of(self, looks: Sequence[Look], counts: Sequence[int] | None = None) -> np.ndarray:
        """The person's number of each look, or of each of its rows."""
        each = np.array([self.number[look.person] for look in looks], int)
        return each if counts is None else each.repeat(counts)

    def draws(self, num: int) -> np.ndarray:
        """(num, P) how often each person is drawn."""
        size = len(self.names)
        return np.random.default_rng(SEED).multinomial(size, np.full(size, 1 / size), num).astype(np.float64)


def refused(why: str) -> Score:
    return {"refused": why}


def of_means(looks: Sequence[Look], key: str) -> Score | None:
    """The mean over people of each one's mean; None where nobody has the value."""
    known = [look for look in looks if key in look.values]
    if not known:
        return None
    people = People(known)
    rows, values = people.of(known), np.array([look.values[key] for look in known])
    if not np.isfinite(values).all():
        return refused(f"{int((~np.isfinite(values)).sum())} clips gave no number")
    each = np.bincount(rows, values) / np.bincount(rows)
    draws = people.draws(DRAWS)
    return scored(float(each.mean()), draws @ each / len(each), len(known), len(people.names), move=False)


def scored(value: float, draws: Any, clips: int, people: int, *, move: bool = True, least: float | None = None) -> Score:
    """A score with its interval. move: the draws onto the value; least: what it cannot lie under."""
    found: Score = {"value": float(value), "low": None, "high": None, "clips": int(clips), "people": int(people)}
    if people < 2:
        return found  # evaluate() says so once
    draws = np.asarray(draws, float)
    if move:
        draws = draws - draws.mean() + value
    low, high = (float(np.quantile(draws, part)) for part in (0.025, 0.975))
    return found | {"low": low if least is None else max(least, low), "high": high if least is None else max(least, high)}


def of_set(statistic: Statistic, people: People, clips: int, *, draws: int = SET_DRAWS, least: float | None = None) -> Score:
    """A measure of sets: statistic(weights of the people)."""
    ones = np.ones(len(people.names))
    found = []
    if len(people.names) > 1:
        for weights in people.draws(draws):
            try:
                found.append(statistic(weights))
            except ValueError:  # a draw that leaves a set (almost) empty
                continue
    return scored(statistic(ones), found, clips, len(people.names) if found else 1, least=least)


def inception(looks: Sequence[Look], real: Sequence[Look], net: str, suffix: str) -> dict[str, Score]:
    """Inception Score and, where the looks are not the originals, its difference to theirs."""
    own = [look for look in looks if net in look.classes]
    if not own:
        return {}
    people, found = People([*own, *real]), {}
    score = _inception_of(own, net, people)
    alone = People(own)
    found[f"is{suffix}"] = of_set(_inception_of(own, net, alone), alone, len(own), least=1.0)
    if looks is not real and any(net in look.classes for look in real):
        theirs = _inception_of(real, net, people)
        found[f"is_difference{suffix}"] = of_set(lambda w: abs(score(w) - theirs(w)), people, len(own), least=0.0)
    return found


def _inception_of(looks: Sequence[Look], net: str, people: People) -> Statistic:
    rows = np.concatenate([look.classes[net] for look in looks])
    of = people.of(looks, [len(look.classes[net]) for look in looks])
    return lambda weights: sets.inception_score(rows, weights[of])


def frechet(looks: Sequence[Look], real: Sequence[Look], net: str, key: str, kind: str = "frames") -> dict[str, Score]:
    """FID or FVD: the sets' features as normal distributions."""
    own, theirs = ([look for look in some if net in getattr(look, kind)] for some in (looks, real))
    if not own or not theirs:
        return {}
    people = People([*own, *theirs])
    rows, of = zip(*(_rows(some, net, kind, people) for some in (own, theirs)))
    least = min(map(len, rows))
    if least < 2:
        return {key: refused(f"needs two {kind} of each set, there is {least}")}

    def statistic(weights: np.ndarray) -> float:
        return sets.frechet_distance(rows[0], rows[1], weights[of[0]], weights[of[1]])

    wide = rows[0].shape[1] > WIDE
    found = of_set(statistic, people, len(own), draws=WIDE_DRAWS if wide else SET_DRAWS, least=0.0)
    if least <= 2 * rows[0].shape[1]:
        found["note"] = f"{least} {kind} for {rows[0].shape[1]} features: too high by chance; compare sets of this size only"
    return {key: found}


def kernel(looks: Sequence[Look], real: Sequence[Look], net: str, key: str) -> dict[str, Score]:
    """KID."""
    own, theirs = ([look for look in some if net in look.frames] for some in (looks, real))
    if not own or not theirs:
        return {}
    people = People([*own, *theirs])
    (x, of_x), (y, of_y) = (_rows(some, net, "frames", people) for some in (own, theirs))
    if min(len(x), len(y)) < 2:
        return {key: refused(f"needs two frames of each set, there is {min(len(x), len(y))}")}
    num = len(people.names)
    first = (*sets.kernel_sums(x, x, of_x, of_x, num), np.bincount(of_x, minlength=num).astype(float))
    second = (*sets.kernel_sums(y, y, of_y, of_y, num), np.bincount(of_y, minlength=num).astype(float))
    between, _ = sets.kernel_sums(x, y, of_x, of_y, num)
    return {key: of_set(lambda weights: sets.kernel_distance_of(first, second, between, weights), people, len(own))}


def _rows(looks: Sequence[Look], net: str, kind: str, people: People) -> tuple[np.ndarray, np.ndarray]:
    arrays = [getattr(look, kind)[net] for look in looks]
    return np.concatenate(arrays).astype(np.float64), people.of(looks, [len(one) for one in arrays])


def curves(looks: Sequence[Look], real: Sequence[Look]) -> dict[str, Score]:
    """Table 3's form: L1 of the mean curves, AU6 and AU12 together and alone."""
    own, theirs = ([look for look in some if look.curves] for some in (looks, real))
    if not own or not theirs:
        return {}
    people, found = People([*own, *theirs]), {}
    sums = [_curve_sums(some, people) for some in (own, theirs)]

    def apart(weights: np.ndarray, units: slice) -> float:
        if any(weights @ number == 0 for _, number in sums):
            raise ValueError("no curve is drawn")
        first, second = (np.tensordot(weights, total, 1) / (weights @ number) for total, number in sums)
        return float(np.abs(first - second)[:, units].sum())

    num = sum(len(look.curves) for look in own)
    for key, units in (("au_curves", slice(None)), ("au6_curves", slice(0, 1)), ("au12_curves", slice(1, 2))):
        found[key] = of_set(lambda weights, units=units: apart(weights, units), people, num, draws=DRAWS, least=0.0)
    return found


def _curve_sums(looks: Sequence[Look], people: People) -> tuple[np.ndarray, np.ndarray]:
    """(P, 32, 2) sums of each person's curves, and (P,) how many."""
    total, number = np.zeros((len(people.names), *looks[0].curves[0].shape)), np.zeros(len(people.names))
    for look in looks:
        for curve in look.curves:
            total[people.number[look.person]] += curve
            number[people.number[look.person]] += 1
    return total, number


def mean_curves(rows: dict[str, list[Look]], labels: Sequence[str]) -> dict[str, Any]:
    """Row -> label -> unit -> the mean curve over people's clips, its 95 % band over people, 32 moments each; where faces were seen."""
    found: dict[str, Any] = {}
    for name, looks in rows.items():
        for label in labels or [None]:
            own = [look for look in looks if look.curves and label in (None, look.label)]
            if not own:
                continue
            people = People(own)
            total, number = _curve_sums(own, people)
            draws = people.draws(SET_DRAWS)
            drawn = np.tensordot(draws, total, 1) / (draws @ number)[:, None, None]
            low, high = np.quantile(drawn, 0.025, 0), np.quantile(drawn, 0.975, 0)
            mean = total.sum(0) / number.sum()
            units = {
                unit: {"mean": mean[:, u].round(4).tolist(), "low": low[:, u].round(4).tolist(), "high": high[:, u].round(4).tolist()}
                for u, unit in enumerate(("AU06", "AU12"))
            }
            found.setdefault(name, {})[label or "all"] = units
    return found


def within(looks: Sequence[Look]) -> dict[str, Score]:
    """How differently a mode moves different faces: mean distance, % of the inter-ocular distance, over pairs of people; mean of modes."""
    modes = sorted({mode for look in looks for mode in look.moved})
    people = People(looks)
    tables = []
    for mode in modes:
        own = [look for look in looks if mode in look.moved]
        if len(own) > MOST_MOTIONS:
            own = [own[i] for i in np.random.default_rng(SEED).permutation(len(own))[:MOST_MOTIONS]]
        moved, of = np.stack([look.moved[mode] for look in own]), people.of(own)
        apart = np.stack([np.linalg.norm(one - moved, axis=-1).mean((1, 2)) for one in moved])
        tables.append((100 * apart, of, of[:, None] != of[None, :]))
    tables = [table for table in tables if table[2].any()]
    if not tables:
        return {}

    def statistic(weights: np.ndarray) -> float:
        found = []
        for apart, of, other in tables:
            pairs = other * weights[of][:, None] * weights[of][None, :]
            if not pairs.sum():
                raise ValueError("no two people are drawn")
            found.append(float((apart * pairs).sum() / pairs.sum()))
        return float(np.mean(found))

    return {"modes_within": of_set(statistic, people, sum(len(look.moved) for look in looks), least=0.0)}


MEANS = (
    "ssim", "ssim_best", "ms_ssim", "psnr", "mouth_ssim", "body_ssim", "sharpness", "flicker", "frame_difference", "modes_apart_px",
    "lpips", "lpips_alexnet", "landmark_error", "au_clip", "au_clip_dtw", "modes_apart", "jitter", "identity", "aed", "recognised",
)  # fmt: skip


def scores_of(looks: Sequence[Look], real: Sequence[Look]) -> dict[str, Score]:
    """Every score that the looks allow. real: the originals' looks; the same list for the originals themselves."""
    found: dict[str, Score] = {}
    for key in MEANS:
        score = of_means(looks, key)
        if score is not None:
            found[key] = score
    nets = sorted({net for look in looks for net in look.frames})
    for net in nets:
        suffix = "" if net == "frames" else f"_{net}"
        found |= inception(looks, real, net, suffix)
        if looks is not real:
            found |= frechet(looks, real, net, f"fid{suffix}")
            found |= kernel(looks, real, net, f"kid{suffix}")
    if looks is not real:
        for net in sorted({net for look in looks for net in look.films}):
            found |= frechet(looks, real, net, "fvd" if net == "films" else f"fvd_{net}", "films")
        found |= curves(looks, real)
    return found | within(looks)
