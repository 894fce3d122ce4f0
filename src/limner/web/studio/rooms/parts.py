"""Controls that several rooms have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from limner.web.studio.floor import Floor

RENDERERS = [("warp-refine: the best that ships", ""), ("warp: faster", "warp")]
SIZES = [("as the photo, at most 1024 px", 0), ("512 px", 512), ("256 px, quick", 256)]


def photo(label: str, name: str) -> gr.Image:
    """The place where a photo is dropped, or snapped by the camera.

    Its bytes are neither decoded nor changed here; what they are, media.pictures finds out in the worker."""
    image = gr.Image(label=label, type="filepath", sources=["upload", "webcam", "clipboard"], height=300, elem_id=name, buttons=[])
    image.preprocess = lambda payload: None if payload is None else payload.path
    return image


def renderer() -> gr.Dropdown:
    return gr.Dropdown(RENDERERS, value="", label="Renderer")


def size() -> gr.Dropdown:
    return gr.Dropdown(SIZES, value=0, label="Longest side of the video")


def holds(floor: Floor, component: Any) -> None:
    """What is sent through this component goes when the page goes."""

    def hold(upload: str | None, request: gr.Request) -> None:
        floor.sessions.hold(request.session_hash, upload)

    component.change(hold, component, None, queue=False, show_progress="hidden", api_visibility="private")


def stops(floor: Floor, button: gr.Button) -> None:
    """The button cancels the page's job at once: it does not wait in a queue."""

    def stop(request: gr.Request) -> None:
        floor.stop(request.session_hash)

    button.click(stop, None, None, queue=False, show_progress="hidden", api_visibility="private")


def astronaut(floor: Floor) -> Callable[[], str]:
    """Gives the example: the portrait of Eileen Collins that scikit-image ships (NASA, public domain)."""

    def example() -> str:
        from skimage import data

        from limner.media.pictures import write_png

        path = floor.sessions.folder / "astronaut.png"
        if not path.exists():
            write_png(path, data.astronaut())
        return str(path)

    return example
