"""The command `limner`. Thin: each command parses its options, calls the part that does the work, and says what came of it.

Nothing heavy is imported before a command is known, so that help comes at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

HELP = """\
limner: one photo of a face or a person in, true motions out

usage: limner COMMAND [OPTIONS]

  smile PHOTO|FOLDER...       K different smile videos of the very face in each photo
  render PHOTO MOTION|VIDEO   a video of a photo moved by a motion file, or by the face of another video
  move PERSON --motion NAME   a video of the person in a photo moved by a skeleton: a motion that ships, a file, a video
  motion extract VIDEO        the motion of a face, or of a body (--guide body), in a video, as a motion file
  motion list                 the motions of bodies that ship
  motion import|export FILE   skeletons of other tools: BVH, OpenPose, COCO, Penn Action, CSV
  inspect STORE|RUN|MOTION    what is in it, and a contact sheet of it
  studio                      limner in your browser: nothing leaves this computer
  serve                       limner as an HTTP API: photos in, jobs, videos out
  doctor                      check this installation, and say what to do where something is wrong

  prepare smiles STORE        make the corpus of smiles that the models learn from
  prepare synthetic-faces STORE
                              the same people with faces of pixels, for the translation
  prepare synthetic-bodies STORE
                              people who walk, run, wave, box and clap, with their joints
  prepare folder RAW STORE    find the smiles in your own videos, or in uva-nemo, disfa, disfa-plus
  prepare kth|human36m|strips RAW STORE
                              people in action, followed and cropped; folder --guide body takes your own videos
  train RECIPE                train a model on a store (cmmnet, cmmnet-points, translation,
                              warp-refine, scgan-siamese ...)
  generate RUN                a store of generated clips from the first frames of another
  evaluate --real STORE --fake STORE2
                              every score of generated clips beside the originals', with intervals, and one page
  study build|serve|report    which of two methods' videos people prefer: pairs, a web page for raters, figures
  reproduce WHAT              the papers' table1, table2, table3, table-iii and figures, from a store to the page
  bench WHAT                  measure what limner reaches: faces, speed, motion, ablation, au, media,
                              clips, identity, synthetic, video, translation, training, actions, bodies, scgan,
                              move, study, serve, evaluation, studio

  COMMAND --help              the options of a command
  --version                   the version of limner

Start here:  limner smile me.jpg       then look at limner-out/me/sheet.png and limner-out/me/compare.mp4
Use photos of people who agreed to it. Every file limner writes says in its metadata that it is synthetic.
"""
SUBCOMMANDS = {
    "motion": ("extract", "import", "export", "list"),
    "prepare": ("smiles", "synthetic-faces", "synthetic-bodies", "folder", "uva-nemo", "disfa", "disfa-plus", "kth", "human36m", "strips"),
    "study": ("build", "serve", "report"),
    "reproduce": ("table1", "table2", "table3", "table-iii", "figures"),
    "bench": (
        "faces",
        "speed",
        "motion",
        "ablation",
        "au",
        "media",
        "clips",
        "identity",
        "synthetic",
        "video",
        "translation",
        "training",
        "actions",
        "bodies",
        "scgan",
        "move",
        "study",
        "serve",
        "evaluation",
        "studio",
    ),
}
BODY_BENCHES = ("actions", "bodies", "scgan", "move")
WEB_BENCHES = ("study", "serve")
MODULES = {  # of the commands without further words
    "smile": "photos", "render": "photos", "move": "move", "generate": "generate", "inspect": "inspect", "doctor": "work", "train": "work",
    "studio": "studio", "evaluate": "evaluate", "serve": "serve",
}  # fmt: skip
INTERRUPTED = "limner: interrupted; nothing half-written is left"


def main(args: Sequence[str] | None = None) -> int:
    """Runs one command. -> the exit code: 0 all done, 2 an input refused, 1 a fault of ours, 130 Ctrl-C."""
    from limner.cli.session import Session

    with Session(last=args is None) as session:
        try:
            return _run(list(sys.argv[1:] if args is None else args))
        except BaseException as error:
            return session.exit_code(error)


def _run(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0 if args else 2
    if args[0] in ("--version", "version"):
        from importlib.metadata import version

        print(f"limner {version('limner')}")
        return 0
    command, rest = args[0], args[1:]
    if command in SUBCOMMANDS and rest and rest[0] not in ("-h", "--help"):
        command, rest = f"{command} {rest[0]}", rest[1:]
    return _find(command)(rest)


def _find(command: str) -> Callable[[list[str]], int]:
    from limner.types import InputError

    first, _, second = command.partition(" ")
    if first in SUBCOMMANDS:
        if not second:
            return _usage(first)
        if second not in SUBCOMMANDS[first]:
            raise InputError(f"no command {command!r}; there is {' and '.join(f'{first} {name}' for name in SUBCOMMANDS[first])}")
    elif first not in MODULES:
        hint = f" (a photo? then: limner smile {first})" if os.path.exists(first) else ""  # noqa: PTH110  (pathlib is not needed for help)
        raise InputError(f"no command {first!r}{hint}; limner --help lists them")
    module, name = _place(first, second)
    return getattr(import_module(f"limner.cli.{module}"), name)


def _place(first: str, second: str) -> tuple[str, str]:
    """In which module a command is, and under which name."""
    name = second.replace("-", "_")
    if first == "bench":
        places = {"evaluation": "evaluate"} | dict.fromkeys(BODY_BENCHES, "body_benches") | dict.fromkeys(WEB_BENCHES, "web_benches")
        return places.get(second, "benches"), name
    if first == "motion":
        return "motion", f"{name}_" if name in ("import", "list") else name
    if first in ("study", "reproduce"):
        return first, name
    if first == "prepare":
        return ("work", f"prepare_{name}") if second in ("smiles", "synthetic-faces", "synthetic-bodies") else ("prepare", name)
    return MODULES[first], first


def _usage(first: str) -> Callable[[list[str]], int]:
    def show(rest: list[str]) -> int:
        names = "\n".join(f"  limner {first} {name} --help" for name in SUBCOMMANDS[first])
        print(f"usage: limner {first} {'|'.join(SUBCOMMANDS[first])} [OPTIONS]\n\n{names}")
        return 0 if rest else 2

    return show
