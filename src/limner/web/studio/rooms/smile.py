"""Smile: a photo in, K smiles out, playing in step."""

from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from limner.types import InputError
from limner.web.studio import html, plots
from limner.web.studio.floor import MOST_PHOTO_BYTES, Floor, taken_in
from limner.web.studio.rooms import parts
from limner.web.studio.sessions import Result, Session, plain_name

MOST_MODES = 6  # the shipped models' own most
MOST_SECONDS = 10.0  # ours; a smile lasts one to six


def build(floor: Floor) -> None:
    """The tab."""
    import gradio as gr

    with gr.Tab("Smile", id="smile"), gr.Row():
        with gr.Column(scale=1, min_width=300):
            photo = parts.photo(floor, "Photo of a face", "smile-photo")
            example = gr.Button("Try it with an example", size="sm", elem_id="smile-example")
            label = gr.Radio(["spontaneous", "posed"], value="spontaneous", label="Kind of smile")
            modes = gr.Slider(1, MOST_MODES, value=3, step=1, label="How many smiles", elem_id="smile-modes")
            intensity = gr.Slider(0, 2, value=1, step=0.05, label="Intensity", elem_id="smile-intensity")
            lasting = "Seconds (0: as long as the model predicts)"
            duration = gr.Slider(0, MOST_SECONDS, value=0, step=0.1, label=lasting, elem_id="smile-seconds")
            size = parts.size("smile-size")
            with gr.Accordion("More", open=False):
                seed = gr.Number(0, precision=0, minimum=0, label="Seed (0: the model's mean)", elem_id="smile-seed")
                renderer = parts.renderer()
            make, cancel = parts.buttons("Make smiles", "smile")
        with gr.Column(scale=2, min_width=300):
            outputs = parts.places("Drop a photo of a face, or try the example.", "smile")
    inputs = [photo, label, modes, intensity, duration, seed, size, renderer]
    parts.wire(floor, smiles, inputs, outputs, make, cancel, [(example, lambda: parts.astronaut(floor), photo)])


async def smiles(floor: Floor, session: Session, upload: str | None, *chosen: Any) -> AsyncIterator[tuple[str, str | None]]:
    """Makes the smiles and says how far they are: (status, view) each time."""
    place = session.place()
    try:
        photo = taken_in(upload, place, "photo", MOST_PHOTO_BYTES)
        settings = settings_of(*chosen)
    except InputError as error:
        yield html.refused(str(error)), None
        return
    name = plain_name(upload)

    def show(answer: dict[str, Any]) -> str:
        told, folder = answer["result"], Path(answer["folder"])
        result = Result(
            title=f"{session.count}: {name}, {told['settings']['label']}, seed {told['settings']['seed']}",
            kind="smile",
            folder=place,
            fps=float(Fraction(told["settings"]["fps"])),
            names=[f"mode {mode['mode'] or i + 1}" for i, mode in enumerate(told["modes"])],
            videos=[folder / mode["video"] for mode in told["modes"]],
            motions=[folder / mode["motion"] for mode in told["modes"]],
            photo=photo,
            name=name,
        )
        session.add(result)
        return shown(session, result, told, [np.array(curve) for curve in answer["curves"]])

    arguments = {"photo": str(photo), "name": name, "out": str(place / "made"), "settings": settings}
    async for said in parts.done(floor, session, place, "smile", arguments, {str(photo): Path(upload or "").name}, show):
        yield said


def settings_of(label: str, modes: Any, intensity: Any, duration: Any, seed: Any, size: Any, renderer: str) -> dict[str, Any]:
    """What the controls say -> the arguments of SmileSettings, which checks them. InputError for a number that is none."""
    if modes is None or intensity is None or duration is None or seed is None:
        raise InputError("a number is missing; fill every field")
    chosen = {"label": label, "modes": int(modes), "intensity": float(intensity), "seed": int(seed)}
    return chosen | {"duration": float(duration) or None, "size": int(size) or None, "renderer": renderer or None}


def shown(session: Session, result: Result, told: dict[str, Any], curves: list[np.ndarray]) -> str:
    """The gallery, the diversity in words, the curves and the files of a result."""
    figures = [
        {
            "url": session.url(video),
            "alt": f"Video: the face in the photo smiles, {name}, {mode['duration_s']:.1f} seconds",
            "caption": f"{name}, {mode['duration_s']:.1f} s, AU12 up to {mode['au12_peak']:.1f}",
            "links": [("video", session.url(video)), ("motion", session.url(motion))],
        }
        for name, mode, video, motion in zip(result.names, told["modes"], result.videos, result.motions)
    ]
    files = [("side by side", "compare.mp4"), ("sheet", "sheet.png"), ("curves", "curves.png"), ("result.json", "result.json")]
    key, fps = f"plots-{result.folder.name}", Fraction(told["settings"]["fps"])
    return "".join(
        (
            html.player(figures, result.fps, plots=key),
            html.said(diversity(told)) if len(figures) > 1 else "",
            html.notes([*told["photo"]["warnings"], *told["photo"]["notes"]]),
            plots.au_plots(curves, result.names, fps, key),
            html.links([(words, session.url(result.videos[0].parent / file)) for words, file in files]),
        )
    )


def diversity(told: dict[str, Any]) -> str:
    """How different the smiles are, in words and figures."""
    distance, mouth = told["diversity"]["mode_distance"], told["diversity"]["mouth_pixel_distance"]
    word = next(word for least, word in ((0.02, "clearly"), (0.008, "somewhat"), (0.0, "hardly")) if distance >= least)
    return (
        f"The {len(told['modes'])} smiles differ {word}: on average their points lie {distance:.3f} of the distance between the eyes "
        f"apart, and the pixels of the mouth differ by {mouth:.1f} of 255."
    )
