"""The commands and the Python of README.md, CONTRIBUTING.md and docs/, for the tests that read them and those that run them."""

from __future__ import annotations

import re
from pathlib import Path

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
