"""What a study shows: its pairs of clips, kept in study.json. Pure records; building them is `build`, answering them `answers`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from limner.types import InputError

PLAN, CLIPS, ANSWERS = "study.json", "clips", "answers.sqlite"
VERSION = 1
QUESTION = "Which of the two looks more like a real smile?"  # ours: the paper's question is not printed
NO_LABEL = "no label"
FIRST, SECOND, NEITHER = "first", "second", "none"  # an answer in terms of the pair's own order


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two clips of one input, beside each other in one video: `first` is its left half.

    id: also the video's name, says nothing of the methods. first, second: methods; of an attention check both name the one method whose
    clip is shown whole and broken. first_clip, second_clip: ids in the methods' stores. intact: of a check, the half that is not broken.
    """

    id: str
    source: str
    label: str
    first: str
    second: str
    first_clip: str
    second_clip: str
    intact: str | None = None

    @property
    def is_check(self) -> bool:
        return self.intact is not None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A study. id: of its very content. methods: in the order they were named. per_rater: pairs one rater is asked about, checks aside."""

    id: str
    methods: tuple[str, ...]
    pairs: tuple[Pair, ...]
    per_rater: int
    seed: int
    question: str = QUESTION

    @property
    def checks(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if pair.is_check)

    @property
    def compared(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if not pair.is_check)


def video_of(folder: Path, pair: str) -> Path:
    """Where the video of a pair lies."""
    return Path(folder) / CLIPS / f"{pair}.mp4"


def write_plan(folder: Path, plan: Plan) -> None:
    """Writes study.json, whole or not at all."""
    from limner.media.files import write_text

    write_text(Path(folder) / PLAN, json.dumps({"limner.study": VERSION, **asdict(plan)}, ensure_ascii=False, indent=1) + "\n")


def read_plan(folder: Path) -> Plan:
    """The study in a folder. InputError where there is none, or it is damaged, or newer than this limner."""
    path = Path(folder) / PLAN
    if not path.is_file():
        raise InputError(f"{folder} holds no study: it has no {PLAN}; limner study build makes one")
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = told.pop("limner.study")
        if version != VERSION:
            raise InputError(f"{path} has format version {version}, this limner reads {VERSION}: update limner")
        pairs = tuple(Pair(**pair) for pair in told.pop("pairs"))
        return Plan(**{**told, "methods": tuple(told["methods"]), "pairs": pairs})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged ({type(error).__name__}: {error}); build the study again") from error
