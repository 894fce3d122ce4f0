"""Data: a clip store or a run, opened as words and a sheet. Only folders named as the studio was started can be opened."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from limner.contents.runs import is_run
from limner.web.studio import html
from limner.web.studio.floor import Floor
from limner.web.studio.rooms import parts
from limner.web.studio.sessions import Session

DEEP = 3  # ours: folders below the one named that are looked into
MOST_FOUND = 200  # ours
MANIFEST = "manifest.parquet"
NONE = "There is no clip store and no run in {}. limner prepare makes the one, limner train the other."


def found(roots: Sequence[Path]) -> dict[str, Path]:
    """'stores/faces' -> its folder: the stores and runs in these folders, by name, at most MOST_FOUND."""
    places: dict[str, Path] = {}
    for root in roots:
        for path in _inside(root, DEEP):
            name = str(Path(root.name) / path.relative_to(root))
            places[name if name not in places else str(path)] = path
            if len(places) >= MOST_FOUND:
                return places
    return places


def _inside(folder: Path, deep: int) -> list[Path]:
    """The stores and runs in a folder, itself among them; nothing is looked for inside one. Links are not followed."""
    try:
        if (folder / MANIFEST).is_file() or is_run(folder):
            return [folder]
        inner = sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink() and not p.name.startswith(".")) if deep else []
    except OSError:
        return []
    return [path for child in inner for path in _inside(child, deep - 1)]


def build(floor: Floor, roots: Sequence[Path]) -> None:
    """The tab. roots: the folders that may be looked into."""
    import gradio as gr

    with gr.Tab("Data", id="data") as tab:
        choice = gr.Dropdown([], label="Clip store or run", elem_id="data-choice")
        points = gr.Checkbox(False, label="Draw the points over the frames", elem_id="data-points")
        make, cancel = parts.buttons("Open", "data")
        outputs = parts.places("Choose a clip store or a run.", "data")

    def refresh(chosen: str | None) -> Any:
        names = list(found(roots))
        return gr.Dropdown(names, value=chosen if chosen in names else names[0] if names else None)

    tab.select(refresh, choice, choice, **parts.QUIET)

    async def looks(floor: Floor, session: Session, name: str | None, drawn: Any) -> AsyncIterator[tuple[str, str | None]]:
        places = found(roots)
        if name not in places:
            yield html.refused(NONE.format(", ".join(root.name for root in roots))), None
            return
        place = session.place()

        def show(told: dict[str, Any]) -> str:
            lines = [line.replace(str(places[name]), name) for line in told["lines"]]
            sheet = html.picture(session.url(place / "sheet.png"), f"Sheet: what {name} holds")
            return html.listing(lines) + sheet

        arguments = {"path": str(places[name]), "out": str(place), "points": bool(drawn)}
        async for said in parts.done(floor, session, place, "look", arguments, {str(places[name]): name}, show):
            yield said

    parts.wire(floor, looks, [choice, points], outputs, make, cancel)
