"""The studio's server: the rooms in one page, its files, and what happens when it begins and ends. Nothing is asked of any other server."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from limner.types import DependencyError
from limner.web.studio.floor import MOST_UPLOAD_BYTES, Floor
from limner.web.studio.shelf import Shelf

EXTRA = "the studio needs one more package: pip install 'limner[studio]'"
POSTED_BYTES, UPLOAD_S = 2 * 10**6, 900.0  # ours: of what is no upload; and seconds that an upload may take
# Gradio's page has its script and style in itself, and makes functions of text; of other servers it may load nothing.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def make_app(floor: Floor, roots: Sequence[Path] = ()) -> Any:
    """The whole server as an ASGI application, with `page(floor, roots)`; Gradio is told to keep nothing and to ask nobody."""
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False", HF_HUB_OFFLINE="1")
    os.environ["GRADIO_TEMP_DIR"] = str(floor.sessions.uploads)  # read as Gradio is imported
    import gradio as gr
    from fastapi import FastAPI

    from limner.web import serving

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    bounds = {"body_bytes": POSTED_BYTES, "larger": {"/gradio_api/upload": MOST_UPLOAD_BYTES}, "body_s": UPLOAD_S}
    app.add_middleware(Shelf)
    app.add_middleware(serving.Guard, **bounds, headers=HEADERS)
    _add_files(app, floor)
    look = {"css": _static("studio.css"), "head": _scripts(), "theme": _theme(gr)}
    options = {"footer_links": [], "max_file_size": MOST_UPLOAD_BYTES, "show_error": False, "ssr_mode": False}
    from limner.web.studio.page import page

    return gr.mount_gradio_app(app, page(floor, roots), path="/", **look, **options)


def _scripts() -> str:
    """The page's own elements, in its head."""
    return "".join(f"<script>{_static(name)}</script>" for name in ("player.js", "editor.js"))


def _static(name: str) -> str:
    return (files("limner.web.studio") / "static" / name).read_text("utf-8")


def _theme(gr: Any) -> Any:
    """Gradio's base look in the fonts that the computer has: any other font would be fetched."""
    fonts = {"font": ["system-ui", "Segoe UI", "Roboto", "sans-serif"], "font_mono": ["ui-monospace", "Menlo", "monospace"]}
    return gr.themes.Default(primary_hue="blue", neutral_hue="slate", **fonts)


def _add_files(app: Any, floor: Floor) -> None:
    """Results are fetched by a key that cannot be guessed; the name behind it is only what a browser saves the file as."""
    from fastapi import HTTPException
    from fastapi.responses import FileResponse

    @app.get("/files/{key}/{name}")
    def file(key: str, name: str) -> FileResponse:
        path = floor.sessions.file(key)
        if path is None:
            raise HTTPException(404, "this file is gone; results are deleted with their page")
        return FileResponse(path, headers={"Cache-Control": "no-store"})


def run(host: str, port: int, said: Callable[[str], None], roots: Sequence[Path] = ()) -> None:
    """Serves until it is interrupted. said: gets the line that names the address, once the page can be opened. roots: see `page`."""
    if importlib.util.find_spec("gradio") is None:
        raise DependencyError(EXTRA)
    from limner.web import serving

    with serving.listen(host, port) as bound:
        floor = Floor()  # its process warms up while Gradio is imported
        try:
            app = make_app(floor, roots)
            said(f"limner studio: {serving.address_of(bound)} (Ctrl-C ends it)")
            serving.serve(app, bound)
        finally:
            floor.close()
