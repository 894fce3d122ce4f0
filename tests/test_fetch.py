"""Fetching foreign files: from a server of ours on the loopback, whole, broken off, wrong, missing; and foreign checkpoints."""

from __future__ import annotations

import hashlib
import http.server
import os
import pickle
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from limner.types import DependencyError, InputError
from limner.weights.fetch import cache_folder, convert_checkpoint, fetch, sha256_of

CONTENT = bytes(range(256)) * 4000
SHA = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    asked: list[str | None] = []  # noqa: RUF012  (cleared by the fixture)

    def do_GET(self) -> None:
        range_ = self.headers.get("Range")
        self.asked.append(range_)
        if self.path == "/missing":
            self.send_error(404, "Not Found")
            return
        if self.path == "/garbage":
            self.wfile.write(b"not a word of HTTP\r\n\r\n")
            return
        if self.path == "/slow":
            time.sleep(0.2)
        begin = int(range_.removeprefix("bytes=").rstrip("-")) if range_ and self.path != "/norange" else 0
        body = CONTENT[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/broken" and not begin else body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path / "cache"))
    Handler.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_fetched_once_and_kept(server: str, tmp_path: Path) -> None:
    path = fetch("model.bin", f"{server}/whole", SHA)
    assert path == tmp_path / "cache" / "model.bin"
    assert path.read_bytes() == CONTENT
    assert sha256_of(path) == SHA
    assert fetch("model.bin", f"{server}/whole", SHA) == path
    assert Handler.asked == [None]
    assert sorted(p.name for p in path.parent.iterdir()) == [".lock", "model.bin"]


def test_a_spoilt_file_in_the_cache_is_fetched_again(server: str) -> None:
    path = fetch("model.bin", f"{server}/whole", SHA)
    path.write_bytes(CONTENT[:-1])
    assert fetch("model.bin", f"{server}/whole", SHA).read_bytes() == CONTENT


@pytest.mark.parametrize("page", ["broken", "norange"])
def test_a_download_that_broke_off_is_gone_on_with(page: str, server: str, tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match=r"broke off after 512000 of 1024000 bytes"):
        fetch("model.bin", f"{server}/broken", SHA)
    assert not (tmp_path / "cache" / "model.bin").exists()
    assert fetch("model.bin", f"{server}/{page}", SHA).read_bytes() == CONTENT
    assert Handler.asked == [None, "bytes=512000-"]


def test_a_wrong_file_is_not_kept(server: str, tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match="is not the file it should be") as caught:
        fetch("model.bin", f"{server}/whole", "0" * 64, variable="LIMNER_FACE_MODEL")
    for part in ("model.bin", f"{server}/whole", str(tmp_path / "cache" / "model.bin"), "LIMNER_FACE_MODEL"):
        assert part in str(caught.value)
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [".lock"]


def test_two_that_fetch_at_once_both_get_it_and_ask_once(server: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fetch("model.bin", f"{server}/slow", SHA), range(4)))
    assert {path.read_bytes() for path in paths} == {CONTENT}
    assert Handler.asked == [None]


def test_a_wrong_file_put_there_by_hand_is_not_thrown_away(server: str, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "model.bin"
    target.parent.mkdir()
    target.write_bytes(b"another version, perhaps wanted elsewhere")
    with pytest.raises(DependencyError, match="answered 404"):
        fetch("model.bin", f"{server}/missing", SHA)
    assert target.exists()


def test_an_answer_that_is_no_http_is_no_network(server: str) -> None:
    with pytest.raises(DependencyError, match=r"could not be fetched from .*offline\?"):
        fetch("model.bin", f"{server}/garbage", SHA)


def test_missing_and_offline_say_what_to_do(server: str, tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match=r"answered 404 Not Found; download it to .*model\.bin"):
        fetch("model.bin", f"{server}/missing", SHA)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/model.bin"
        with pytest.raises(DependencyError, match=r"could not be fetched from http.*offline\? Then download it to") as caught:
            fetch("model.bin", url, SHA)
    assert "\n" not in str(caught.value)
    target = tmp_path / "cache" / "model.bin"
    target.write_bytes(CONTENT)  # by hand, as the line says
    assert fetch("model.bin", url, SHA) == target


def test_where_the_cache_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LIMNER_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "limner"
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path / "file"))  # cannot be a folder, like a read-only home
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "tmp"))
    assert cache_folder().parent == tmp_path / "tmp"
    if hasattr(os, "getuid"):
        monkeypatch.setattr("os.getuid", lambda: 4321)  # the folder of that name is another user's
        (tmp_path / "tmp" / "limner-cache-4321").mkdir(mode=0o777)
        with pytest.raises(DependencyError, match="set LIMNER_CACHE"):
            cache_folder()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "file"))
    with pytest.raises(DependencyError, match="set LIMNER_CACHE to one that can"):
        cache_folder()


class Evil:
    def __reduce__(self):
        return (print, ("code of a foreign pickle was run",))


def test_foreign_checkpoints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = {"state_dict": {"conv.weight": torch.arange(6.0).reshape(2, 3), "tied": torch.ones(2)}, "epoch": 3, "list": [torch.zeros(1)]}
    weights["state_dict"]["also"] = weights["state_dict"]["tied"]
    path, out = tmp_path / "net.pth", tmp_path / "net.safetensors"
    torch.save(weights, path)
    assert convert_checkpoint(path, sha256_of(path), out) == out
    tensors = load_file(out)
    assert set(tensors) == {"state_dict.conv.weight", "state_dict.tied", "state_dict.also", "list.0"}
    assert torch.equal(tensors["state_dict.conv.weight"], torch.arange(6.0).reshape(2, 3))

    with pytest.raises(InputError, match="is not the checkpoint it should be"):
        convert_checkpoint(path, "0" * 64, out)
    with pytest.raises(InputError, match="does not exist"):
        convert_checkpoint(tmp_path / "none.pth", SHA, out)
    cut = tmp_path / "cut.pth"
    cut.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match="is no PyTorch checkpoint, or is cut short"):
        convert_checkpoint(cut, sha256_of(cut), out)
    empty = tmp_path / "empty.pth"
    torch.save({"epoch": 3}, empty)
    with pytest.raises(InputError, match="holds no tensors"):
        convert_checkpoint(empty, sha256_of(empty), out)
    for name, save in (("evil.pth", torch.save), ("evil.pkl", lambda obj, file: file.write_bytes(pickle.dumps(obj)))):
        evil = tmp_path / name
        save({"a": Evil()}, evil)
        with pytest.raises(InputError, match=r"a pickle with code or objects|is no PyTorch checkpoint") as caught:
            convert_checkpoint(evil, sha256_of(evil), out)
        assert "\n" not in str(caught.value)
    assert "code of a foreign pickle" not in capsys.readouterr().out
    endless: list = [torch.ones(1)]
    endless.append(endless)
    torch.save(endless, tmp_path / "endless.pth")
    with pytest.raises(InputError, match="holds lists within themselves"):
        convert_checkpoint(tmp_path / "endless.pth", sha256_of(tmp_path / "endless.pth"), out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated, its files are still about
        torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "script.pt")
    with pytest.raises(InputError, match=r"script\.pt is no PyTorch checkpoint"):
        convert_checkpoint(tmp_path / "script.pt", sha256_of(tmp_path / "script.pt"), out)
