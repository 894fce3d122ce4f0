"""Table 2 of CMM-Net (CVPR 2018): what raters prefer, ours beside the paper's.

The study is built from the methods' stores of generated clips, then waits for raters: `limner study serve`. Once they have answered, the
same call gives the table. Simulated raters never stand beside the paper's figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.evaluation.study.build import Progress, StudySettings, build
from limner.evaluation.study.plan import ANSWERS
from limner.evaluation.study.report import ALL, TIE, report, write_report
from limner.media.files import write_text
from limner.types import InputError

if TYPE_CHECKING:
    from limner.data.store import Store

OURS = "CMM-Net"
LABELS = ("spontaneous", "posed")
# paper, Table 2: % of preferences; other method -> label -> (other, CMM-Net, no difference)
PAPER: dict[str, dict[str, tuple[float, float, float]]] = {
    "Video-GAN": {"spontaneous": (10.14, 85.14, 4.72), "posed": (7.24, 83.68, 9.08)},
    "CRA-Net": {"spontaneous": (17.76, 54.87, 27.37), "posed": (11.94, 59.72, 28.33)},
}
DIFFERS = (
    "What differs: other clips, other raters, their number unknown in the paper, and a question of our own (the paper prints none). "
    "The paper gives no intervals."
)


def table2(
    stores: Mapping[str, Store],
    out: Path,
    settings: StudySettings | None = None,
    *,
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> tuple[dict[str, Any] | None, str]:
    """-> (the report, None before anyone has answered; the table as Markdown, or what to do next).

    stores: the methods by the paper's names (Video-GAN, CRA-Net, CMM-Net), others beside them; the study is in `out`, and table2.md with
    the report once there are answers. InputError as `build`."""
    plan = build(stores, out, settings or StudySettings(), force=force, progress=progress)
    waits = f"{len(plan.compared)} pairs wait for raters: limner study serve {out}; afterwards the same command prints the table"
    if not (Path(out) / ANSWERS).exists():
        return None, waits
    from limner.evaluation.study.answers import Answers

    answers = Answers(Path(out), plan)
    try:
        votes = answers.votes()
    finally:
        answers.close()
    if not any(not vote.pair.is_check for vote in votes):
        return None, waits
    told = report(plan, votes)
    text = rows_of(told)
    write_report(Path(out) / "report", told, votes)
    write_text(Path(out) / "report" / "table2.md", text)
    return told, text


def rows_of(told: dict[str, Any]) -> str:
    """The report in the form of Table 2; the paper's figures beside ours unless raters were simulated. InputError without CMM-Net."""
    against = [row for row in told["comparisons"] if OURS in (row["one"], row["other"]) and row["label"] != ALL]
    if not against:
        raise InputError(f"no answers compare {OURS} with another method; the methods are {', '.join(told['methods'])}")
    labels = [label for label in LABELS if any(row["label"] == label for row in against)]
    labels += sorted({row["label"] for row in against} - set(LABELS))
    with_paper = not told["simulated"]
    heads = [f"{label}{kind}" for label in labels for kind in ((", ours", ", paper") if with_paper else ("",))]
    title = "" if with_paper else "SIMULATED RATERS: these figures test the machinery and say nothing of the methods.\n\n"
    lines = [f"| % of preferences | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for other in dict.fromkeys(row["one"] if row["other"] == OURS else row["other"] for row in against):
        of = {row["label"]: row for row in against if other in (row["one"], row["other"])}
        for place, name in enumerate((other, OURS, TIE)):
            cells = []
            for label in labels:
                share = of[label]["shares"][name] if label in of else None
                cells.append("-" if share is None else f"{share['percent']:.2f} ({share['low']:.1f} to {share['high']:.1f})")
                if with_paper:
                    printed = PAPER.get(other, {}).get(label)
                    cells.append("-" if printed is None else f"{printed[place]:.2f}")
            lines.append(f"| {name} | {' | '.join(cells)} |")
    kind = "simulated " if told["simulated"] else ""
    n = f"{told['answers']} answers of {told['raters']['counted']} {kind}raters; 95 % Wilson intervals."
    return f"{title}" + "\n".join(lines) + f"\n\n{n} {DIFFERS if with_paper else ''}".rstrip() + "\n"
