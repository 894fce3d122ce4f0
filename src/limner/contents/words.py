"""What `limner inspect` found, in words: a line a fact, its name first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

WIDE = 11  # of the names, characters
MOST_SHOWN = 3  # ours: damaged clips that are named; --json names all
MOST_LOGGED = 16  # ours: logged values that are shown; --json has all


def lines_of(told: dict[str, Any]) -> list[str]:
    """The lines for one store, run, model or motion."""
    facts = {"store": _store, "motion": _motion}.get(told["kind"], _run)(told)
    head = f"{told['path']}: a {'clip store' if told['kind'] == 'store' else told['kind']}"
    return [head, *(f"  {name:<{WIDE}} {words}" for name, words in facts if words)]


def _store(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    by, people = told["by"], told["people_by_split"]
    yield "clips", f"{told['clips']} of {_many(told['people'], 'person', 'people')}, {_bytes(told['bytes'])}"
    if not told["clips"]:
        return
    yield "split", ", ".join(f"{name} {num} of {people.get(name, 0)}" for name, num in by["split"].items()) + " (clips of people)"
    for group in ("label", "source", "kind"):
        yield group, _counts(by[group])
    kept = ", ".join(f"{num} with {'points alone' if name == 'none' else name + ' pictures'}" for name, num in by["encoding"].items())
    sizes = ", ".join(told["sizes"]) if len(told["sizes"]) == 1 else _counts(told["sizes"])
    yield "frames", f"{_range(told['frames'])} a clip, of {sizes} pixels; {kept}"
    yield "rate", f"{_range(told['fps'])} a second"
    yield "lasts", f"{_range(told['duration_s'])} s, {told['duration_s']['sum']:.0f} s in all"
    for name, values in told["au_max"].items():
        yield name, f"highest of a clip {_range(values)}"
    yield "made by", _settings(told["settings"])
    yield "content", f"{told['fingerprint']} (a run that learned from it says the same)"
    if damaged := told["damaged"]:
        names = ", ".join(item["clip"] for item in damaged[:MOST_SHOWN])
        more = f" and {len(damaged) - MOST_SHOWN} more" if len(damaged) > MOST_SHOWN else ""
        yield "damaged", f"{len(damaged)} of {told['clips']}: {names}{more}"
    else:
        yield "whole", "every clip is as it was written"


def _run(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "recipe", f"{told['recipe'] or 'not named'}" + (f", seed {told['seed']}" if told["seed"] is not None else "")
    planned = f" of {told['steps_planned']}" if told["steps_planned"] is not None else ""
    ended = "finished" if told["finished"] else "not finished: the same limner train command goes on"
    if told["kind"] == "run":
        yield "step", f"{told['steps_done']}{planned}" + (f", in stage {told['stage']}" if told["stage"] else "") + f"; {ended}"
        if told["stages"] and len(told["stages"]) > 1:
            yield "stages", ", ".join(f"{stage['done']}/{stage['steps']}" for stage in told["stages"])
    for name, num in told["models"].items():
        yield "model", f"{num:,} parameters" + ("" if name == "." else f", in {name}/")
    if told["parameters_in_training"] and not told["models"]:
        yield "model", f"{told['parameters_in_training']:,} parameters in {told['checkpoint']}"
    yield (
        "store",
        f"clips of content {told['store_fingerprint']} (limner inspect STORE shows a store's)" if told["store_fingerprint"] else "",
    )
    logged = list(told["logged"].items())
    for name, item in logged[:MOST_LOGGED]:
        yield "logged", f"{name} {'no number' if item['value'] is None else format(item['value'], '.4g')} at step {item['step']}"
    if len(logged) > MOST_LOGGED:
        yield "logged", f"and {len(logged) - MOST_LOGGED} more (--json)"
    yield "settings", _settings(told["settings"])
    yield "size", _bytes(told["bytes"])


def _motion(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "guide", f"{told['guide']}, {told['points']} points"
    yield "frames", f"{told['frames']} at {told['fps']} a second, {told['duration_s']:.2f} s"
    yield "picture", f"{told['size'][0]} x {told['size'][1]} pixels"
    yield "label", ", ".join(f"{name} {told[name]}" for name in ("label", "mode", "seed") if told[name] is not None).removeprefix("label ")
    unseen = f"{told['frames_unseen']} frames not seen" if told["frames_unseen"] else "seen in every frame"
    yield (
        "points",
        f"{unseen}, mean confidence {told['confidence_mean']:.2f}"
        + (f", jitter {told['jitter']:.4f} units / frame²" if told["jitter"] is not None else ""),
    )
    if 0 < len(told["never_seen"]) < told["points"]:
        yield "never seen", ", ".join(told["never_seen"])
    if au := told["au"]:
        for name in ("AU12", "AU06"):
            yield name, ", ".join(f"{at} {au[at][name]:.1f} (frame {au[at]['frame']})" for at in ("start", "peak", "end"))
    yield "made by", _settings(told["provenance"])


def _many(num: int, one: str, more: str) -> str:
    return f"{num} {one if num == 1 else more}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {num}" for name, num in counts.items())


def _range(values: dict[str, float]) -> str:
    least, median, most = (f"{values[name]:.3g}" if values[name] < 1000 else f"{values[name]:.0f}" for name in ("least", "median", "most"))
    return least if least == most else f"{least} to {most} (median {median})"


def _bytes(num: int) -> str:
    return f"{num / 1e6:.1f} MB" if num >= 1e5 else f"{num / 1e3:.1f} kB"


def _settings(settings: Any) -> str:
    """A flat reading of a JSON object."""
    if not isinstance(settings, dict):
        return ""
    return ", ".join(f"{name} {value}" for name, value in settings.items())
