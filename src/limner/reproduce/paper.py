"""What the papers print, as spec A7 and B4 transcribe it (slides, Tables 1 and 3; Monkey-Net's Table 3)."""

from __future__ import annotations

# Column of the paper -> the label it is of. Methods in the paper's order.
COLUMNS = {"UvA-NEMO Spont.": "spontaneous", "UvA-NEMO Posed": "posed", "DISFA Spont.": "spontaneous", "DISFA+ Posed": "posed"}
BESIDE = {"spontaneous": "UvA-NEMO Spont.", "posed": "UvA-NEMO Posed"}  # the column that a label of ours stands beside
METHODS = ("Video-GAN", "CRA-Net", "CMM-Net")

# Row -> Inception Score, its difference to the originals', SSIM; a column of COLUMNS each.
TABLE_1: dict[str, tuple[tuple[float | None, float | None, float | None], ...]] = {
    "Original": ((1.419, None, None), (1.437, None, None), (1.426, None, None), (1.595, None, None)),
    "Video-GAN": ((1.576, 0.157, 0.466), (1.499, 0.062, 0.450), (1.777, 0.351, 0.243), (1.547, 0.048, 0.434)),
    "CRA-Net": ((1.311, 0.108, 0.553), (1.310, 0.127, 0.471), (1.833, 0.407, 0.749), (1.534, 0.061, 0.839)),
    "CMM-Net": ((1.354, 0.065, 0.854), (1.435, 0.002, 0.827), (1.447, 0.021, 0.747), (1.533, 0.062, 0.810)),
}
# Row -> distance between the AU curves of the method and of the originals.
TABLE_3: dict[str, tuple[float, ...]] = {
    "Video-GAN": (2.976, 2.618, 3.775, 7.979),
    "CRA-Net": (4.452, 9.783, 2.400, 9.931),
    "CMM-Net": (2.234, 1.472, 2.035, 1.812),
}
# Siarohin et al. 2019 (Monkey-Net), Table 3, image to video, on what is taken to be the same 124 clips of UvA-NEMO: FID, AED.
ELSEWHERE = {"MoCoGAN": (51.50, 0.33), "CMM-Net": (27.27, 0.13), "Monkey-Net": (11.97, 0.12)}
FOOTNOTE = (
    "On the same 124 test clips of UvA-NEMO, Monkey-Net's authors (CVPR 2019, Table 3) report FID / AED of "
    + ", ".join(f"{name} {fid:.2f} / {aed:.2f}" for name, (fid, aed) in ELSEWHERE.items())
    + "; their networks are others than those here."
)
