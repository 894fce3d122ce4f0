"""Measures: pure functions of pictures and points, numpy arrays or tensors in, numbers out."""

from limner.measures.action_units import action_units
from limner.measures.image import psnr, ssim
from limner.measures.points import au_curve_distance, jerk, jitter, landmark_error, mode_distance, sequence_distance

__all__ = [
    "action_units",
    "au_curve_distance",
    "jerk",
    "jitter",
    "landmark_error",
    "mode_distance",
    "psnr",
    "sequence_distance",
    "ssim",
]
