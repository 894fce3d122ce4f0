"""Move: a person's photo moved by a skeleton: a motion that ships, a motion file, or a video of somebody."""

from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from limner.data.sources.kinematics import shipped
from limner.types import InputError
from limner.web.studio import html
from limner.web.studio.floor import MOST_PHOTO_BYTES, Floor, taken_in
from limner.web.studio.rooms import parts
from limner.web.studio.sessions import Result, Session, plain_name

FIRST = "hand-waving"  # ours: what shows most with the least
SHEET = "Sheet: eight moments of the video, and below each the skeleton that drove it"


def build(floor: Floor) -> None:
    """The tab."""
    import gradio as gr

    with gr.Tab("Move", id="move"), gr.Row():
        with gr.Column(scale=1, min_width=300):
            photo = parts.photo(floor, "Photo of a whole person", "move-photo")
            example = gr.Button("Try it with an example", size="sm", elem_id="move-example")
            choices = [(f"{name}: {shipped.MOTIONS[name][2]}", name) for name in shipped.names()]
            motion = gr.Dropdown(choices, value=FIRST, label="Motion", elem_id="move-motion")
            driver = parts.upload(floor, "Or your own motion file, or video of a person", "move-driver")
            speed = gr.Slider(0.25, 4, value=1, step=0.05, label="Speed", elem_id="move-speed")
            with gr.Row():
                loop = gr.Checkbox(False, label="Repeats without a jump")
                mirror = gr.Checkbox(False, label="Left and right changed over")
            size = parts.size("move-size")
            make, cancel = parts.buttons("Move the person", "move")
        with gr.Column(scale=2, min_width=300):
            outputs = parts.places("Drop a photo of a person, or try the example.", "move")
    inputs = [photo, motion, driver, speed, loop, mirror, size]
    parts.wire(floor, moves, inputs, outputs, make, cancel, [(example, lambda: parts.person(floor), photo)])


async def moves(floor: Floor, session: Session, upload: str | None, *chosen: Any) -> AsyncIterator[tuple[str, str | None]]:
    """Moves the person: (status, view) each time."""
    motion, driver, speed, loop, mirror, size = chosen
    place = session.place()
    try:
        own = taken_in(driver, place, "driver") if driver else None
        if own is None and motion not in shipped.names():
            raise InputError("choose a motion, or drop a file of one")
        if speed is None:
            raise InputError("a number is missing; fill every field")
        photo, name = taken_in(upload, place, "photo", MOST_PHOTO_BYTES), plain_name(upload)
    except InputError as error:
        yield html.refused(str(error)), None
        return

    def show(told: dict[str, Any]) -> str:
        return shown(session, place, told, photo, name, plain_name(driver) if own else str(motion))

    settings = {"speed": float(speed), "loop": bool(loop), "mirror": bool(mirror), "size": int(size) or None}
    arguments = {"photo": str(photo), "name": name, "motion": str(own or motion), "out": str(place / "made"), "settings": settings}
    known = {str(photo): Path(upload or "").name} | ({str(own): Path(driver or "").name} if own else {})
    async for said in parts.done(floor, session, place, "move", arguments, known, show):
        yield said


def shown(session: Session, place: Path, answer: dict[str, Any], photo: Path, name: str, motion: str) -> str:
    """Keeps the result -> its video, what was done, and its files."""
    told, folder, fps = answer["result"], Path(answer["folder"]), float(Fraction(answer["fps"]))
    video, skeleton = folder / "move.mp4", folder / "retargeted.motion.json"
    title = f"{session.count}: {name} moved by {motion}"
    kept = {"names": ["video"], "videos": [video], "motions": [skeleton], "photo": photo, "name": name}
    session.add(Result(title=title, kind="move", folder=place, fps=fps, **kept))
    figure = {
        "url": session.url(video),
        "alt": f"Video: the person in the photo moves, {motion}, {told['duration_s']:.1f} seconds",
        "caption": f"{motion}, {told['duration_s']:.1f} s; {told['how']}",
        "links": [("video", session.url(video)), ("motion", session.url(skeleton))],
    }
    notes = [*told["photo"]["warnings"], *told["notes"], *answer["notes"]]
    files = [(words, session.url(folder / file)) for words, file in (("sheet", "sheet.png"), ("result.json", "result.json"))]
    return html.player([figure], fps) + html.notes(notes) + html.picture(session.url(folder / "sheet.png"), SHEET) + html.links(files)
