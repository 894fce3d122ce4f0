"""The layers of a person: limbs as soft rigid parts, each with its own pixels, its edge, and how much every place of it turns with what.

A limb turns about its joints: beside a joint the angle passes from one bone's to the next one's, at unchanged distance from the joint, so
that nothing grows thin there. Each layer reaches a little under its neighbours, so that nothing opens between them.

Shapes: H W pixels of the person's box, V vertices of a layer's mesh. Places are complex pixels of that box (generation.limbs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner.generation import limbs
from limner.generation.cut_out import NECK_SHARE, Parts, seeds_of, thickness
from limner.generation.limbs import ARMS, LEGS, LIMBS, smoothstep
from limner.generation.matte import pure_colours
from limner.generation.mesh import Mesh, grid_over
from limner.guides.body import NECK

STEP_SHARE = 0.016  # ours: side of the mesh's squares in statures: a joint's bend is some five of them wide
CRISP, SOFT = 0.12, 0.6  # ours: width of the edge between two parts, in thicknesses: across a gap in depth, and within the same cloth
ROOT_REACH = 1.1  # ours: thicknesses round shoulder or hip that the limb's layer holds of the torso, fading out
BEND = 1.2  # ours: thicknesses to either side of a joint over which the limb bends
# ours: thicknesses from the thigh that trousers do not reach, and the share of cloth beyond from which it is a skirt (seen: of trousers
# 0.07 to 0.13, of a shirt tied round the waist 0.22)
WIDE_CLOTH, SKIRT = 1.25, 0.17
CLOTH = "cloth"  # the name of the layer of a skirt's middle; it moves with the torso
ANKLE = 0.6  # ours: thicknesses of the thigh over which the shin becomes the foot
UNDER = 1.3  # ours: thicknesses round the thigh that lie under the torso's cloth
BROAD = 0.045  # ours: statures beyond shoulders and hips that a torso may go on behind an arm; more is the arm's own shape
SEAM = 0.012  # ours: statures that the torso goes on under any arm, so that nothing opens where they meet
SMOOTH_PX = 0.8  # ours: how soft the steps of the work's own resolution become
HIDDEN, CLEARER = 0.65, 0.2  # ours: an arm seen with less confidence than this, and less than the other by so much, lies behind the body


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One limb, the torso or the head.

    texture: (H, W, 4) float32, colours times alpha and alpha, 0..255. mesh: over it. root, bend, foot: (V,) shares in 0..1 with which a
    place turns with the first bone rather than with the torso, with the second rather than with the first, and with the foot.
    """

    name: str
    texture: np.ndarray
    mesh: Mesh
    root: np.ndarray
    bend: np.ndarray
    foot: np.ndarray


def layers_of(pixels: np.ndarray, parts: Parts, photo: np.ndarray, seen: np.ndarray, confidence: np.ndarray) -> list[Layer]:
    """A person's box (H, W, 3) uint8 -> its layers, the hindmost first."""
    colours = pure_colours(pixels, parts.alpha, parts.stature)
    order = order_of({name.partition("/")[0] for name in parts.names}, confidence)
    found = []
    if skirted(parts):
        found.append(_cloth(colours, parts, photo))
    for name in order:
        if name == "torso":
            found.append(_torso(colours, parts, photo, seen))
        elif name == "head":
            found.append(_head(colours, parts, photo, seen))
        else:
            found.append(_limb(name, colours, parts, photo))
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


def _grid(shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) complex places of the pixels' centres."""
    return np.arange(shape[1])[None] + 0.5 + 1j * (np.arange(shape[0])[:, None] + 0.5)


def step_of(stature: float) -> int:
    """Side of the mesh's squares in pixels."""
    return max(3, round(STEP_SHARE * stature))


def _layer(name: str, colours: np.ndarray, mine: np.ndarray, parts: Parts, **shares: np.ndarray) -> Layer:
    """From maps (H, W) of what is the layer's, and of shares; a share left out is 0."""
    import cv2

    alpha, stature = cv2.GaussianBlur(np.asarray(mine, np.float32), (0, 0), SMOOTH_PX) * parts.alpha, parts.stature
    mask = cv2.dilate((alpha > 0.004).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    mesh = grid_over(mask, step_of(stature))
    x, y = np.round(mesh.vertices.T).astype(int)
    at = y.clip(0, alpha.shape[0] - 1), x.clip(0, alpha.shape[1] - 1)
    texture = np.concatenate([colours * alpha[..., None], 255 * alpha[..., None]], -1).astype(np.float32)
    given = {key: np.asarray(shares[key][at], float) if key in shares else np.zeros(len(x)) for key in ("root", "bend", "foot")}
    return Layer(name=name, texture=texture, mesh=mesh, **given)


def _limb(name: str, colours: np.ndarray, parts: Parts, photo: np.ndarray) -> Layer:
    start, mid, end = (photo[k] for k in LIMBS[name])
    own, thick = _bones(parts, name), thickness(f"{name}/0", parts.stature)
    near, at = _near(parts, *own), _grid(parts.owner.shape)
    others = _bones(parts, *(other for other in LIMBS if other != name))
    ahead = ((at - start) * np.conj((mid - start) / max(abs(mid - start), 1e-6))).real / thick
    edge = lambda rivals, width: smoothstep(0.5 + (rivals - near) / width)  # noqa: E731
    if name in ARMS:
        mine = np.minimum(edge(_near(parts, *others, "head"), CRISP), edge(_near(parts, "torso"), CRISP))
        mine = np.maximum(mine, smoothstep((ROOT_REACH - np.abs(at - start) / thick) / 0.5) * parts.of("torso"))
        mine = np.where(np.isin(parts.owner, [parts.names.index(n) for n in own]), np.maximum(mine, 0.5), mine)
    else:
        loose = parts.of("torso") & (near > UNDER)
        mine = np.where(loose, 0, np.minimum(edge(_near(parts, *others, "head"), CRISP), smoothstep((ahead + 1.5) / 0.5)))
    root = smoothstep(0.5 + ahead / (2 * BEND))
    bend, foot = np.zeros(near.shape), np.zeros(near.shape)
    if f"{name}/1" in parts.names:
        first = _near(parts, f"{name}/0") * thick
        second = _near(parts, f"{name}/1") * thickness(f"{name}/1", parts.stature)
        bend = smoothstep(0.5 + (first - second) / (2 * BEND * thick))
        if name in LEGS:
            beyond = ((at - end) * np.conj((end - mid) / max(abs(end - mid), 1e-6))).real / thick
            foot = smoothstep(0.5 + beyond / ANKLE) * bend
    return _layer(name, colours, mine, parts, root=root, bend=bend, foot=foot)


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
    return _layer("torso", painted, mine, parts)


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


def skirted(parts: Parts) -> bool:
    """Whether the cloth about the thighs is too wide for trousers: a skirt, or a shirt tied round the waist."""
    thighs = [f"{leg}/0" for leg in LEGS]
    if not set(thighs) <= set(parts.names):
        return False
    wide = [parts.near[parts.names.index(name)][parts.of(name)] > WIDE_CLOTH for name in thighs]
    return all(len(one) > 0 and float(one.mean()) > SKIRT for one in wide)


def _cloth(colours: np.ndarray, parts: Parts, photo: np.ndarray) -> Layer:
    """What hangs between the thighs, behind the legs, so that a stride does not tear a skirt in two."""
    import cv2

    (hip_r, knee_r, _), (hip_l, knee_l, _) = (LIMBS[leg] for leg in LEGS)
    corners = np.round(limbs.as_points(photo[[hip_r, knee_r, knee_l, hip_l]])).astype(np.int32)
    between = np.zeros(parts.owner.shape, np.uint8)
    cv2.fillPoly(between, [corners], 255)
    mine = cv2.blur(between, (5, 5)) / 255 * parts.of(*(f"{leg}/0" for leg in LEGS), "torso")
    return _layer(CLOTH, colours, mine, parts)


def _head(colours: np.ndarray, parts: Parts, photo: np.ndarray, seen: np.ndarray) -> Layer:
    near, at = _near(parts, "head"), _grid(parts.owner.shape)
    rivals = np.minimum(_near(parts, "torso"), _near(parts, *_bones(parts, *LIMBS)))
    top = photo[[k for k in limbs.HEAD if seen[k]]].mean()
    neck = top - photo[NECK]
    ahead = ((at - photo[NECK]) * np.conj(neck)).real / max(abs(neck) ** 2, 1e-6)  # 0 at the neck's root, 1 in the head
    mine = smoothstep(0.5 + (rivals - near) / SOFT)
    root = smoothstep((ahead + 0.15) / (NECK_SHARE + 0.4))
    return _layer("head", colours, mine, parts, root=root)
