"""The commands and the Python of README.md, CONTRIBUTING.md and docs/, for the tests that read them and those that run them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
SHELL = {"", "sh", "bash", "shell", "console"}  # languages of fenced blocks that hold commands


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, text) of each fenced block, and of each indented one as language ''."""
    found, inside, language, fence = [], [], "", None
    for line in text.splitlines():
        if (mark := re.match(r"\s*(```+)\s*([\w-]*)", line)) and (fence is None or line.strip() == fence):
            if fence is None:
                fence, language, inside = mark[1], mark[2], []
            else:
                found.append((language, "\n".join(inside)))
                fence = None
        elif fence is not None:
            inside.append(line)
        elif line.startswith("    "):
            found.append(("", line.strip()))
    return found


def commands(page: Path) -> list[str]:
    """Every shell command of a page: lines of its blocks, without comments, continued lines joined."""
    found = []
    for language, block in blocks(page.read_text()):
        if language in SHELL:
            lines = re.sub(r"\\\n\s*", " ", block).splitlines()
            found += [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return found


def mentions(page: Path) -> list[str]:
    """Every `limner ...` in running text; often less than a whole command."""
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    return [" ".join(match.split()) for match in re.findall(r"`((?:python -m )?limner [a-z][^`]*)`", prose)]


def limner_part(command: str) -> str | None:
    """The `limner ...` in a command line of any program, without its comment; None where there is none."""
    command = re.sub(r"(?<=\s)#.*", "", command).strip()
    found = re.search(r"(?:^|(?<!-t)[\s;&|/]|-m )limner (.*)", command)  # -t limner: an image's name
    return found[1].strip() if found else None


def python_blocks(page: str) -> dict[str, str]:
    """title, or number where there is none -> the Python of a page's blocks."""
    text = (ROOT / page).read_text()
    found = re.findall(r'^```python(?: title="([^"]+)")?\n(.*?)^```', text, flags=re.S | re.M)
    return {title or str(i): code for i, (title, code) in enumerate(found)}


def person() -> np.ndarray:
    """A picture of a whole person, whose arms are seen."""
    with (files("limner.web.studio") / "static" / "person.webp").open("rb") as file:
        return np.asarray(Image.open(file).convert("RGB"))


QUICK = {  # appended where the page does not say otherwise, so that the flow takes seconds
    "smile": ("--size", "128", "--frames", "6", "--renderer", "warp"),
    "render": ("--size", "128", "--renderer", "warp"),
    "move": ("--size", "128"),
}


def run_all(
    page: str,
    limner,
    *,
    skip: tuple[str, ...] = (),
    instead: dict[str, str] | None = None,
    serve: Callable[[list[str]], None] | None = None,
) -> list[str]:
    """Every limner command of a page in its order, really, with QUICK's options; -> those run. skip: begins of commands left out. instead:
    words in place of others. serve: does what serves until it is stopped."""
    done = []
    found = [command for language, block in blocks((ROOT / page).read_text()) if language == "sh" for command in block.splitlines()]
    for words in map(limner_part, found):
        if not words or words.startswith(skip):
            continue
        for old, new in (instead or {}).items():
            words = words.replace(old, new)
        parts = shlex.split(words)
        for option, value in zip(QUICK.get(parts[0], ())[::2], QUICK.get(parts[0], ())[1::2]):
            if option not in parts and "--help" not in parts:
                parts += [option, value]
        done.append(words)
        if serve is not None and "serve" in parts:
            serve(parts)
            continue
        code, said, errors = limner(*parts)
        assert code == 0, f"{words}: {said} {errors}"
    return done
