"""The layers of docs/architecture.md, proven on the syntax trees: imports only run downward."""

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "limner"
LAYERS = [
    {"types", "geometry"},
    {"guides", "raster", "warp", "limb_warp", "losses", "measures", "media", "detect", "nn", "weights"},
    {"data", "models", "training"},
    {"papers"},
    {"generation", "evaluation", "contents"},
    {"cli", "web", "reproduce", "bench", "doctor", "api"},
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
SIBLINGS_APART = {"data", "models", "training"}
FORBIDDEN = {("evaluation", "generation")}  # evaluation judges clips from stores; it imports no generator


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "limner":
                yield from (f"limner.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_imports_run_downward():
    wrong = []
    for path in SOURCE.rglob("*.py"):
        here = path.relative_to(SOURCE).with_suffix("").parts[0]
        if here in ("__init__", "__main__"):
            continue
        assert here in LEVEL, f"{path.name}: {here} has no layer; give it one here and in docs/architecture.md"
        for module in imports(path):
            there = room_of(module) if module.split(".")[0] == "limner" else ""
            if not there or there == here:
                continue
            assert there in LEVEL, f"{path}: imports limner.{there}, which has no layer"
            if LEVEL[there] > LEVEL[here] or {here, there} <= SIBLINGS_APART or (here, there) in FORBIDDEN:
                wrong.append(f"{path.relative_to(SOURCE)} imports limner.{there}")
    assert not wrong, "\n".join(wrong)


def test_evaluation_imports_no_generator():
    for path in (SOURCE / "evaluation").rglob("*.py"):
        rooms = {room_of(m) for m in imports(path) if m.startswith("limner")}
        assert not rooms & {"models", "papers", "generation"}, f"{path.name} imports a generator"


def test_files_stay_small():
    files = [*SOURCE.rglob("*.py"), *Path(__file__).parent.glob("*.py")]
    long = [f"{path.name}: {n}" for path in files if (n := len(path.read_text().splitlines())) > 400]
    assert not long, "over 400 lines: " + ", ".join(long)
