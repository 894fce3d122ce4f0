"""What needs an extra says so in one line that names it, and nothing else needs one."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[1]
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
FOR_WORKING_HERE = {"dev", "docs"}  # no part of limner imports what these bring
MODULES = {"pillow-heif": "pillow_heif"}  # where a package's name is not its module's


def modules_of(extra: str) -> list[str]:
    names = [re.split(r"[\[<>=!~; ]", requirement)[0] for requirement in EXTRAS[extra]]
    return [MODULES.get(name, name.replace("-", "_")) for name in names]


SERVERS = {"limner.web.serving", "limner.web.study.server", "limner.web.api.back", "limner.web.api.replies", "limner.web.api.makes"}
SERVERS |= {"limner.web.api.server"}
OPTIONAL = {module: extra for extra in EXTRAS if extra not in FOR_WORKING_HERE for module in modules_of(extra)}


def heic(folder: Path) -> None:
    from limner.media.pictures import read_picture

    (folder / "me.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    read_picture(folder / "me.heic")


def export(folder: Path) -> None:
    from limner.evaluation.judges.arcface import ArcFace

    (folder / "w600k.onnx").write_bytes(b"nothing")
    ArcFace(folder / "w600k.onnx")


def wandb(folder: Path) -> None:
    from limner.training.log import Log

    Log(folder, 0, ("tensorboard", "wandb"))


def h36m(folder: Path) -> None:
    from limner.data.sources import human36m

    (folder / "Walking 1.cdf").write_bytes(b"\xcd\xf3\x00\x01" + bytes(600))
    human36m.read_joints(folder / "Walking 1.cdf")


def studio(folder: Path) -> None:
    from limner.web.studio.app import run

    run("127.0.0.1", 0, said=print)


def study(folder: Path) -> None:
    from limner.cli.study import serve

    serve([str(folder)])


def serve(folder: Path) -> None:
    from limner.cli.serve import serve

    serve([])


CASES: dict[str, Callable[[Path], None]] = {
    "heic": heic,
    "export": export,
    "wandb": wandb,
    "h36m": h36m,
    "studio": studio,
    "study": study,
    "serve": serve,
}


@pytest.mark.parametrize("extra", [extra for extra in EXTRAS if extra not in FOR_WORKING_HERE])
def test_a_missing_extra_is_one_line_that_names_it(extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from limner.types import InputError

    assert extra in CASES, f"the extra {extra} has no case here: what in limner needs it?"
    for module in modules_of(extra):
        for loaded in [name for name in sys.modules if name == module or name.startswith(f"{module}.")]:
            monkeypatch.delitem(sys.modules, loaded)
        monkeypatch.setitem(sys.modules, module, None)  # as Python marks a module that is not there
    with pytest.raises(InputError) as refused:
        CASES[extra](tmp_path)
    assert f"pip install 'limner[{extra}]'" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_optional_packages_are_imported_inside_functions_alone():
    """Except in SERVERS, which are themselves what is optional: nothing else imports those but inside functions."""
    wrong = []
    for path in (ROOT / "src" / "limner").rglob("*.py"):
        text = path.read_text()
        if path.relative_to(ROOT / "src").with_suffix("").as_posix().replace("/", ".") in SERVERS:
            continue
        if not any(module in text for module in (*OPTIONAL, *SERVERS)):
            continue
        tree = ast.parse(text)
        guarded = {id(node) for top in tree.body if isinstance(top, ast.If) for node in ast.walk(top)}  # if TYPE_CHECKING:
        inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) for n in ast.walk(f)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            if any(name.split(".")[0] in OPTIONAL or name in SERVERS for name in names) and id(node) not in guarded | inside:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} imports {', '.join(names)}")
    assert not wrong, "\n".join(wrong)


def test_the_questions_page_lists_every_extra():
    said = (ROOT / "docs" / "faq.md").read_text()
    for extra in set(EXTRAS) - FOR_WORKING_HERE:
        assert f"| `{extra}` |" in said, extra
