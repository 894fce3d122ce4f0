"""The one page of the studio: a note on consent, and a tab a room."""

from typing import Any

from limner.web.studio import html
from limner.web.studio.floor import Floor
from limner.web.studio.rooms import smile

TITLE = "limner studio"
OLD_S = 24 * 3600  # ours: what was sent and no page holds is deleted after so long


def page(floor: Floor) -> Any:
    """The page, ready to be served: Gradio's Blocks."""
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(OLD_S, OLD_S)) as blocks:
        gr.HTML(f"<h1>limner</h1>{html.consent()}", elem_id="limner-head")
        with gr.Tabs():
            smile.build(floor)

        def close(request: gr.Request) -> None:
            floor.sessions.close(request.session_hash)

        blocks.unload(close)
    return blocks
