"""Edit: the points of a motion over its video, on a time line; what was changed is rendered again."""

import json
from collections.abc import AsyncIterator
from html import escape
from typing import Any

from limner.guides.face import GUIDE
from limner.types import InputError
from limner.web.studio import html
from limner.web.studio.edits import parse_edits
from limner.web.studio.floor import Floor
from limner.web.studio.rooms import parts
from limner.web.studio.sessions import Session

KINDS = ("smile", "drive", "edit")  # of faces, whose points these are
NOTHING = "Nothing to edit yet; make smiles, or drive a photo, first."


def build(floor: Floor) -> None:
    """The tab."""
    import gradio as gr

    with gr.Tab("Edit", id="edit") as tab, gr.Row():
        with gr.Column(scale=1, min_width=300):
            choice = gr.Dropdown([], label="Which motion", elem_id="edit-choice")
            editor = gr.HTML(html.said(NOTHING), elem_id="edit-editor")
            state = gr.Textbox("", visible="hidden", elem_id="edit-state")
            renderer = parts.renderer()
            make, cancel = parts.buttons("Render again", "edit")
        with gr.Column(scale=1, min_width=300):
            outputs = parts.places("Drag points, or move the sliders; then render.", "edit")

    def refresh(request: gr.Request, chosen: str | None) -> Any:
        session = floor.sessions.of(request.session_hash)
        names = list(session.videos(*KINDS))
        if chosen in names:  # what was changed so far stays
            return gr.Dropdown(names, value=chosen), gr.skip()
        first = names[0] if names else None
        return gr.Dropdown(names, value=first), edited(session, first)

    def show(request: gr.Request, chosen: str | None) -> str:
        return edited(floor.sessions.of(request.session_hash), chosen)

    tab.select(refresh, choice, [choice, editor], **parts.QUIET)
    choice.input(show, choice, editor, **parts.QUIET)
    parts.wire(floor, edits, [choice, state, renderer], outputs, make, cancel)


def edited(session: Session, chosen: str | None) -> str:
    """The editor of one motion; the other modes of its result can be mixed in."""
    videos = session.videos(*KINDS)
    if chosen not in videos:
        return html.said(NOTHING)
    result, index = videos[chosen]
    order = [index, *(i for i in range(len(result.videos)) if i != index)]
    data = {
        "motions": json.dumps([session.url(result.motions[i]) for i in order]),
        "others": json.dumps([result.names[i] for i in order[1:]]),
        "lines": json.dumps(list(GUIDE.lines.values())),
        "names": json.dumps(GUIDE.point_names),
        "video": session.url(result.videos[index]),
        "fps": str(result.fps),
    }
    told = " ".join(f'data-{key}="{escape(value)}"' for key, value in data.items())
    return f"<limner-editor {told}></limner-editor>"


async def edits(floor: Floor, session: Session, chosen: str | None, state: str, renderer: str) -> AsyncIterator[tuple[str, str | None]]:
    """Renders the changed motion: (status, view) each time."""
    videos = session.videos(*KINDS)
    try:
        if chosen not in videos:
            raise InputError("choose a motion first")
        asked = parse_edits(state)
        result, index = videos[chosen]
        if asked.nothing:
            raise InputError("nothing is changed yet; drag a point, or move a slider")
        order = [i for i in range(len(result.videos)) if i != index]
        mixed = [order[asked.other - 1]] if asked.other is not None and 0 < asked.other <= len(order) else []
    except InputError as error:
        yield html.refused(str(error)), None
        return
    place = session.place()
    photo = place / result.photo.name
    photo.hardlink_to(result.photo)  # the result that it came from may go before this one

    def show(told: dict[str, Any]) -> str:
        return parts.clip_view(session, place, told, photo, result.name, kind="edit", title=f"{result.name}, edited")

    arguments = {"photo": str(photo), "name": result.name, "motions": [str(result.motions[i]) for i in (index, *mixed)], "edits": state}
    arguments |= {"out": str(place / "made"), "renderer": renderer or None}
    async for said in parts.done(floor, session, place, "edit", arguments, {str(photo): "the photo"}, show):
        yield said
