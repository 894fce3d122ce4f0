"""Measures: pure functions of pictures and points, numpy arrays or tensors in, numbers out. `frames` and `perceptual` open torch and are
imported by name."""

from limner.measures.action_units import action_units
from limner.measures.flow import Flow, optical_flow, warping_error
from limner.measures.identity import cosine_similarity, retrieved, roc_auc
from limner.measures.image import lip_box, mouth_ssim, mouth_ssim_frames, psnr, ssim
from limner.measures.points import (
    au_clip_distance,
    au_clip_dtw,
    au_curve_distance,
    jerk,
    jitter,
    landmark_error,
    mode_distance,
    sequence_distance,
)
from limner.measures.sets import frechet_distance, inception_score, kernel_distance
from limner.measures.video import flicker, frame_difference, mode_distance_px

__all__ = [
    "Flow",
    "action_units",
    "au_clip_distance",
    "au_clip_dtw",
    "au_curve_distance",
    "cosine_similarity",
    "flicker",
    "frame_difference",
    "frechet_distance",
    "inception_score",
    "jerk",
    "jitter",
    "kernel_distance",
    "landmark_error",
    "lip_box",
    "mode_distance",
    "mode_distance_px",
    "mouth_ssim",
    "mouth_ssim_frames",
    "optical_flow",
    "psnr",
    "retrieved",
    "roc_auc",
    "sequence_distance",
    "ssim",
    "warping_error",
]
