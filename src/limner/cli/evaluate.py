"""`limner evaluate`: every score that applies of stores of generated clips, beside the originals', and one page to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from limner.cli.session import OK, Bar, parse
from limner.types import InputError


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Scores with 95 % intervals over people, as JSON, Markdown and one page with curves, pictures and players.

    docs/evaluation.md tells what each score means."""

    real: Annotated[Path, arg(metavar="STORE")]
    """The store of real clips."""
    fake: Annotated[UseAppendAction[tuple[Path, ...]], arg(metavar="STORE2", help_behavior_hint="")] = ()
    """A store of generated clips; can be given several times."""
    out: Annotated[Path, arg(metavar="DIR")]
    """Where scores.json, scores.md and index.html go."""
    limit: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Only N of the real clips, spread over them."""
    no_detector: Annotated[bool, arg(help_behavior_hint="")] = False
    """Leave out what needs points found in the frames: quicker by far."""
    no_recognition: Annotated[bool, arg(help_behavior_hint="")] = False
    """Train no judge of labels on STORE's training clips (which takes minutes, once)."""
    inception: Annotated[str | None, arg(metavar="FILE|fetch", help_behavior_hint="")] = None
    """Also FID, KID and Inception Score by Inception v3: its weights, or fetch to download them once (96 MB)."""
    i3d: Annotated[str | None, arg(metavar="FILE|fetch", help_behavior_hint="")] = None
    """Also FVD by I3D (51 MB)."""
    alexnet: Annotated[str | None, arg(metavar="FILE|fetch", help_behavior_hint="")] = None
    """Also LPIPS by AlexNet (244 MB, and 6 kB of its authors' weights, which must lie beside it as lpips_alex.pth)."""
    judge: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Of bodies: a judge of actions, which limner bench actions makes; without it one is trained on STORE's training clips."""
    body_judge: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Of bodies: a judge of who they are, which limner bench bodies makes."""
    cache: Annotated[Path | None, arg(metavar="DIR2", help_behavior_hint="")] = None
    """Where what was found in clips and trained judges are kept; without it LIMNER_CACHE, or limner in the user's cache."""


def evaluate(args: Sequence[str]) -> int:
    """The command `limner evaluate`."""
    asked = parse(Evaluate, "evaluate", args)
    if not asked.fake:
        raise InputError("name at least one store of generated clips: limner evaluate --real STORE --fake STORE2 --out DIR")
    from limner.data.store import Store
    from limner.evaluation import report
    from limner.evaluation.evaluate import Networks
    from limner.evaluation.evaluate import evaluate as judge

    same = {name: getattr(asked, name) for name in ("inception", "i3d", "alexnet", "judge", "body_judge", "cache")}
    networks = Networks(detector=not asked.no_detector, recognition=not asked.no_recognition, **same)
    with Bar("evaluate") as bar:
        scores = judge(
            Store(asked.real), [Store(path) for path in asked.fake], asked.out, networks=networks, limit=asked.limit, progress=bar
        )
    print(report.markdown(scores).partition("\n# Label")[0].rstrip())
    print(f"\n{asked.out / 'index.html'} shows it all; scores.json and scores.md lie beside it")
    return OK


@dataclass(frozen=True, kw_only=True)
class Bench:
    """How fast clips are evaluated and in how much memory: SSIM beside torchmetrics' own, all scores, the detector's share."""

    store: Annotated[Positional[Path], arg(metavar="STORE")]
    """A clip store with pixels, whose clips are timed."""
    clips: int = 1000
    """How many clips."""
    out: Annotated[Path | None, arg(metavar="FILE.json", help_behavior_hint="")] = None
    """Also write the figures there."""


def evaluation(args: Sequence[str]) -> int:
    """The command `limner bench evaluation`."""
    asked = parse(Bench, "bench evaluation", args)
    from limner.bench import evaluation as bench

    with Bar("bench evaluation") as bar:
        bench.run(asked.store, clips=asked.clips, out=asked.out, progress=bar)
    return OK
