"""The documentation site: it is built without a warning and asks nothing of another host (where the extra `docs` is installed)."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHECK = ROOT / "tools" / "check_site.py"


def test_what_a_page_loads_from_elsewhere_is_found(tmp_path: Path):
    (tmp_path / "style.css").write_text("a { background: url(pictures/a.png) } @import 'https://fonts.example/x.css';")
    (tmp_path / "index.html").write_text(
        "<a href='https://example.org'>a plain link</a><link rel=canonical href='https://example.org/'><img src='a.png'>"
        "<img src='//example.org/a.png'><script src='https://example.org/a.js'></script><div style='background: url(https://example.org/b)'></div>"
        "<style>p { src: url('http://example.org/c') }</style><pre class='mermaid'>graph</pre><link rel='preload stylesheet' href='https://e.org/s'>"
    )
    done = subprocess.run([sys.executable, str(CHECK), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "index.html: <img> //example.org/a.png",
        "index.html: <script> https://example.org/a.js",
        "index.html: <div> https://example.org/b",
        "index.html: http://example.org/c",
        "index.html: a mermaid diagram: its script is fetched from elsewhere",
        "index.html: <link> https://e.org/s",
        "style.css: https://fonts.example/x.css",
    ]
    (tmp_path / "style.css").unlink()
    (tmp_path / "index.html").write_text("<a href='https://example.org'>a plain link</a><img src='a.png'>")
    done = subprocess.run([sys.executable, str(CHECK), str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}: nothing is asked of another host\n")


@pytest.mark.skipif(not importlib.util.find_spec("material"), reason="mkdocs is not installed: make docs")
def test_the_site_is_built_without_a_warning_and_asks_nothing_of_another_host(tmp_path: Path):
    command = [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([sys.executable, str(CHECK), str(tmp_path / "site")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    said = (tmp_path / "site" / "api.html").read_text()
    assert "inter-ocular units" in said  # the docstring of limner.render
