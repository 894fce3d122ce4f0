"""Compare: two results side by side, at the same frame."""

from typing import Any

from limner.web.studio import html
from limner.web.studio.floor import Floor
from limner.web.studio.rooms import parts
from limner.web.studio.sessions import Session

NOTHING = "Nothing to compare yet; make something in another tab first."


def build(floor: Floor) -> None:
    """The tab."""
    import gradio as gr

    with gr.Tab("Compare", id="compare") as tab:
        with gr.Row():
            left = gr.Dropdown([], label="Left", elem_id="compare-left", min_width=300)
            right = gr.Dropdown([], label="Right", elem_id="compare-right", min_width=300)
        view = gr.HTML(html.said(NOTHING), elem_id="compare-view")

    def refresh(request: gr.Request, one: str | None, other: str | None) -> Any:
        session = floor.sessions.of(request.session_hash)
        names = list(session.videos())
        one = one if one in names else (names[1] if len(names) > 1 else names[0] if names else None)
        other = other if other in names else (names[0] if names else None)
        return gr.Dropdown(names, value=one), gr.Dropdown(names, value=other), compared(session, one, other)

    def show(request: gr.Request, one: str | None, other: str | None) -> str:
        return compared(floor.sessions.of(request.session_hash), one, other)

    tab.select(refresh, [left, right], [left, right, view], **parts.QUIET)
    for choice in (left, right):
        choice.input(show, [left, right], view, **parts.QUIET)


def compared(session: Session, one: str | None, other: str | None) -> str:
    """The two videos, one bar for both. The arrow keys step a frame; the shorter one holds its last."""
    videos = session.videos()
    if one not in videos or other not in videos:
        return html.said(NOTHING)
    figures = []
    for name in (one, other):
        result, index = videos[name]
        figures.append({"url": session.url(result.videos[index]), "alt": f"Video: {name}", "caption": name})
    return html.player(figures, videos[one][0].fps)
