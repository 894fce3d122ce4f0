"""What of a photo stays as it is while its person moves: every pixel whose nearest part of the person is at rest and that nothing comes
to cover. So a cut-out that is not quite the person's outline shows where a limb leaves its place, and nowhere else.

Shapes: H W pixels of the person's box, L layers, V vertices of a layer. The layers' meshes share one lattice, `step` pixels wide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from limner.generation.cut_out import Parts
from limner.generation.layers import CLOTH, Layer, step_of
from limner.generation.limbs import smoothstep

REST = 0.004  # ours: statures; what moves by less is at rest, a pixel or so
MOVED = 0.02  # ours: statures; what moves by more shows nothing of the photo's own place


class Stillness:
    """How much of each pixel's own place is the photo's, for layers moved in any way."""

    def __init__(self, parts: Parts, layers: Sequence[Layer]) -> None:
        from scipy.ndimage import distance_transform_edt
        from scipy.spatial import KDTree

        self.shape, self.stature, self.step = parts.owner.shape, parts.stature, step_of(parts.stature)
        self.own = [layer.mesh.vertices for layer in layers]
        rows, columns = (-(-length // self.step) + 1 for length in self.shape)
        nearest = np.asarray(distance_transform_edt(parts.owner < 0, return_distances=False, return_indices=True))
        owner = parts.owner[tuple(nearest)]  # of each pixel, within the person and beyond
        self._owner, self._names = owner, parts.names
        y = np.minimum(np.arange(rows) * self.step, self.shape[0] - 1)
        x = np.minimum(np.arange(columns) * self.step, self.shape[1] - 1)
        at_nodes = owner[np.ix_(y, x)]
        places = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1) * self.step
        self.follows = np.zeros((rows, columns), int)  # the vertex, of all layers' in a row, that each node goes by
        start = 0
        for layer in layers:
            mine = np.isin(at_nodes, [k for k, name in enumerate(parts.names) if name.partition("/")[0] == layer.name])
            if layer.name != CLOTH and mine.any() and len(layer.mesh.vertices):
                self.follows[mine] = start + KDTree(layer.mesh.vertices).query(places[mine])[1]
            start += len(layer.mesh.vertices)

    def owners(self, places: np.ndarray) -> list[str]:
        """(N, 2) pixels of the box -> the layer that each belongs to, or the nearest part's where it is not the person's."""
        x, y = places.astype(int).T
        at = self._owner[y.clip(0, self.shape[0] - 1), x.clip(0, self.shape[1] - 1)]
        return [self._names[k].partition("/")[0] for k in at]

    def shares(self, moved: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Where each layer's vertices are now, (V, 2) in pixels of the box -> (V,) for each layer: 0 at rest, 1 moved away."""
        far = (np.linalg.norm(now - own, axis=1) / self.stature for now, own in zip(moved, self.own))
        return [smoothstep((one - REST) / (MOVED - REST)) for one in far]

    def left(self, shares: Sequence[np.ndarray]) -> np.ndarray:
        """(H, W) float32: how much of each pixel its own part has left, 0 at rest."""
        return self._over_box(np.concatenate(shares)[self.follows])

    def over_layer(self, index: int, share: np.ndarray) -> np.ndarray:
        """(H, W) float32: a layer's shares at the places where its pixels are in the photo."""
        nodes = np.zeros(self.follows.shape)
        x, y = np.round(self.own[index].T / self.step).astype(int)
        nodes[y, x] = share
        return self._over_box(nodes)

    def _over_box(self, nodes: np.ndarray) -> np.ndarray:
        import cv2

        to_nodes = np.array([[1, 0, 0.5], [0, 1, 0.5]], np.float32) / self.step  # a pixel's centre, in nodes
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (self.shape[1], self.shape[0])
        return np.asarray(cv2.warpAffine(nodes.astype(np.float32), to_nodes, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))
