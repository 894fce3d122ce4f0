"""Every command in README.md, CONTRIBUTING.md and docs/: its options are read by the real command, its recipes and settings exist.

tests/test_docs_run.py really runs the fast ones, tests/test_docs_long.py the long ones on small data; RUN_BY says by what test each command
of limner is run. Those of other programs (pip, docker, torchrun) are read, but for the limner in them.
"""

from __future__ import annotations

import importlib
import re
import shlex

import pytest

from doc_commands import NAMES, PAGES, ROOT, blocks, commands, limner_part, mentions
from limner.cli import SUBCOMMANDS, _find
from limner.types import InputError

OTHERS = {"make", "pip", "python", "python3", "torchrun", "accelerate", "srun", "sbatch", "tensorboard", "docker", "pytest", "apt-get"}
OTHERS |= {".", "export", "curl", "git", "limner"}  # programs that readers have
PAIRS = tuple(SUBCOMMANDS)  # commands of two words


class Read(Exception):
    """The command was read; what it would have done is not done."""


def is_a_synopsis(words: str) -> bool:
    return bool(re.search(r"[\[\]|]|\.\.\.|\bCOMMAND\b|\bSOURCE\b|\bWHAT\b", words))


ALL = [words for page in PAGES for command in commands(page) if (words := limner_part(command))]
MENTIONED = [words for page in PAGES for command in mentions(page) if (words := limner_part(command)) and words != "is ready"]
EXACT = sorted({words for words in ALL if not is_a_synopsis(words)})
IN_TEXT = sorted({words for words in MENTIONED if not is_a_synopsis(words)} - set(EXACT))
SYNOPSES = sorted({words for words in ALL + MENTIONED if is_a_synopsis(words)})


def test_the_pages_were_found():
    assert {"README.md", "docs/start.md", "docs/howto/videos.md"} <= set(NAMES)
    assert len(EXACT) > 50
    assert len(IN_TEXT) > 30
    for needle in ("smile me.jpg", "prepare folder videos stores/mine", "train cmmnet --data stores/mine --out runs/mine"):
        assert any(needle in words for words in EXACT), needle


def read(words: list[str], monkeypatch: pytest.MonkeyPatch):
    """The record that the real command makes of its options."""
    two = words[:2] if words[0] in PAIRS else words[:1]
    function = _find(" ".join(two))
    module, made = importlib.import_module(function.__module__), []

    def stop(record, command, args):
        from limner.cli.session import parse

        made.append(parse(record, command, args))
        raise Read

    monkeypatch.setattr(module, "parse", stop)
    with pytest.raises(Read):
        function(words[len(two) :])
    monkeypatch.undo()
    return made[0]


def check(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(command)
    if words[0] in ("--help", "--version", "help", "version") or "--help" in words or words in ([pair] for pair in PAIRS):
        return  # tests/test_package.py runs them
    asked = read(words, monkeypatch)
    if words[0] == "train":
        from limner.cli.work import parse_overrides
        from limner.papers.recipes import RECIPES
        from limner.papers.train import resolve

        assert asked.recipe in RECIPES or asked.recipe == "RECIPE", command
        if asked.recipe in RECIPES:
            resolve(asked.recipe, parse_overrides(asked.set))  # each setting exists and takes that value


@pytest.mark.parametrize("command", EXACT)
def test_a_command_is_read_as_it_stands(command: str, monkeypatch: pytest.MonkeyPatch):
    check(command, monkeypatch)


@pytest.mark.parametrize("command", IN_TEXT)
def test_a_command_in_running_text_is_read_too_or_lacks_but_what_it_works_on(command: str, monkeypatch: pytest.MonkeyPatch):
    try:
        check(command, monkeypatch)
    except InputError as error:
        if not str(error).startswith(("missing", "name at least one photo")) and "needs a value" not in str(error):
            raise


@pytest.mark.parametrize("command", SYNOPSES)
def test_the_options_of_a_synopsis_exist(command: str, limner):
    plain = re.split(r"[\s\[|]", command)
    first, second = plain[0], plain[1] if len(plain) > 1 and plain[0] in PAIRS else ""
    if not re.fullmatch(r"[a-z][a-z0-9-]+", first) or (second and not re.fullmatch(r"[a-z][a-z0-9-]+", second)):
        return  # limner prepare SOURCE ..., limner COMMAND ...
    code, said, _ = limner(*([first, second] if second else [first]), "--help")
    assert code == 0, command
    for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", command):
        assert re.search(rf"{option}\b", said) or option.startswith("--no-"), f"{command}: no {option}"


# Where commands are really run: all of a page, or what begins so on any page (on data of its own: no data set of others can be here)
RUN_BY = {
    "docs/start.md": "test_docs_run.py",
    "docs/howto/motions.md": "test_docs_run.py",
    "docs/howto/guide.md": "test_docs_run.py",
    "docs/howto/videos.md": "test_docs_long.py",
    "docs/howto/evaluate.md": "test_docs_long.py",
    "docs/howto/study.md": "test_docs_long.py",
    "docs/howto/tables.md": "test_docs_long.py",
    "smile": "test_cli.py",
    "render": "test_cli.py",
    "move": "test_move.py",
    "motion list": "test_poses.py",
    "doctor": "test_cli.py",
    "inspect": "test_inspect.py",
    "train": "test_processes.py",
    "prepare uva-nemo": "test_prepare_videos.py",
    "prepare disfa": "test_prepare_videos.py",
    "prepare kth": "test_adapters_bodies.py",
    "prepare human36m": "test_adapters_bodies.py",
    "prepare strips": "test_docs_long.py",
    "reproduce": "test_reproduce.py",
    "serve": "test_api_command.py",
    "studio": "test_studio_page.py",
}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "docs/results.md"])  # its commands are the measuring
def test_each_command_is_run_by_a_test(name: str):
    for words in filter(None, map(limner_part, commands(ROOT / name))):
        if is_a_synopsis(words) or words in ("--help", "doctor"):
            continue
        begin = next((begin for begin in RUN_BY if begin == name or f"{words} ".startswith(f"{begin} ")), None)
        assert begin is not None, f"{name}: no test runs limner {words}; name it in RUN_BY"
        said, wanted = (ROOT / "tests" / RUN_BY[begin]).read_text(), [begin] if begin == name else begin.split()
        assert all(re.search(rf"\b{word}\b", said) for word in wanted), f"{RUN_BY[begin]} does not run {begin}"


@pytest.mark.parametrize("name", NAMES)
def test_targets_files_and_links_exist(name: str):
    page = ROOT / name
    text = page.read_text()
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    for command in commands(page):
        words = command.split("#")[0].split()
        first = words[0].rpartition("/")[2] if words else ""
        if first == "make":
            assert all(word in targets for word in words[1:] if "=" not in word and word != "..."), command
    for target in re.findall(r"`make ([a-z-]+)`", text):
        assert target in targets, target
    for path in re.findall(r"`((?:src|tools|tests)/[\w./-]+)`", text):
        assert (ROOT / path).exists() or path.endswith("/hand.py"), path  # docs/howto/guide.md's
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.S)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = page if not file else (page.parent / file).resolve()
        assert target.exists(), f"{name} links to {link}"
        if anchor:
            heads = re.findall(r"^#+ (.*)", target.read_text(), re.M)
            assert anchor in {slug(head) for head in heads}, f"{name} links to {link}"


def slug(head: str) -> str:
    """The anchor that both mkdocs and Git hosts give a heading of plain words."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", head.lower()).strip())


def test_every_page_is_in_the_site_and_small():
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    site = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)
    listed = set(re.findall(r"[\w/]+\.md", str(site["nav"])))
    assert listed == {page.relative_to(ROOT / "docs").as_posix() for page in PAGES if (ROOT / "docs") in page.parents}
    assert site["theme"]["font"] is False
    pictures = [p for p in (ROOT / "docs").rglob("*") if p.suffix in (".png", ".jpg", ".gif", ".mp4", ".webp")]
    assert sum(p.stat().st_size for p in pictures) < 1.5e6
    said = " ".join(page.read_text() for page in PAGES)
    assert not [p.name for p in pictures if p.name not in said]


def test_shell_blocks_name_programs_that_readers_have():
    """A typing error in a program's name would be skipped by all of the above."""
    for page in PAGES:
        for language, block in blocks(page.read_text()):
            if language not in ("sh", "shell"):
                continue
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                words = [w for w in line.split("#")[0].split() if not re.fullmatch(r"[A-Z_]+=\S*", w)]
                if words:
                    name = words[0].rpartition("/")[2] or words[0]
                    assert name in OTHERS, f"{page.name}: {line}"
