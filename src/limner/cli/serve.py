"""`limner serve`: the HTTP API. A photo in, a job, its videos out."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from limner.cli.session import OK, parse, say
from limner.types import InputError
from limner.web.api.limits import ApiLimits

TOKEN = "LIMNER_TOKEN"
OPEN_S = 600.0  # ours: a busy machine may take minutes to load the models


@dataclass(frozen=True, kw_only=True)
class Serve:
    """The HTTP API, until Ctrl-C: smiles, renderings and moves of photos that clients send. Its documentation is its first page."""

    host: str = "127.0.0.1"
    """0.0.0.0: any network of this machine; that asks for a token in the environment variable LIMNER_TOKEN."""
    port: int = 8760
    """0: any that is free."""
    workers: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Processes that do jobs; without it one for each GPU, or one."""
    queue: int = ApiLimits.queue
    """Jobs that may wait or work at once; half of them one client's. More are told to come again (429)."""
    modes: int = ApiLimits.modes
    """At most so many smiles of a photo."""
    frames: int = ApiLimits.frames
    """At most so many frames of a driving video, and of all smiles of a photo together."""
    megapixels: float = ApiLimits.megapixels
    """Of the largest photo."""
    photo_mib: int = ApiLimits.photo_mib
    """Of the largest file of a photo, MiB."""
    video_mib: int = ApiLimits.video_mib
    """Of the largest driving video, MiB."""
    upload_s: float = ApiLimits.upload_s
    """Seconds an upload may take."""
    job_s: float = ApiLimits.job_s
    """Seconds a job may take."""
    keep_s: float = ApiLimits.keep_s
    """Seconds that results stay."""
    cors: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="ORIGIN", help_behavior_hint="")] = ()
    """Pages of that origin (https://example.org) may use it from a browser; can be given several times. None by default."""
    proxy: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="ADDRESS", help_behavior_hint="")] = ()
    """A proxy before it, 127.0.0.1 or 10.0.0.0/8 say, whose X-Forwarded-For tells clients apart; can be given several times."""
    open: Annotated[bool, arg(help_behavior_hint="")] = False
    """Let anyone in the network in, without a token."""


def serve(args: Sequence[str]) -> int:
    """The command `limner serve`."""
    asked = parse(Serve, "serve", args)
    from limner.web import require

    require("serve", "fastapi", "uvicorn")
    from limner.web import serving
    from limner.web.api.back import back_of
    from limner.web.api.server import api_app

    limits = ApiLimits(**{name: getattr(asked, name) for name in ApiLimits.__dataclass_fields__ if hasattr(asked, name)})
    names = [] if asked.proxy else serving.names_of(asked.host)
    token = token_of(asked, by_others=not names)
    check(asked)
    with serving.listen(asked.host, asked.port) as bound, back_of(limits, devices=devices(asked.workers), token=token) as back:
        if not (back.checks.wait_ready(OPEN_S) and back.jobs.wait_ready(OPEN_S)):
            raise InputError("the processes that do the jobs do not start; limner doctor says what is wrong")
        asks = "a token is asked for" if token else "no token is asked for"
        say(f"limner: the API is at {serving.address_of(bound)} ({asks}; Ctrl-C stops)")
        serving.serve(api_app(back, origins=asked.cors, hosts=names), bound, proxies=asked.proxy)
    return OK


def token_of(asked: Serve, *, by_others: bool) -> str | None:
    """The token in LIMNER_TOKEN; None where there is none. InputError where others than this machine reach it without one, or it cannot
    be sent in a header."""
    token = os.environ.get(TOKEN, "").strip() or None
    if token is None and by_others and not asked.open:
        where = f"others reach {asked.host}" if not asked.proxy else "a proxy lets others in"
        raise InputError(f"{where}: set a token in {TOKEN}, which clients must send, or let anyone in with --open")
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise InputError(f"the token in {TOKEN} has characters that no header can carry; take letters, digits and signs of ASCII")
    return token


def check(asked: Serve) -> None:
    """InputError for options that no server can have."""
    if asked.workers is not None and asked.workers < 1:
        raise InputError(f"--workers {asked.workers}: at least 1")
    for origin in asked.cors:
        if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
            raise InputError(f"--cors {origin}: an origin is written as https://example.org")
    for proxy in asked.proxy:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            raise InputError(f"--proxy {proxy}: an address or a network of addresses, such as 127.0.0.1 or 10.0.0.0/8") from None


def devices(workers: int | None) -> list[dict[str, str]]:
    """The environment of each worker: a GPU of its own where there are any."""
    import torch

    gpus = torch.cuda.device_count()
    num = workers or max(1, gpus)
    return [{"CUDA_VISIBLE_DEVICES": str(i % gpus)} if gpus else {} for i in range(num)]
