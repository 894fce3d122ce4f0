"""The one page of the studio: a note on consent, and a tab a room."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from limner.web.studio import html
from limner.web.studio.floor import Floor
from limner.web.studio.rooms import compare, data, drive, edit, move, smile

TITLE = "limner studio"
OLD_S = 24 * 3600  # ours: what was sent and no page holds is deleted after so long


def page(floor: Floor, roots: Sequence[Path] = ()) -> Any:
    """The page, ready to be served: Gradio's Blocks. roots: what the room of data may look into; none: no such room."""
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(OLD_S, OLD_S)) as blocks:
        gr.HTML(f"<h1>limner</h1>{html.consent()}", elem_id="limner-head")
        with gr.Tabs():
            for room in (smile, drive, move, edit, compare):
                room.build(floor)
            if roots:
                data.build(floor, roots)

        def close(request: gr.Request) -> None:
            floor.sessions.close(request.session_hash)

        blocks.unload(close)
    return blocks
