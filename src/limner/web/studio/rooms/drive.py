"""Drive: a photo moved by another face, from a video or a motion file."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from limner.types import InputError
from limner.web.studio import html
from limner.web.studio.floor import MOST_PHOTO_BYTES, Floor, taken_in
from limner.web.studio.rooms import parts
from limner.web.studio.sessions import Session, plain_name


def build(floor: Floor) -> None:
    """The tab."""
    import gradio as gr

    with gr.Tab("Drive", id="drive"), gr.Row():
        with gr.Column(scale=1, min_width=300):
            photo = parts.photo(floor, "Photo of a face", "drive-photo")
            driver = parts.upload(floor, "Driving video of a face, or motion file", "drive-driver")
            example = gr.Button("Try it with an example", size="sm", elem_id="drive-example")
            modes = [("add its motion to the photo's own face", False), ("give lips and lids its very shape", True)]
            is_absolute = gr.Radio(modes, value=False, label="How")
            intensity = gr.Slider(0, 2, value=1, step=0.05, label="Intensity", elem_id="drive-intensity")
            size = parts.size("drive-size")
            with gr.Accordion("More", open=False):
                renderer = parts.renderer()
            is_example = gr.State(False)  # inside the tab: Gradio takes whatever stands between tabs for one
            make, cancel = parts.buttons("Move the photo", "drive")
        with gr.Column(scale=2, min_width=300):
            outputs = parts.places("Drop a photo and a driving video, or try the example.", "drive")
    photo.upload(lambda: False, None, is_example, queue=False, **parts.QUIET)
    driver.change(lambda: False, None, is_example, queue=False, **parts.QUIET)
    inputs = [photo, driver, is_absolute, intensity, size, renderer, is_example]
    parts.wire(floor, drives, inputs, outputs, make, cancel, [(example, lambda: (parts.astronaut(floor), True), [photo, is_example])])


async def drives(
    floor: Floor, session: Session, upload: str | None, driver: str | None, *chosen: Any
) -> AsyncIterator[tuple[str, str | None]]:
    """Moves the photo: (status, view) each time."""
    is_absolute, intensity, size, renderer, is_example = chosen
    place = session.place()
    try:
        photo = taken_in(upload, place, "photo", MOST_PHOTO_BYTES)
        motion = None if is_example and not driver else taken_in(driver, place, "driver")
        if intensity is None:
            raise InputError("a number is missing; fill every field")
    except InputError as error:
        yield html.refused(str(error)), None
        return
    name = plain_name(upload)
    driven_by = "the example" if motion is None else plain_name(driver)

    def show(told: dict[str, Any]) -> str:
        return parts.clip_view(session, place, told, photo, name, kind="drive", title=f"{name} driven by {driven_by}")

    arguments = {"photo": str(photo), "name": name, "driver": motion and str(motion), "out": str(place / "made")}
    arguments |= {"is_absolute": bool(is_absolute), "intensity": float(intensity), "size": int(size) or None, "renderer": renderer or None}
    known = {str(photo): Path(upload or "").name} | ({str(motion): Path(driver or "").name} if motion else {})
    async for said in parts.done(floor, session, place, "drive", arguments, known, show):
        yield said
