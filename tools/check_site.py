"""Does the documentation site ask anything of another host? `python tools/check_site.py site`; plain links are fine.

Looked at: what pages load by themselves (scripts, styles, fonts, pictures, frames), what styles load, and what would make the theme's
script fetch something (diagrams, a repository's figures).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

FOREIGN = re.compile(r"^\s*(?:https?:)?//", re.I)
LOADS = {"script": "src", "img": "src", "iframe": "src", "video": "src", "audio": "src", "source": "src", "embed": "src", "object": "data"}
LINKS = {
    "stylesheet",
    "icon",
    "preload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "modulepreload",
    "manifest",
}  # rel=... that a browser fetches
IN_STYLES = re.compile(r"url\(\s*['\"]?((?:https?:)?//[^)'\"]+)|@import\s+['\"]((?:https?:)?//[^'\"]+)", re.I)


class Page(HTMLParser):
    """Collects what a page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        loaded = [values[LOADS[tag]]] if LOADS.get(tag) in values else []
        loaded += [part.strip().split(" ")[0] for part in values.get("srcset", "").split(",")] + [values.get("poster", "")]
        if tag == "link" and LINKS & set(values.get("rel", "").split()):
            loaded.append(values.get("href", ""))
        if tag == "form":
            loaded.append(values.get("action", ""))
        loaded += in_styles(values.get("style", ""))
        self.foreign += [f"<{tag}> {place}" for place in loaded if FOREIGN.match(place)]
        if "mermaid" in values.get("class", "").split():
            self.foreign.append("a mermaid diagram: its script is fetched from elsewhere")
        if values.get("data-md-component") == "source":
            self.foreign.append("a repository in the header: its figures are fetched from elsewhere")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            self.foreign += in_styles(data)


def in_styles(text: str) -> list[str]:
    """What a style sheet loads from elsewhere."""
    return [first or second for first, second in IN_STYLES.findall(text)]


def foreign(site: Path) -> Iterator[str]:
    """'page.html: <script> https://...' for each thing that the site would ask of another host."""
    for path in sorted(site.rglob("*.html")):
        page = Page()
        page.feed(path.read_text(encoding="utf-8"))
        yield from (f"{path.relative_to(site)}: {what}" for what in page.foreign)
    for path in sorted(site.rglob("*.css")):
        yield from (f"{path.relative_to(site)}: {what}" for what in in_styles(path.read_text(encoding="utf-8")))


def main() -> int:
    site = Path(sys.argv[1] if len(sys.argv) > 1 else "site")
    if not (site / "index.html").is_file():
        sys.exit(f"{site} is no site: it has no index.html")
    found = list(foreign(site))
    print("\n".join(found) if found else f"{site}: nothing is asked of another host")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
