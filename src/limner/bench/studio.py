"""What the studio costs: its first page, a click against `limner smile` in a warm process, and memory after many jobs.

The page is opened in the Chromium of this computer, through Playwright, on loopback.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from limner.bench.speed import Figure
from limner.types import DependencyError

FIRST_PAGE_S, WARM_PAGE_S, OVER_WARM, MEMORY_GROWTH = 8.0, 1.0, 0.15, 0.10  # the targets
SIZE, MODES, SECONDS = 256, 3, 1.2  # ours: of the smiles compared; as many frames as limner bench speed renders
REPEATS = 3  # ours: the median of so many, page and command in turn
VISITS, REST_MS = 5, 1000  # ours: pages opened, and the rest before each
EARLY, LATE = 5, 100  # the issue: memory after so many jobs
SMALL = {"modes": 1, "frames": 3, "size": 96, "renderer": "warp"}  # the issue: small jobs
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PRESSED = "document.querySelector('#smile-make').click(); window.limnerBegan = performance.now()"
SHOWN = """() => {
  const old = window.limnerOld || [];
  const videos = [...document.querySelectorAll('#smile-view video')].filter(video => !old.includes(video.src));
  if (videos.length < %d || videos.some(video => video.readyState < 2)) return 0;
  window.limnerOld = videos.map(video => video.src);
  return performance.now() - window.limnerBegan;
}"""


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """`limner studio` from the shell on a free port -> its address, and its process."""
    command = [sys.executable, "-m", "limner", "studio", "--port", "0", "--share-nothing"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            if "http://" not in line:
                raise RuntimeError(f"limner studio ended: {line}{process.stderr.read()}")
            yield "http://" + line.partition("http://")[2].split()[0], process.pid
        finally:
            process.terminate()
            process.communicate()


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser. DependencyError where there is none."""
    path = os.environ.get("LIMNER_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise DependencyError("this bench drives a browser: pip install playwright") from error
    if path is None:
        raise DependencyError("this bench drives a browser, and there is no Chromium; install one, or name it in LIMNER_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def window(browser: Any) -> Any:
    """A window of somebody who was never here: nothing is kept yet. It is open and at rest, as one is in which an address is typed."""
    page = browser.new_context().new_page()
    page.set_default_timeout(600_000)
    page.wait_for_timeout(REST_MS)
    return page


def visit(page: Any, address: str) -> float:
    """Seconds from the address to a button that can be pressed."""
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("#smile-make")
    return time.perf_counter() - start


def pages(browser: Any) -> Iterator[Figure | str]:
    """The first page from a cold start, the page of a server that runs for new and for returning visitors, and clicks."""
    import psutil

    page = window(browser)
    start = time.perf_counter()
    with served() as (address, pid):
        visit(page, address)
        first, server = time.perf_counter() - start, psutil.Process(pid)
        yield Figure(name="first page, from the shell's command on", value=first, unit="s", target=FIRST_PAGE_S)
        yield Figure(name="the server's CPU time to then", value=_cpu_s(server), unit="s")
        new, returning, served_s = [], [], []
        for _ in range(VISITS):
            page.context.close()
            page = window(browser)
            before = _cpu_s(server)
            new.append(visit(page, address))
            served_s.append(_cpu_s(server) - before)
            page.goto("about:blank")
            page.wait_for_timeout(REST_MS)
            returning.append(visit(page, address))
        yield f"a server that runs, a window that is open, medians of {VISITS}: from the address to a button that can be pressed"
        yield Figure(name="a new visitor's page", value=statistics.median(new), unit="s", target=WARM_PAGE_S)
        yield Figure(name="of it the server's CPU time", value=statistics.median(served_s), unit="s")
        yield Figure(name="a returning visitor's page", value=statistics.median(returning), unit="s", target=WARM_PAGE_S)
        yield from clicks(page)


def _cpu_s(process: Any) -> float:
    used = process.cpu_times()
    return used.user + used.system


def clicks(page: Any) -> Iterator[Figure | str]:
    """From the click to videos that can be played, against the same smiles in this process, in turn."""
    from skimage import data

    from limner.generation.reference import read_photo
    from limner.generation.settings import SmileSettings
    from limner.generation.smiles import Engine, make_smiles
    from limner.media.pictures import write_png

    engine, settings = Engine(), SmileSettings(size=SIZE, modes=MODES, duration=SECONDS)
    with tempfile.TemporaryDirectory(prefix="limner-studio-bench-") as folder:
        photo = Path(folder) / "photo.png"
        write_png(photo, data.astronaut())
        page.set_input_files("#smile-photo input[type=file]", photo)
        page.locator("#smile-seconds input[type=number]").fill(str(SECONDS))
        page.locator("#smile-seconds input[type=number]").press("Tab")
        page.locator("#smile-size input").click()
        page.locator("[role=option]", has_text=f"{SIZE} px").click()
        clicked, commanded = [], []
        for _ in range(1 + REPEATS):
            page.evaluate(PRESSED)
            clicked.append(page.wait_for_function(SHOWN % MODES, polling=50).json_value() / 1000)
            start = time.perf_counter()
            make_smiles(read_photo(photo), Path(folder) / "out", settings, engine, force=True)
            commanded.append(time.perf_counter() - start)
    click, command = statistics.median(clicked[1:]), statistics.median(commanded[1:])  # the first loads what is kept
    yield f"{MODES} smiles of {SECONDS} s at {SIZE} px, the default renderer, median of {REPEATS}, page and process in turn"
    yield Figure(name="click to videos that play", value=click, unit="s")
    yield Figure(name="limner smile in a warm process", value=command, unit="s")
    yield Figure(name="the page's share on top", value=click / command - 1, unit="", target=OVER_WARM)


def memory() -> Iterator[Figure | str]:
    """The queue's process after few and after many small jobs of the studio."""
    import psutil
    from skimage import data

    from limner.media.pictures import write_png
    from limner.web.jobs import DONE
    from limner.web.studio.floor import Floor

    floor = Floor()
    try:
        photo = floor.sessions.folder / "photo.png"
        write_png(photo, data.astronaut())
        held = {}
        for number in range(1, LATE + 1):
            out = floor.sessions.folder / f"out{number}"
            id = floor.jobs.submit("smile", {"photo": str(photo), "name": "me", "out": str(out), "settings": SMALL}, {})
            job = floor.jobs.wait(id)
            if job is None or job.state != DONE:
                raise RuntimeError(f"a small job came to nothing: {job and job.error}")
            floor.jobs.forget(id)
            shutil.rmtree(out)
            if number in (EARLY, LATE):
                processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
                held[number] = sum(process.memory_info().rss for process in processes) / 1e9
    finally:
        floor.close()
    yield Figure(name=f"memory of server and worker after {EARLY} jobs", value=held[EARLY], unit="GB")
    yield Figure(name=f"after {LATE}", value=held[LATE], unit="GB")
    yield Figure(name="growth between", value=held[LATE] / held[EARLY] - 1, unit="", target=MEMORY_GROWTH)


def run() -> None:
    """`limner bench studio`: prints every figure with its target."""
    for item in memory():
        print(item if isinstance(item, str) else item.line(), flush=True)
    with chromium() as browser:
        for item in pages(browser):
            print(item if isinstance(item, str) else item.line(), flush=True)
