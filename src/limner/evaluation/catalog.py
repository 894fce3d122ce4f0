"""What `limner evaluate` can measure: every score with its name, which way is better, and what it is seen with. docs/evaluation.md explains
each in plain words; the classes of `metrics` hold the formulas."""

from __future__ import annotations

from dataclasses import dataclass

HIGH, LOW, AS_REAL = "high", "low", "as the originals"
PIXELS, FRAMES, FILMS, POINTS, IDENTITY, LABELS = "pixels", "frames", "films", "points", "identity", "labels"
INCEPTION, ALEX, I3D = "inception", "alexnet", "i3d"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A score. by: what it is seen with (pixels: nothing but arithmetic); own: it is measured of the originals too; digits: shown."""

    title: str
    better: str
    by: str
    own: bool = False
    digits: int = 3


SCORES: dict[str, Kind] = {
    "ssim": Kind(title="SSIM (11x11 Gaussian), mean of the modes", better=HIGH, by=PIXELS),
    "ssim_best": Kind(title="SSIM, the best mode of each clip", better=HIGH, by=PIXELS),
    "ms_ssim": Kind(title="MS-SSIM", better=HIGH, by=PIXELS),
    "psnr": Kind(title="PSNR, dB", better=HIGH, by=PIXELS, digits=2),
    "mouth_ssim": Kind(title="SSIM inside the lip box (7x7)", better=HIGH, by=PIXELS),
    "body_ssim": Kind(title="SSIM in the square round the person", better=HIGH, by=PIXELS),
    "sharpness": Kind(title="sharpness: spread of the Laplacian", better=AS_REAL, by=PIXELS, own=True, digits=2),
    "flicker": Kind(title="flicker: second difference in time, of 255", better=AS_REAL, by=PIXELS, own=True),
    "frame_difference": Kind(title="change from frame to frame, of 255", better=AS_REAL, by=PIXELS, own=True),
    "modes_apart_px": Kind(title="distance of the modes in pixels, of 255", better=HIGH, by=PIXELS),
    "is": Kind(title="Inception Score", better=AS_REAL, by=FRAMES, own=True),
    "is_difference": Kind(title="its difference to the originals'", better=LOW, by=FRAMES),
    "fid": Kind(title="FID", better=LOW, by=FRAMES, digits=2),
    "kid": Kind(title="KID", better=LOW, by=FRAMES, digits=4),
    "lpips": Kind(title="LPIPS", better=LOW, by=FRAMES),
    "fvd": Kind(title="FVD", better=LOW, by=FILMS, digits=2),
    "is_inception": Kind(title="Inception Score", better=AS_REAL, by=INCEPTION, own=True),
    "is_difference_inception": Kind(title="its difference to the originals'", better=LOW, by=INCEPTION),
    "fid_inception": Kind(title="FID", better=LOW, by=INCEPTION, digits=2),
    "kid_inception": Kind(title="KID", better=LOW, by=INCEPTION, digits=4),
    "lpips_alexnet": Kind(title="LPIPS", better=LOW, by=ALEX),
    "fvd_i3d": Kind(title="FVD", better=LOW, by=I3D, digits=1),
    "landmark_error": Kind(title="points off the original's, % of the inter-ocular distance", better=LOW, by=POINTS, digits=2),
    "au_curves": Kind(title="AU6 + AU12: L1 of the mean curves over 32 frames (Table 3)", better=LOW, by=POINTS, digits=2),
    "au6_curves": Kind(title="AU6 alone", better=LOW, by=POINTS, digits=2),
    "au12_curves": Kind(title="AU12 alone", better=LOW, by=POINTS, digits=2),
    "au_clip": Kind(title="AU6 + AU12 of each clip, L1 over 32 frames", better=LOW, by=POINTS, digits=2),
    "au_clip_dtw": Kind(title="the same after the best stretching of time (DTW)", better=LOW, by=POINTS, digits=2),
    "modes_apart": Kind(title="distance of the modes of one face, % of the inter-ocular distance", better=HIGH, by=POINTS, digits=2),
    "modes_within": Kind(title="distance of different faces within a mode, %", better=AS_REAL, by=POINTS, own=True, digits=2),
    "jitter": Kind(title="jitter of the points, % / frame^2", better=AS_REAL, by=POINTS, own=True),
    "identity": Kind(title="identity: cosine with the person's first frame", better=HIGH, by=IDENTITY, own=True),
    "aed": Kind(title="AED: identity distance to the original's frames", better=LOW, by=IDENTITY),
    "recognised": Kind(title="label recognised, % of the clips", better=HIGH, by=LABELS, own=True, digits=1),
}


def family(key: str) -> str:
    """The score without its network: "fid_inception" -> "fid"."""
    for network in (INCEPTION, ALEX, I3D):
        key = key.removesuffix(f"_{network}")
    return key
