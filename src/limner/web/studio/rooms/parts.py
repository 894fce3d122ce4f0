"""Controls that several rooms have, and how a room's button is joined to its work.

Gradio reads the types of a handler's arguments as it is defined, so annotations here are no text.
"""

import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from limner.types import InputError
from limner.web.jobs import DONE, OPEN
from limner.web.studio import html, plots
from limner.web.studio.floor import Floor
from limner.web.studio.sessions import Result, Session

RENDERERS = [("warp-refine: the best that ships", ""), ("warp: faster", "warp")]
SIZES = [("as the photo, at most 1024 px", 0), ("512 px", 512), ("256 px, quick", 256), ("128 px, a try", 128)]
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
Work = Callable[..., AsyncIterator[tuple[str, str | None]]]  # (floor, session, *values) -> (status, view, or None to leave it) each time


def photo(floor: Floor, label: str, name: str) -> Any:
    """The place where a photo is dropped, or snapped by the camera.

    Its bytes are neither decoded nor changed here; what they are, media.pictures finds out in the worker."""
    import gradio as gr

    image = gr.Image(label=label, type="filepath", sources=["upload", "webcam", "clipboard"], height=280, elem_id=name, buttons=[])
    image.preprocess = lambda payload: None if payload is None else payload.path
    holds(floor, image)
    return image


def renderer() -> Any:
    """The choice of what turns points into pixels."""
    import gradio as gr

    return gr.Dropdown(RENDERERS, value="", label="Renderer")


def size(name: str) -> Any:
    """The choice of the video's size."""
    import gradio as gr

    return gr.Dropdown(SIZES, value=0, label="Longest side of the video", elem_id=name)


def buttons(words: str, room: str) -> tuple[Any, Any]:
    """The button that begins, and the one that cancels."""
    import gradio as gr

    with gr.Row():
        return gr.Button(words, variant="primary", elem_id=f"{room}-make"), gr.Button("Cancel", elem_id=f"{room}-cancel")


def places(words: str, room: str) -> tuple[Any, Any]:
    """Where the room says how far it is, and where it shows what came of it."""
    import gradio as gr

    return gr.HTML(html.said(words), elem_id=f"{room}-status"), gr.HTML("", elem_id=f"{room}-view")


def wire(
    floor: Floor, work: Work, inputs: Sequence[Any], outputs: tuple[Any, Any], begin: Any, stop: Any, examples: Sequence[Any] = ()
) -> None:
    """begin: the button that does the work. stop: cancels it at once. examples: (button, what gives its value, which component gets it)."""
    import gradio as gr

    async def run(request: gr.Request, *values: Any):
        async for said, shown in work(floor, floor.sessions.of(request.session_hash), *values):
            yield said, gr.skip() if shown is None else shown

    def cancel(request: gr.Request) -> None:
        floor.stop(request.session_hash)

    options: dict[str, Any] = {"outputs": list(outputs), "concurrency_limit": None, **QUIET}
    begin.click(run, list(inputs), **options)
    stop.click(cancel, None, None, queue=False, **QUIET)
    for button, example, component in examples:
        button.click(example, None, component, **QUIET).then(run, list(inputs), **options)


def holds(floor: Floor, component: Any) -> None:
    """What is sent through this component goes when the page goes."""
    import gradio as gr

    def hold(upload: str | None, request: gr.Request) -> None:
        floor.sessions.hold(request.session_hash, upload)

    component.change(hold, component, None, queue=False, **QUIET)


def astronaut(floor: Floor) -> str:
    """The example: the portrait of Eileen Collins that scikit-image ships (NASA, public domain)."""
    from skimage import data

    from limner.media.pictures import write_png

    path = floor.sessions.folder / "astronaut.png"
    if not path.exists():
        write_png(path, data.astronaut())
    return str(path)


def person(floor: Floor) -> str:
    """The example for bodies: somebody who is not there, drawn by limner (prepare synthetic-bodies, 256 px)."""
    path = floor.sessions.folder / "person.webp"
    if not path.exists():
        path.write_bytes((files("limner.web.studio") / "static" / "person.webp").read_bytes())
    return str(path)


async def done(
    floor: Floor,
    session: Session,
    place: Path,
    task: str,
    settings: dict[str, Any],
    known: dict[str, str],
    show: Callable[[dict[str, Any]], str | None],
) -> AsyncIterator[tuple[str, str | None]]:
    """Does a job of a page, saying how far it is: (status, view) each time. show: the job's answer -> the view.

    place: the job's folder, which goes if it comes to nothing. known: paths there -> the names that the user knows, for its line."""
    try:
        begun = floor.begin(session, task, settings)
    except InputError as error:  # the queue is full
        yield html.refused(str(error)), None
        return
    ended = False
    async for job, answer in floor.follow(begun):
        ended = job.state not in OPEN
        for path, name in known.items():
            job.error = job.error and job.error.replace(path, name)
        if ended and job.state != DONE:
            shutil.rmtree(place, ignore_errors=True)
        yield html.status(job), show(answer) if job.state == DONE else None
    if not ended:
        shutil.rmtree(place, ignore_errors=True)
        yield html.said("Stopped: this page has begun another job."), None


def clip_view(session: Session, place: Path, told: dict[str, Any], photo: Path, name: str, *, kind: str, title: str) -> str:
    """Keeps a clip that tasks.clip_files wrote as a result of the page -> its video, how it came about, its curves and its files."""
    folder = Path(told["folder"])
    video, motion = folder / "video.mp4", folder / "video.motion.json"
    fps, title = Fraction(told["fps"]), f"{session.count}: {title}"
    session.add(
        Result(
            title=title, kind=kind, folder=place, fps=float(fps), names=["video"], videos=[video], motions=[motion], photo=photo, name=name
        )
    )
    seconds = told["frames"] / float(fps)
    shown = {
        "url": session.url(video),
        "alt": f"Video: the face in the photo moves, {told['how']}, {seconds:.1f} seconds",
        "caption": f"{seconds:.1f} s, {told['how']}",
        "links": [("video", session.url(video)), ("motion", session.url(motion))],
    }
    key, curves = f"plots-{place.name}", [np.array(curve) for curve in told["curves"]]
    player = html.player([shown], float(fps), sound=told["sound"], plots=key)
    return player + html.notes(told["notes"]) + plots.au_plots(curves, ["video"], fps, key)


def upload(floor: Floor, label: str, name: str) -> Any:
    """The place where a file of any kind is dropped; what it is, its content says."""
    import gradio as gr

    file: Any = gr.File(label=label, type="filepath", height=150, elem_id=name)
    file.preprocess = lambda payload: None if payload is None else payload.path
    holds(floor, file)
    return file
