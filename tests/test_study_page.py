"""The raters' page in a real Chromium, and its server under garbage, floods and kill -9."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed (pip install limner[study])")
from browser import Served, folder_of_votes
from study_stores import COLOURS, small_study

BROWN = "Which is browner?"
CHOSEN = "() => [...document.querySelectorAll('[data-choice]')].map(b => b.disabled)"
PIXEL = "id => { const c = document.getElementById(id); return [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data] }"
ALL_PIXELS = "() => ['left', 'right'].map(id => { const c = document.getElementById(id); return [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data] })"  # noqa: E501


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    folder = tmp_path_factory.mktemp("served")
    small_study(folder, per_rater=3, checks=1, question=BROWN)
    with Served("study", "serve", folder / "study") as server:
        yield server, folder / "study"


class Rater:
    """One browser of its own, and what it asked the network for."""

    def __init__(self, browser, url: str, **options) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(url)

    def ready(self, place: int) -> None:
        self.page.wait_for_selector(f"text=Pair {place} of 4")
        self.page.wait_for_selector("[data-choice=left]:enabled", timeout=60_000)
        self.page.wait_for_timeout(400)  # a choice as a pair opens passes for the last one's double click

    def cookie(self) -> str:
        (cookie,) = self.context.cookies()
        return cookie["value"]


def test_a_whole_session(browser, served):
    server, folder = served
    before = len(folder_of_votes(folder)) if (folder / "answers.sqlite").exists() else 0
    rater = Rater(browser, server.url)
    page = rater.page
    page.click("text=Begin")
    page.wait_for_selector(f"text={BROWN}")
    assert page.evaluate(CHOSEN) == [True] * 3  # not before both were seen to the end
    shown = []
    for place, act in enumerate((lambda: page.keyboard.press("ArrowLeft"), lambda: page.click("[data-choice=none]")), 1):
        rater.ready(place)
        shown.append(page.evaluate(ALL_PIXELS))
        act()
    page.reload()  # in the middle
    rater.ready(3)
    page.dblclick("[data-choice=right]")
    rater.ready(4)
    page.go_back()
    rater.ready(3)
    assert page.get_attribute("[data-choice=right]", "aria-pressed") == "true"
    page.wait_for_timeout(400)
    page.click("[data-choice=left]")  # a change of mind
    rater.ready(4)
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("text=All 4 answers are kept")
    votes = folder_of_votes(folder)[before:]
    assert [vote.choice for vote in votes] == ["left", "none", "left", "none"]
    for vote, (left, right) in zip(votes[:1], shown):  # the side that was pressed showed the method that was counted
        if not vote.pair.is_check:
            meant = vote.pair.first if vote.said == "first" else vote.pair.second
            assert near(left, COLOURS[meant])
            assert not near(right, COLOURS[meant])
    assert all(url.startswith((server.url, "data:")) for url in rater.requests)
    assert not any(colour in url for url in rater.requests for colour in COLOURS)
    assert rater.faults == []
    page.reload()
    page.wait_for_selector("text=All 4 answers are kept")
    page.click("text=Another person on this device")
    page.wait_for_selector("text=Pair 1 of 4")
    rater.context.close()


def near(pixel: list[int], colour: tuple[int, int, int]) -> bool:
    """Whether a pixel is of a colour, at any of its brightnesses."""
    return max(range(3), key=lambda c: pixel[c]) == max(range(3), key=lambda c: colour[c])


def test_both_play_in_step(browser, served):
    """Both halves of every sampled moment have the same brightness: of one video's very frame."""
    rater = Rater(browser, served[0].url)
    page = rater.page
    page.click("text=Begin")
    for place in (1, 2, 3, 4):
        rater.ready(place)
        moments = []
        for _ in range(30):
            moments.append([max(pixel[:3]) / 200 for pixel in page.evaluate(ALL_PIXELS)])
            page.wait_for_timeout(30)
        is_check = any(abs(a - b) > 0.1 for a, b in moments)  # its broken half is shuffled
        if not is_check:
            assert max(a for a, _ in moments) - min(a for a, _ in moments) > 0.2  # they do play
        page.keyboard.press("ArrowRight")
    page.wait_for_selector("text=All 4 answers are kept")
    rater.context.close()


def test_two_raters_at_once_on_a_phone_and_in_the_dark(browser, served):
    server, folder = served
    before = {vote.rater for vote in folder_of_votes(folder)}
    phone = Rater(browser, server.url, viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    dark = Rater(browser, server.url, color_scheme="dark")
    for rater in (phone, dark):
        rater.page.click("text=Begin")
    for place in range(1, 5):
        phone.ready(place)
        phone.page.tap("[data-choice=left]")
        dark.ready(place)
        dark.page.keyboard.press("ArrowRight")
    for rater in (phone, dark):
        rater.page.wait_for_selector("text=All 4 answers are kept")
        assert rater.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert phone.cookie() != dark.cookie()
    votes = [vote for vote in folder_of_votes(folder) if vote.rater not in before]
    assert sorted([vote.choice for vote in votes]) == ["left"] * 4 + ["right"] * 4
    assert len({vote.rater for vote in votes}) == 2
    for rater in (phone, dark):
        assert rater.faults == []
        rater.context.close()


# The server alone


class Client:
    """One rater over plain HTTP."""

    def __init__(self, server: Served) -> None:
        self.server, self.cookie = server, ""
        self.tasks = self.ask("POST", "/api/raters", {"simulated": True})[1]["tasks"]

    def ask(self, method: str, path: str, body: object = None, *, raw: bytes | None = None, headers=()) -> tuple[int, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            told = raw if raw is not None else json.dumps(body).encode() if body is not None else None
            connection.request(method, path, told, {"Content-Type": "application/json", "Cookie": self.cookie, **dict(headers)})
            reply = connection.getresponse()
            content = reply.read()
            if cookie := reply.headers["set-cookie"]:
                self.cookie = cookie.partition(";")[0]
            return reply.status, json.loads(content)
        finally:
            connection.close()


def test_garbage_gets_one_clear_line_and_changes_nothing(served):
    one, other = Client(served[0]), Client(served[0])
    mine, theirs = one.tasks[0]["id"], other.tasks[0]["id"]
    before = one.ask("GET", "/api/me")[1]
    cases = [
        (404, one.ask("PUT", f"/api/answers/{theirs}", {"choice": "left"})),
        (404, one.ask("PUT", "/api/answers/nothing", {"choice": "left"})),
        (404, one.ask("GET", "/clips/..%2fstudy.mp4")),
        (404, one.ask("GET", "/clips/../study.json")),
        (404, one.ask("GET", "/answers.sqlite")),
        (405, one.ask("GET", f"/api/answers/{mine}")),
        (422, one.ask("PUT", f"/api/answers/{mine}", {"choice": "both"})),
        (422, one.ask("PUT", f"/api/answers/{mine}", {"choice": ["left"]})),
        (422, one.ask("PUT", f"/api/answers/{mine}", {})),
        (400, one.ask("PUT", f"/api/answers/{mine}", raw=b"\xff\x00{")),
        (400, one.ask("PUT", f"/api/answers/{mine}", ["left"])),
        (400, one.ask("PUT", f"/api/answers/{mine}", raw=b"[" * 1000)),
        (413, one.ask("PUT", f"/api/answers/{mine}", raw=b" " * 5000)),
        (415, one.ask("PUT", f"/api/answers/{mine}", {"choice": "left"}, headers=[("Content-Type", "text/plain")])),
        (401, one.ask("GET", "/api/me", headers=[("Cookie", "limner_rater=nobody")])),
        (401, one.ask("GET", "/api/me", headers=[("Cookie", "")])),
    ]
    for status, (found, told) in cases:
        assert found == status, told
        assert isinstance(told["error"], str)
        assert "\n" not in told["error"]
        assert "Traceback" not in told["error"]
    assert one.ask("GET", "/api/me")[1] == before
    assert all(task["choice"] is None for task in before["tasks"])
    assert set(before) == {"question", "tasks"}  # nothing of methods, labels, checks or other raters
    assert all(set(task) == {"id", "video", "mirrored", "choice"} for task in before["tasks"])


def test_a_flood_is_slowed_and_harms_no_one_else(served):
    flooder, calm = Client(served[0]), Client(served[0])
    statuses = [flooder.ask("GET", "/api/me")[0] for _ in range(150)]
    assert statuses[:30] == [200] * 30
    assert 429 in statuses
    assert calm.ask("PUT", f"/api/answers/{calm.tasks[0]['id']}", {"choice": "left"})[0] == 200


def test_a_killed_server_has_lost_nothing(tmp_path: Path):
    small_study(tmp_path, per_rater=3, checks=1)
    with Served("study", "serve", tmp_path / "study") as server:
        client = Client(server)
        for task in client.tasks[:3]:
            assert client.ask("PUT", f"/api/answers/{task['id']}", {"choice": "right"})[0] == 200
        port = server.port
        server.kill()
    with Served("study", "serve", tmp_path / "study", port=port) as server:
        told = client.ask("GET", "/api/me")[1]
        assert [task["choice"] for task in told["tasks"]] == ["right", "right", "right", None]
        assert client.ask("PUT", f"/api/answers/{client.tasks[2]['id']}", {"choice": "right"})[0] == 200  # it was confirmed to nobody
    assert len(folder_of_votes(tmp_path / "study")) == 3


def test_what_cannot_be_served_is_said(limner, served, tmp_path: Path):
    server, folder = served
    code, _, errors = limner("study", "serve", folder)
    assert (code, errors) == (2, [f"limner: the study {folder} is being served already"])
    small_study(tmp_path, checks=0)
    code, _, errors = limner("study", "serve", tmp_path / "study", "--port", server.port)
    assert code == 2
    assert errors[0].startswith(f"limner: cannot listen on 127.0.0.1, port {server.port} (")
    next((tmp_path / "study" / "clips").iterdir()).unlink()
    code, _, errors = limner("study", "serve", tmp_path / "study")
    assert (code, errors) == (2, [f"limner: {tmp_path / 'study'} lacks the videos of 1 pairs; build the study again"])
    code, _, errors = limner("study", "report", tmp_path / "study")
    assert code == 2
    assert "nobody has answered" in errors[0]


def test_a_slow_head_does_not_hold_a_connection(served, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("uvicorn")
    with socket.create_connection(("127.0.0.1", served[0].port), timeout=30) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert slow.recv(100) == b""  # closed by the server after HEAD_S


def test_from_stores_to_report_by_the_command(limner, tmp_path: Path):
    from study_stores import coloured

    coloured(tmp_path / "a", "red")
    coloured(tmp_path / "b", "blue")
    code, out, _ = limner(
        "study", "build", tmp_path / "a", f"second={tmp_path / 'b'}", "--out", tmp_path / "s", "--limit", 1, "--checks", 1
    )
    assert code == 0
    assert out.startswith("2 pairs of a, second and 1 attention checks -> ")
    code, _, errors = limner("study", "build", tmp_path / "a", tmp_path / "a", "--out", tmp_path / "t")
    assert code == 2
    assert "two methods are called 'a'" in errors[0]
    with Served("study", "serve", tmp_path / "s") as server:
        client = Client(server)
        for task in client.tasks:
            client.ask("PUT", f"/api/answers/{task['id']}", {"choice": "none"})
        code, out, _ = limner("study", "report", tmp_path / "s", "--keep-all", "--out", tmp_path / "r")  # while it is served
    assert code == 0
    assert out.startswith("# Preference study: SIMULATED RATERS")
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == ["report.json", "report.md", "table.csv", "votes.csv"]
