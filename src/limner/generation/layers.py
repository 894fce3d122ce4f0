"""The layers of a person: limbs as soft rigid parts, each with its own pixels, its edge, and how much every place of it turns with what.

A limb turns about its joints: beside a joint the angle passes from one bone's to the next one's, at unchanged distance from the joint, so
that nothing grows thin there. Each layer reaches a little under its neighbours, so that nothing opens between them.

Shapes: H W pixels of the person's box, V vertices of a layer's mesh. Places are complex pixels of that box (generation.limbs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner.generation import limbs
from limner.generation.cloth import BEND, ahead_of, between_legs, grid, root_share, skirted, sleeve_share
from limner.generation.cut_out import NECK_SHARE, Parts, seeds_of, thickness
from limner.generation.limbs import ARMS, LEGS, LIMBS, smoothstep
from limner.generation.matte import pure_colours
from limner.generation.mesh import Mesh, grid_over
from limner.guides.body import NECK

STEP_SHARE = 0.016  # ours: side of the mesh's squares in statures: a joint's bend is some five of them wide
CRISP, SOFT = 0.12, 0.6  # ours: width of the edge between two parts, in thicknesses: across a gap in depth, and within the same cloth
ROOT_REACH = 1.1  # ours: thicknesses round shoulder or hip that the limb's layer holds of the torso, fading out
CLOTH = "cloth"  # the name of the layer of a skirt, which hangs from the torso and follows both legs
ANKLE = 0.6  # ours: thicknesses of the thigh over which the shin becomes the foot
WAIST = 3.0  # ours: thicknesses round the thighs from which cloth is no skirt's
UNDER = 1.3  # ours: thicknesses round the thigh that lie under the torso's cloth
BROAD = 0.045  # ours: statures beyond shoulders and hips that a torso may go on behind an arm; more is the arm's own shape
SEAM = 0.012  # ours: statures that the torso goes on under any arm, so that nothing opens where they meet
SMOOTH_PX = 0.8  # ours: how soft the steps of the work's own resolution become
HIDDEN, CLEARER = 0.65, 0.2  # ours: an arm seen with less confidence than this, and less than the other by so much, lies behind the body


TURNS = ("root", "bend", "foot")
Maps = dict[str, np.ndarray]  # of TURNS -> (H, W) shares; one left out is 0


@dataclass(frozen=True, kw_only=True)
class Turns:
    """(V,) shares in 0..1 with which places turn: root with the first bone rather than the torso, bend with the second rather than the
    first, foot with the foot."""

    root: np.ndarray
    bend: np.ndarray
    foot: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One limb, the torso or the head.

    texture: (H, W, 4) float32, colours times alpha and alpha, 0..255. mesh: over it. turns: how a limb's own places turn with it, and
    those of the head with the neck. pulls: limb -> (V,) share, 0..1, and turns, of a torso or of cloth that a limb pulls along.
    """

    name: str
    texture: np.ndarray
    mesh: Mesh
    turns: Turns
    pulls: dict[str, tuple[np.ndarray, Turns]]


def layers_of(pixels: np.ndarray, parts: Parts, photo: np.ndarray, seen: np.ndarray, confidence: np.ndarray) -> list[Layer]:
    """A person's box (H, W, 3) uint8 -> its layers, the hindmost first."""
    colours = pure_colours(pixels, parts.alpha, parts.stature)
    order = order_of({name.partition("/")[0] for name in parts.names}, confidence)
    found = []
    for name in order:
        if name == "torso":
            if skirted(parts, photo):
                found.append(_cloth(colours, parts, photo))
            found.append(_torso(colours, parts, photo, seen))
        elif name == "head":
            found.append(_head(colours, parts, photo, seen))
        else:
            found.append(_limb(name, colours, parts, photo, seen))
    return found


def order_of(names: set[str], confidence: np.ndarray) -> list[str]:
    """Which layer lies behind which, the hindmost first: legs under the torso's cloth, arms before everything but where they are hidden."""
    sure = {name: float(confidence[list(LIMBS[name])].mean()) for name in LIMBS if name in names}
    arms = sorted((name for name in ARMS if name in names), key=lambda name: sure[name])
    behind = [name for name in arms if sure[name] < HIDDEN and max(sure[other] for other in arms) > sure[name] + CLEARER]
    legs = sorted((name for name in LEGS if name in names), key=lambda name: sure[name])
    return [*behind, *legs, "torso", *(["head"] if "head" in names else []), *(name for name in arms if name not in behind)]


def _near(parts: Parts, *names: str) -> np.ndarray:
    """(H, W) distance, in thicknesses, from the nearest of these parts; far where there is none of them."""
    chosen = [parts.near[parts.names.index(name)] for name in names if name in parts.names]
    return np.min(chosen, 0) if chosen else np.full(parts.owner.shape, 1e6, np.float32)


def _bones(parts: Parts, *limb_names: str) -> tuple[str, ...]:
    return tuple(name for name in parts.names if name.partition("/")[0] in limb_names and "/" in name)


def step_of(stature: float) -> int:
    """Side of the mesh's squares in pixels."""
    return max(3, round(STEP_SHARE * stature))


def _layer(
    name: str, colours: np.ndarray, mine: np.ndarray, parts: Parts, turns: Maps, pulls: dict[str, tuple[np.ndarray, Maps]] | None = None
) -> Layer:
    """From maps (H, W) of what is the layer's, and of the shares with which it turns and is pulled along."""
    import cv2

    alpha, stature = cv2.GaussianBlur(np.asarray(mine, np.float32), (0, 0), SMOOTH_PX) * parts.alpha, parts.stature
    mask = cv2.dilate((alpha > 0.004).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    mesh = grid_over(mask, step_of(stature))
    x, y = np.round(mesh.vertices.T).astype(int)
    at = y.clip(0, alpha.shape[0] - 1), x.clip(0, alpha.shape[1] - 1)
    there = lambda maps: Turns(**{key: np.asarray(maps[key][at], float) if key in maps else np.zeros(len(x)) for key in TURNS})  # noqa: E731
    texture = np.concatenate([colours * alpha[..., None], 255 * alpha[..., None]], -1).astype(np.float32)
    pulled = {limb: (np.asarray(share[at], float), there(maps)) for limb, (share, maps) in (pulls or {}).items()}
    return Layer(name=name, texture=texture, mesh=mesh, turns=there(turns), pulls=pulled)


def _limb(name: str, colours: np.ndarray, parts: Parts, photo: np.ndarray, seen: np.ndarray) -> Layer:
    start, mid, _ = (photo[k] for k in LIMBS[name])
    own, thick = _bones(parts, name), thickness(f"{name}/0", parts.stature)
    near, at = _near(parts, *own), grid(parts.owner.shape)
    others = _bones(parts, *(other for other in LIMBS if other != name))
    ahead = ahead_of(at, start, mid) / thick
    edge = lambda rivals, width: smoothstep(0.5 + (rivals - near) / width)  # noqa: E731
    turns = _limb_turns(name, parts, photo)
    if name in ARMS:
        mine = np.minimum(edge(_near(parts, *others, "head"), CRISP), edge(_near(parts, "torso"), CRISP))
        mine = np.maximum(mine, smoothstep((ROOT_REACH - np.abs(at - start) / thick) / 0.5) * parts.of("torso"))
        mine = np.where(np.isin(parts.owner, [parts.names.index(n) for n in own]), np.maximum(mine, 0.5), mine)
        if (fan := sleeve_share(name, parts, photo, seen)) is not None:
            turns["root"] = np.where(parts.of("torso"), fan, turns["root"])
    else:
        loose = parts.of("torso") & (near > UNDER)
        mine = np.where(loose, 0, np.minimum(edge(_near(parts, *others, "head"), CRISP), smoothstep((ahead + 1.5) / 0.5)))
    return _layer(name, colours, mine, parts, turns)


def _limb_turns(name: str, parts: Parts, photo: np.ndarray) -> Maps:
    """How every place turns with a limb, as far along its bones as it lies."""
    _, mid, end = (photo[k] for k in LIMBS[name])
    thick, maps = thickness(f"{name}/0", parts.stature), {"root": root_share(name, parts, photo)}
    if f"{name}/1" in parts.names:
        first = _near(parts, f"{name}/0") * thick
        second = _near(parts, f"{name}/1") * thickness(f"{name}/1", parts.stature)
        maps["bend"] = smoothstep(0.5 + (first - second) / (2 * BEND * thick))
        if name in LEGS:
            maps["foot"] = smoothstep(0.5 + ahead_of(grid(parts.owner.shape), end, end + (end - mid)) / thick / ANKLE) * maps["bend"]
    return maps


def _torso(colours: np.ndarray, parts: Parts, photo: np.ndarray, seen: np.ndarray) -> Layer:
    """With what the arms hide of it painted in, as far as its own outline tells how wide it is."""
    near = _near(parts, "torso")
    legs, arms = _near(parts, *_bones(parts, *LEGS)), _near(parts, *_bones(parts, *ARMS))
    head = _near(parts, "head")
    mine = np.minimum(smoothstep(0.5 + (legs - near) / SOFT), smoothstep(0.5 + (head - near) / SOFT))
    mine = np.maximum(mine, parts.of("torso") * (legs > near))
    behind = hidden_torso(parts, photo, seen)
    mine = np.where(behind, 1, np.minimum(mine, smoothstep(0.5 + (arms - near) / CRISP)))
    painted = filled_torso(colours, parts, behind)
    fans = {arm: sleeve_share(arm, parts, photo, seen) for arm in ARMS if f"{arm}/0" in parts.names}
    pulls = {arm: (np.ones(near.shape), {"root": fan}) for arm, fan in fans.items() if fan is not None}
    return _layer("torso", painted, mine, parts, {}, pulls)


def hidden_torso(parts: Parts, photo: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(H, W) bool: the arms' pixels that the torso goes on behind: within the hull of what shows of it, near its bones, and a seam."""
    import cv2

    arms, own = parts.of(*_bones(parts, *ARMS)), parts.of("torso").astype(np.uint8)
    places = cv2.findNonZero(own)
    if places is None or len(places) < 3:
        return np.zeros(own.shape, bool)
    hull, trunk = np.zeros_like(own), np.zeros_like(own)
    cv2.fillConvexPoly(hull, cv2.convexHull(places), 1)
    outline = limbs.as_points(np.concatenate(seeds_of(photo, seen, parts.stature)["torso"]))
    cv2.fillPoly(trunk, [np.round(outline).astype(np.int32)], 1)
    from_trunk, from_own = (cv2.distanceTransform(1 - one, cv2.DIST_L2, 5) for one in (trunk, own))
    return arms & (((hull > 0) & (from_trunk < BROAD * parts.stature)) | (from_own < SEAM * parts.stature))


def filled_torso(colours: np.ndarray, parts: Parts, behind: np.ndarray) -> np.ndarray:
    """(H, W, 3) colours with those behind the arms taken from the rest of the torso."""
    from limner.generation.fill import fill

    if not behind.any():
        return colours
    own = parts.of("torso")
    rows, columns = np.nonzero(own | behind)
    y0, y1, x0, x1 = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    out = colours.copy()
    box = np.clip(colours[y0:y1, x0:x1], 0, 255).astype(np.uint8)
    hole, never = behind[y0:y1, x0:x1], ~own[y0:y1, x0:x1]
    inner = fill(box, hole, never)
    out[y0:y1, x0:x1][hole] = inner[hole]
    return out


def _cloth(colours: np.ndarray, parts: Parts, photo: np.ndarray) -> Layer:
    """A skirt: before the legs, each place follows the leg that it hangs by, and between them both."""
    thighs, shins = ([f"{leg}/{bone}" for leg in LEGS] for bone in (0, 1))
    near = _near(parts, *thighs)
    mine = (parts.of(*thighs) | (parts.of("torso") & (near > UNDER) & (near < WAIST))) * smoothstep(
        0.5 + (_near(parts, *shins) - near) / SOFT
    )
    left = between_legs(parts, photo)
    shares = dict(zip(LEGS, (1 - left, left)))
    return _layer(CLOTH, colours, mine, parts, {}, {leg: (shares[leg], _limb_turns(leg, parts, photo)) for leg in LEGS})


def _head(colours: np.ndarray, parts: Parts, photo: np.ndarray, seen: np.ndarray) -> Layer:
    near, at = _near(parts, "head"), grid(parts.owner.shape)
    rivals = np.minimum(_near(parts, "torso"), _near(parts, *_bones(parts, *LIMBS)))
    top = photo[[k for k in limbs.HEAD if seen[k]]].mean()
    neck = top - photo[NECK]
    ahead = ((at - photo[NECK]) * np.conj(neck)).real / max(abs(neck) ** 2, 1e-6)  # 0 at the neck's root, 1 in the head
    mine = smoothstep(0.5 + (rivals - near) / SOFT)
    root = smoothstep((ahead + 0.15) / (NECK_SHARE + 0.4))
    return _layer("head", colours, mine, parts, {"root": root})
