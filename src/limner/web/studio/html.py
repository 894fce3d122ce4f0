"""The studio's own pieces of page: what is going on, the videos in step, the links to files. Everything from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from limner.web.jobs import CANCELLED, DONE, OPEN, QUEUED, Job

CONSENT = (
    "Use photos of people who agreed to it. Every file made here says in its metadata that it is synthetic. "
    "Nothing leaves this computer; what you bring and what is made is deleted when you close or reload the page."
)
TAG = "synthetic"


def consent() -> str:
    """The note on consent that every page shows."""
    return f'<p class="lm-consent" role="note">{escape(CONSENT)}</p>'


def status(job: Job) -> str:
    """Where a job stands: its stage and a bar, or the line that says why it was refused."""
    if job.state == DONE:
        return said(f"Done in {(job.ended or 0) - (job.began or 0):.1f} s.")
    if job.state == CANCELLED:
        return said("Cancelled; nothing of it is kept.")
    if job.state not in OPEN:
        return refused(job.error or "it came to nothing")
    if job.state == QUEUED:
        return said("Waiting" + (f"; {job.place} job{'s' if job.place > 1 else ''} before this one" if job.place else "") + " …", busy=True)
    percent = round(100 * job.done / job.total) if job.total > 1 else None
    words = (job.stage or "beginning") + (f", {job.done} of {job.total}" if job.total > 1 else "")
    return said(f"{words[:1].upper()}{words[1:]} …", busy=True, percent=percent)


def said(words: str, *, busy: bool = False, percent: int | None = None) -> str:
    """A line of words; busy: with a bar that moves, or that stands at `percent`."""
    bar = ""
    if busy:
        at = "" if percent is None else f' aria-valuenow="{percent}" style="--at:{percent}%"'
        bar = f'<div class="lm-bar{"" if percent is not None else " lm-unknown"}" role="progressbar" aria-label="progress"{at}></div>'
    return f'<div class="lm-status" role="status">{escape(words)}{bar}</div>'


def refused(line: str) -> str:
    """An error, as the terminal says it."""
    return f'<div class="lm-status lm-error" role="alert">limner: {escape(line)}</div>'


def notes(lines: Iterable[str]) -> str:
    """What is doubtful of a result, a line each."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="lm-notes">{items}</ul>' if items else ""


def links(named: Sequence[tuple[str, str]]) -> str:
    """(words, address) each -> links that download."""
    items = " ".join(f'<a href="{escape(url)}" download>{escape(words)}</a>' for words, url in named)
    return f'<p class="lm-links">{items}</p>'


def player(shown: Sequence[dict[str, Any]], fps: float, *, sound: bool = False, plots: str = "") -> str:
    """Videos that play in step, with one bar for all.

    shown, each: url, alt (what it shows, for who does not see it), caption, links (words, address). fps: of all. sound: it can be heard.
    plots: the id of plots whose line goes along.
    """
    figures = "".join(_figure(one) for one in shown)
    more = (' data-sound="yes"' if sound else "") + (f' data-plots="{plots}"' if plots else "")
    return f'<limner-player data-fps="{fps}"{more}><div class="lm-gallery">{figures}</div></limner-player>'


def _figure(one: dict[str, Any]) -> str:
    """One video of a player, its tag, its caption and its links."""
    files = " ".join(f'<a href="{escape(url)}" download>{escape(words)}</a>' for words, url in one.get("links", ()))
    video = f'<video src="{escape(one["url"])}" muted playsinline preload="auto" aria-label="{escape(one["alt"])}"></video>'
    tag = f'<span class="lm-tag">{TAG}</span>'
    return (
        f'<figure><div class="lm-frame">{video}{tag}</div><figcaption>{escape(one["caption"])} <span>{files}</span></figcaption></figure>'
    )


def picture(url: str, alt: str) -> str:
    """A picture as wide as there is room; its own size in a tab of its own."""
    return f'<a class="lm-sheet" href="{escape(url)}" target="_blank"><img src="{escape(url)}" alt="{escape(alt)}"></a>'


def listing(lines: Sequence[str]) -> str:
    """Lines of text as the terminal shows them."""
    return f'<pre class="lm-listing">{escape(chr(10).join(lines))}</pre>'
