"""The studio in a real Chromium: a photo dropped, videos that move, edits, cancel, errors, a reload, two pages, a phone, the dark."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gradio", reason="gradio is not installed (pip install limner[studio])")
from browser import Served
from limner.media.motion import read_motion
from limner.web.studio.edits import apply_edits, parse_edits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
PATIENCE_MS = 600_000  # on a machine that other work keeps busy
PLAYING = "room => [...document.querySelectorAll(`#${room}-view video`)].map(v => [v.currentTime, v.readyState, v.videoWidth])"
PIXELS = """([room, k]) => {
  const video = document.querySelectorAll(`#${room}-view video`)[k];
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [64, 64];
  canvas.getContext('2d').drawImage(video, 0, 0, 64, 64);
  return [...canvas.getContext('2d').getImageData(0, 0, 64, 64).data];
}"""
SEEK = """([room, frame]) => new Promise(done => {
  const player = document.querySelector(`#${room}-view limner-player`);
  const times = () => done(player.videos.map(v => v.currentTime));
  player.videos[0].addEventListener('seeked', () => setTimeout(times, 300), { once: true });
  player.show(frame);
})"""
OVER = "room => /Done in|Cancelled|limner: /.test(document.querySelector(`#${room}-status .lm-status:not([data-old])`)?.innerText)"
EDITED = "() => { const e = document.querySelector('limner-editor'); return e.motion.frames.map((_, t) => e.points(t)) }"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`limner studio` with one small store that it may open."""
    from limner.cli import main

    place = tmp_path_factory.mktemp("data")
    assert main(["prepare", "smiles", str(place / "few"), "--people", "10"]) == 0
    with Served("studio", "--data", place) as server:
        yield server


class Page:
    """One page of its own, what it asked the network for, and what went wrong in it."""

    def __init__(self, browser, url: str, **options) -> None:
        self.url = url
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(url)
        self.page.wait_for_selector("#smile-make")

    def number(self, name: str, value: float) -> None:
        field = self.page.locator(f"#{name} input[type=number]")
        field.fill(str(value))
        field.press("Tab")

    def small(self, seconds: float = 0.4) -> None:
        """Two short, small smiles are asked for."""
        self.number("smile-modes", 2)
        self.number("smile-seconds", seconds)
        self.choose("smile-size", "128 px")

    def choose(self, name: str, words: str) -> None:
        self.page.locator(f"#{name} input").click()
        self.page.locator("[role=option]", has_text=words).first.click()

    def drop(self, name: str, path: Path) -> None:
        with self.page.expect_response(lambda answer: "upload" in answer.url):
            self.page.set_input_files(f"#{name} input[type=file]", path)
        self.page.wait_for_selector(f"#{name} img")

    def over(self, room: str) -> str:
        """How the room's job ended, in its words."""
        self.page.wait_for_function(OVER, arg=room, polling=100)
        return self.page.inner_text(f"#{room}-status .lm-status").strip()

    def make(self, room: str) -> str:
        """Presses the room's button -> how it ended."""
        self.page.evaluate("room => { document.querySelector(`#${room}-status .lm-status`).dataset.old = 'yes' }", room)
        self.page.click(f"#{room}-make")
        return self.over(room)

    def close(self) -> None:
        assert self.faults == []
        assert [url for url in self.requests if not url.startswith((self.url, "blob:", "data:"))] == []
        self.context.close()


@pytest.fixture
def opened(browser, served):
    """Opens pages; at the end none may have asked anybody else for anything, or met a fault."""
    pages: list[Page] = []

    def open_page(**options) -> Page:
        pages.append(Page(browser, served.url, **options))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


def test_a_photo_is_dropped_and_its_smiles_play_in_step_and_are_edited(opened, astronaut_png, tmp_path):
    one = opened(accept_downloads=True)
    page = one.page
    assert "agreed" in page.inner_text("#limner-head")
    one.small()
    one.drop("smile-photo", astronaut_png)
    assert one.make("smile").startswith("Done in")
    page.wait_for_function("() => [...document.querySelectorAll('#smile-view video')].every(v => v.readyState >= 2)")
    assert [width for _, _, width in page.evaluate(PLAYING, "smile")] == [128, 128]
    assert page.locator("#smile-view video[aria-label^='Video: the face in the photo smiles']").count() == 2
    assert page.locator("#smile-view .lm-tag", has_text="synthetic").count() == 2
    assert page.locator("#smile-view svg[role=img][aria-label*='highest']").count() == 2
    assert "smiles differ" in page.inner_text("#smile-view")
    first = [np.array(page.evaluate(PIXELS, ["smile", k])) for k in (0, 1)] if page.evaluate(SEEK, ["smile", 0]) else []
    times = page.evaluate(SEEK, ["smile", 9])
    assert times[0] == pytest.approx(times[1], abs=1e-3) == pytest.approx(9.5 / 25, abs=1e-3)
    for k in (0, 1):  # decoded frames move
        assert np.abs(np.array(page.evaluate(PIXELS, ["smile", k])) - first[k]).max() > 20
    with page.expect_download() as saved:
        page.click("#smile-view a:text-is('motion') >> nth=0")
    saved.value.save_as(tmp_path / "mode_1.motion.json")
    motion = read_motion(tmp_path / "mode_1.motion.json", "face")
    assert motion.num_frames == 10
    edit_and_render(one, motion)
    page.get_by_role("tab", name="Compare").click()
    page.wait_for_function("() => document.querySelectorAll('#compare-view video').length === 2")
    page.wait_for_function("() => [...document.querySelectorAll('#compare-view video')].every(v => v.readyState >= 2)")
    times = page.evaluate(SEEK, ["compare", 4])
    assert times[0] == pytest.approx(times[1], abs=1e-3)


def edit_and_render(one: Page, motion) -> None:
    """A point is dragged and the motion mixed; the editor shows what edits.py makes, and that is what is rendered."""
    page = one.page
    page.get_by_role("tab", name="Edit").click()
    page.wait_for_selector("limner-editor canvas")
    page.wait_for_function("() => document.querySelector('limner-editor').motions?.length === 2")
    page.evaluate("() => document.querySelector('limner-editor').show(6)")
    box = page.locator("limner-editor canvas").bounding_box()
    x, y = page.evaluate(
        "() => { const e = document.querySelector('limner-editor'); return e.points(6)[54].map((v, i) => v / e.motion.size[i]) }"
    )
    at = box["x"] + x * box["width"], box["y"] + y * box["height"]
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(at[0] + 10, at[1] - 30, steps=4)
    page.mouse.up()
    page.locator("limner-editor [data-key=strength]").evaluate("e => { e.value = 1.5; e.dispatchEvent(new Event('input')) }")
    page.locator("limner-editor [data-key=mix]").evaluate("e => { e.value = 0.25; e.dispatchEvent(new Event('input')) }")
    edits = parse_edits(page.evaluate("() => JSON.stringify(document.querySelector('limner-editor').edits)"))
    assert (edits.strength, edits.mix, edits.other, len(edits.drags)) == (1.5, 0.25, 1, 1)
    assert edits.drags[0].point == 54
    second = page.evaluate("() => JSON.stringify(document.querySelector('limner-editor').motions[1])")
    shown = np.array(page.evaluate(EDITED))
    other = as_motion(second, motion)
    np.testing.assert_allclose(shown, apply_edits(motion, edits, other).points, atol=0.01)
    assert one.make("edit").startswith("Done in")
    page.wait_for_function("() => document.querySelector('#edit-view video')?.readyState >= 2")
    url = page.get_attribute("#edit-view a:text-is('motion')", "href")
    rendered = np.array(page.evaluate("url => fetch(url).then(answer => answer.json())", url)["frames"])
    np.testing.assert_allclose(rendered, shown, atol=0.01)


def as_motion(text: str, like):
    """The page's motion file as limner's record."""
    from dataclasses import replace

    told = json.loads(text)
    return replace(like, points=np.array(told["frames"], np.float32), size=tuple(told["size"]))


def test_cancel_in_the_middle_is_at_once_and_the_next_job_goes_on(opened, astronaut_png):
    one = opened()
    one.small(seconds=10)
    one.choose("smile-size", "512 px")
    one.drop("smile-photo", astronaut_png)
    one.page.click("#smile-make")
    one.page.wait_for_function("() => document.querySelector('#smile-status').innerText.includes('Rendering')", polling=50)
    start = time.monotonic()
    one.page.click("#smile-cancel")
    assert one.over("smile") == "Cancelled; nothing of it is kept."
    assert time.monotonic() - start < 10  # seconds; a job of this length takes minutes where others keep the machine busy
    one.small()
    assert one.make("smile").startswith("Done in")


def test_errors_are_the_terminals_sentences(opened, tmp_path, limner):
    from PIL import Image

    grey = tmp_path / "grey.png"
    Image.new("RGB", (300, 300), "grey").save(grey)
    one = opened()
    assert one.make("smile") == "limner: no photo yet; drop one, or click the example"
    one.drop("smile-photo", grey)
    line = one.make("smile")
    _, _, said = limner("smile", grey, "--out", tmp_path)
    assert line.removeprefix("limner: ") in said[-1]
    assert one.page.locator("#smile-status [role=alert]").count() == 1
    assert "/" not in line  # no path of the server's
    (tmp_path / "drawn.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    with one.page.expect_response(lambda answer: "upload" in answer.url):
        one.page.set_input_files("#smile-photo input[type=file]", tmp_path / "drawn.png")
    one.page.wait_for_timeout(1000)
    assert one.make("smile") == "limner: drawn.png is an SVG drawing; save it as PNG first"


def test_a_reload_deletes_everything_and_stops_the_job(opened, astronaut_png):
    one = opened()
    one.small()
    one.drop("smile-photo", astronaut_png)
    one.make("smile")
    video = one.page.get_attribute("#smile-view video", "src")
    status = "url => fetch(url).then(answer => answer.status)"
    assert one.page.evaluate(status, video) == 200
    one.page.reload()
    one.page.wait_for_selector("#smile-make")
    assert one.page.locator("#smile-view video").count() == 0
    end = time.monotonic() + 120
    while one.page.evaluate(status, video) != 404:  # gone, once the old page's end was noticed
        assert time.monotonic() < end
        time.sleep(0.5)


def test_two_pages_at_once_keep_apart(opened, astronaut_png):
    pages = [opened(), opened()]
    for one, modes in zip(pages, (1, 2)):
        one.small()
        one.number("smile-modes", modes)
        one.drop("smile-photo", astronaut_png)
        one.page.click("#smile-make")
    for one, modes in zip(pages, (1, 2)):
        one.page.wait_for_function("n => document.querySelectorAll('#smile-view video').length === n", arg=modes)
        assert one.over("smile").startswith("Done in")


def test_who_comes_again_asks_for_no_script_and_no_style(opened):
    one = opened()
    one.page.goto(one.url)
    one.page.wait_for_selector("#smile-make")
    sent = "() => performance.getEntriesByType('resource').filter(e => /[.](js|css)/.test(e.name) && e.transferSize).map(e => e.name)"
    assert [name for name in one.page.evaluate(sent) if "/static/" not in name] == []


def test_a_phone_in_the_dark(opened):
    one = opened(viewport={"width": 400, "height": 800}, color_scheme="dark", has_touch=True)
    tabs = [tab.bounding_box() for tab in one.page.get_by_role("tab").all()]
    assert len(tabs) == 6
    assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 400 for box in tabs)  # none in a menu
    one.small()
    one.page.tap("#smile-example")
    assert one.over("smile").startswith("Done in")
    assert one.page.evaluate("() => document.documentElement.scrollWidth") <= 400
    assert one.page.evaluate("() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).every(v => v < 60)")
    one.page.focus("#smile-view limner-player .lm-play")
    before = one.page.evaluate("() => document.querySelector('limner-player').playing")
    one.page.keyboard.press("Space")
    assert one.page.evaluate("() => document.querySelector('limner-player').playing") is not before
    one.page.keyboard.press("Home")
    one.page.keyboard.press("ArrowRight")
    assert one.page.inner_text("#smile-view .lm-time") == "0.04 s"


def test_the_other_rooms(opened):
    one = opened()
    page = one.page
    page.get_by_role("tab", name="Drive").click()
    one.choose("drive-size", "128 px")
    page.click("#drive-example")
    assert one.over("drive").startswith("Done in")
    assert "another face's motion" in page.inner_text("#drive-view")
    page.get_by_role("tab", name="Move").click()
    one.choose("move-size", "128 px")
    page.click("#move-example")
    assert one.over("move").startswith("Done in")
    assert page.locator("#move-view img[alt^='Sheet: eight moments']").count() == 1
    page.get_by_role("tab", name="Data").click()
    page.wait_for_function("() => document.querySelector('#data-choice input').value.endsWith('few')")
    assert one.make("data").startswith("Done in")
    assert "10 people" in page.inner_text("#data-view")
    assert page.evaluate("() => document.querySelector('#data-view img').naturalWidth") > 500
    names = page.get_by_role("tab").all_inner_texts()
    assert names == ["Smile", "Drive", "Move", "Edit", "Compare", "Data"]
