"""What a study's answers say, as the paper's Table 2 does and with what it leaves out: intervals, tests, strengths, agreement.

Attention checks are not votes. Raters who took a broken clip for the better one, or saw no difference, are left out. Simulated raters
never stand beside real ones: they count only where there is no other, and the report then says so in its title.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from limner.evaluation.study.answers import LEFT, NONE, RIGHT, Vote
from limner.evaluation.study.plan import FIRST, NEITHER, Plan
from limner.evaluation.study.statistics import bradley_terry, krippendorff, sign_test, wilson
from limner.types import InputError

TIE, ALL = "~", "all"
LEAST_RATERS = 5  # ours: an interval drawn from fewer would pretend
DRAWS = 400  # of a bootstrap
SIMULATED = "SIMULATED RATERS: a test of the machinery, no finding about any method"


def report(plan: Plan, votes: Sequence[Vote], *, keep_all: bool = False, seed: int = 0) -> dict[str, Any]:
    """All figures, as JSON can hold them; None where one cannot be had. keep_all: also raters who missed an attention check.

    InputError where there is no vote to report."""
    has_real = any(not vote.simulated for vote in votes)
    ours = [vote for vote in votes if vote.simulated is not has_real]
    failed = set() if keep_all else {vote.rater for vote in ours if vote.pair.is_check and vote.said != vote.pair.intact}
    kept = [vote for vote in ours if vote.rater not in failed and not vote.pair.is_check]
    raters, ignored = sorted({vote.rater for vote in kept}), {vote.rater for vote in votes} - {vote.rater for vote in ours}
    if not kept:
        raise InputError(
            "nobody has answered this study yet"
            if not ours
            else f"no answers are left: all {len(failed)} raters missed an attention check (--keep-all counts them)"
        )
    labels = sorted({vote.pair.label for vote in kept})
    rows = [
        row
        for one, other in itertools.combinations(plan.methods, 2)
        for label in [*labels, *([ALL] if len(labels) > 1 else [])]
        if (row := _comparison(one, other, label, kept)) is not None
    ]
    return {
        "study": plan.id,
        "question": plan.question,
        "methods": list(plan.methods),
        "simulated": not has_real,
        "raters": {"counted": len(raters), "left_out": len(failed), "simulated_ignored": len(ignored)},
        "answers": len(kept),
        "comparisons": rows,
        "strengths": strengths(plan.methods, kept, seed=seed),
        "agreement": _agreement(kept),
        "left_side": _sides(kept),
    }  # fmt: skip


def choice_of(vote: Vote) -> str:
    """The method a vote is for, or "~"."""
    if vote.said == NEITHER:
        return TIE
    return vote.pair.first if vote.said == FIRST else vote.pair.second


def _comparison(one: str, other: str, label: str, votes: Sequence[Vote]) -> dict[str, Any] | None:
    """A column of Table 2: how often each of two methods was preferred, and neither."""
    met = [vote for vote in votes if {vote.pair.first, vote.pair.second} == {one, other} and label in (ALL, vote.pair.label)]
    if not met:
        return None
    counts = Counter(choice_of(vote) for vote in met)
    shares = {}
    for name in (one, other, TIE):
        low, high = wilson(counts[name], len(met))
        shares[name] = {"votes": counts[name], "percent": 100 * counts[name] / len(met), "low": 100 * low, "high": 100 * high}
    lean = [sum((choice_of(v) == one) - (choice_of(v) == other) for v in met if v.rater == rater) for rater in {v.rater for v in met}]
    for_one, for_other = sum(x > 0 for x in lean), sum(x < 0 for x in lean)
    return {
        "one": one,
        "other": other,
        "label": label,
        "answers": len(met),
        "shares": shares,
        "sign_p": sign_test(counts[one], counts[other]),
        "raters": {"for_one": for_one, "for_other": for_other, "sign_p": sign_test(for_one, for_other)},
    }


def strengths(methods: Sequence[str], votes: Sequence[Vote], *, seed: int = 0) -> dict[str, dict[str, float | None]] | None:
    """Bradley-Terry strengths with 95 % bootstrap intervals over raters; None where votes do not link all methods.

    Intervals are None with fewer than LEAST_RATERS raters."""
    raters = sorted({vote.rater for vote in votes})
    wins_of = {rater: np.zeros((len(methods), len(methods))) for rater in raters}
    for vote in votes:
        i, j = methods.index(vote.pair.first), methods.index(vote.pair.second)
        share = {FIRST: 1.0, NEITHER: 0.5}.get(vote.said, 0.0)
        wins_of[vote.rater][i, j] += share
        wins_of[vote.rater][j, i] += 1 - share
    wins_RMM = np.stack([wins_of[rater] for rater in raters])
    try:
        best = bradley_terry(wins_RMM.sum(0))
    except ValueError:
        return None
    low = high = [None] * len(methods)
    if len(raters) >= LEAST_RATERS:
        rng, drawn = np.random.default_rng(seed), []
        for _ in range(DRAWS):
            try:
                drawn.append(bradley_terry(wins_RMM[rng.integers(0, len(raters), len(raters))].sum(0), steps=500, tolerance=1e-6))
            except ValueError:  # a draw of raters who did not meet all methods
                continue
        low, high = (np.quantile(np.stack(drawn), q, axis=0).tolist() for q in (0.025, 0.975))
    return {name: {"strength": float(best[i]), "low": low[i], "high": high[i]} for i, name in enumerate(methods)}


def _agreement(votes: Sequence[Vote]) -> dict[str, Any]:
    """Krippendorff's alpha over the pairs that two raters or more answered; None where it is not defined."""
    units: dict[str, list[str]] = {}
    for vote in votes:
        units.setdefault(vote.pair.id, []).append(vote.said)
    alpha = krippendorff(units.values())
    return {"krippendorff_alpha": None if np.isnan(alpha) else alpha, "pairs": sum(len(unit) > 1 for unit in units.values())}


def _sides(votes: Sequence[Vote]) -> dict[str, float]:
    """How often the left video was chosen of those that were: far from half, raters did not look."""
    counts = Counter(vote.choice for vote in votes)
    chosen = counts[LEFT] + counts[RIGHT]
    assert chosen + counts[NONE] == len(votes)
    low, high = wilson(counts[LEFT], chosen)
    return {"left": counts[LEFT], "chosen": chosen, **({"low": 100 * low, "high": 100 * high} if chosen else {})}


# As text


def markdown(told: dict[str, Any]) -> str:
    """The report as Markdown."""
    raters = told["raters"]
    lines = [f"# Preference study{': ' + SIMULATED if told['simulated'] else ''}", "", f"{told['question']} {told['answers']} answers"]
    lines[-1] += f" of {raters['counted']} raters; {raters['left_out']} left out for a missed attention check."
    if raters["simulated_ignored"]:
        lines[-1] += f" {raters['simulated_ignored']} simulated raters are not counted."
    for one, other in dict.fromkeys((row["one"], row["other"]) for row in told["comparisons"]):
        rows = [row for row in told["comparisons"] if (row["one"], row["other"]) == (one, other)]
        lines += ["", f"| % of answers | {' | '.join(row['label'] for row in rows)} |", f"|---|{'---|' * len(rows)}"]
        for name in (one, other, TIE):
            lines.append(f"| {name} | {' | '.join(_share(row['shares'][name]) for row in rows)} |")
        lines.append(f"| answers | {' | '.join(str(row['answers']) for row in rows)} |")
        lines.append(f"| sign test, answers: p | {' | '.join(_p(row['sign_p']) for row in rows)} |")
        lines.append(f"| sign test, raters: p | {' | '.join(_p(row['raters']['sign_p']) for row in rows)} |")
    lines += ["", *_strength_lines(told["strengths"]), "", _agreement_line(told["agreement"]), _side_line(told["left_side"]), ""]
    lines.append(
        "Intervals of shares are Wilson's, 95 %, as if all answers were independent; those of one rater are not, so the sign test over "
        "raters (each one's majority) is the safer of the two."
    )
    return "\n".join(lines) + "\n"


def _strength_lines(found: dict[str, dict[str, Any]] | None) -> list[str]:
    if found is None:
        return ["Bradley-Terry strengths: not all methods are linked by answers yet."]
    ranked = sorted(found.items(), key=lambda item: -item[1]["strength"])
    lines = ["| Bradley-Terry | strength, of 1 in all |", "|---|---|"]
    for name, value in ranked:
        between = "" if value["low"] is None else f" ({value['low']:.3f} to {value['high']:.3f})"
        lines.append(f"| {name} | {value['strength']:.3f}{between} |")
    return lines


def _agreement_line(found: dict[str, Any]) -> str:
    if found["krippendorff_alpha"] is None:
        return f"Agreement between raters: not defined ({found['pairs']} pairs with two answers or more)."
    alpha = found["krippendorff_alpha"]
    return f"Agreement between raters: Krippendorff's alpha {alpha:.2f} (1 full, 0 chance), over {found['pairs']} pairs."


def _side_line(found: dict[str, Any]) -> str:
    if not found["chosen"]:
        return "Nobody chose a side."
    share = f"{100 * found['left'] / found['chosen']:.0f} % ({found['low']:.0f} to {found['high']:.0f})"
    return f"The left video was chosen in {share} of the answers that chose one; 50 expected."


def _share(value: dict[str, float]) -> str:
    return f"{value['percent']:.2f} ({value['low']:.1f} to {value['high']:.1f})"


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def table_csv(told: dict[str, Any]) -> str:
    """A row for each two methods, label and answer."""
    rows = []
    for row in told["comparisons"]:
        for name, value in row["shares"].items():
            between = [value["percent"], value["low"], value["high"], row["sign_p"]]
            rows.append([row["one"], row["other"], row["label"], name, value["votes"], row["answers"], *between])
    return _csv(["one", "other", "label", "answer", "votes", "of", "percent", "low", "high", "sign_p"], rows)


def votes_csv(votes: Sequence[Vote]) -> str:
    """A row for each answer: rater by number, pair, methods, what was preferred and on which side; checks among them."""
    rows = [
        [v.rater, v.pair.id, v.pair.source, v.pair.label, v.pair.first, v.pair.second, choice_of(v), v.choice, int(v.pair.is_check),
         int(v.said == v.pair.intact) if v.pair.is_check else "", int(v.simulated)]
        for v in votes
    ]  # fmt: skip
    names = ["rater", "pair", "source", "label", "first", "second", "preferred", "side", "is_check", "check_passed", "simulated"]
    return _csv(names, rows)


def _csv(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()


def write_report(folder: Path, told: dict[str, Any], votes: Sequence[Vote]) -> Path:
    """report.md, report.json, table.csv and votes.csv in a folder -> report.md."""
    from limner.media.files import make_folder, write_text

    folder = make_folder(folder)
    write_text(folder / "report.json", json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    write_text(folder / "table.csv", table_csv(told))
    write_text(folder / "votes.csv", votes_csv(votes))
    write_text(folder / "report.md", markdown(told))
    return folder / "report.md"
