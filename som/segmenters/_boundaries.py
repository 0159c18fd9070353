"""How strongly each pixel of a photo looks like the boundary between two things.

The cues are those of the Pb family (Martin, Fowlkes and Malik, PAMI 2004; Arbelaez et al., PAMI
2011): differences of local histograms of lightness, of the two colour opponents and of textons, at
several scales and orientations. What takes minutes there takes a tenth of a second here, because a
half disc is replaced by a Gaussian window moved to either side of the pixel: one blur of every
histogram bin serves all orientations, and the Hellinger distance turns into a dot product of
shifted square roots.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# Always float32; OpenCV's type stubs promise no dtype.
Float = NDArray[Any]

ORIENTATIONS = 8
# Histogram windows at half resolution: (sigma in pixels, weights of lightness, colour, texture).
SCALES = ((2.0, 0.6, 1.0, 0.4), (4.0, 0.6, 1.0, 0.8), (8.0, 0.5, 1.0, 0.8))
# Textons are sparse: a narrower window than this sees too few to compare.
MIN_TEXTURE_SIGMA = 3.0
LIGHTNESS_BINS, COLOUR_BINS, TEXTONS = 12, 10, 24
# CIELAB opponents of natural photos rarely leave this range.
COLOUR_RANGE = 36.0
# Lab units per pixel at which a sharp edge counts half.
HALF_GRADIENT = 5.0


@dataclass(frozen=True)
class Cues:
    """What a photo looks like, pixel by pixel.

    Attributes:
        lab: float32 (h, w, 3), CIELAB.
        textons: int (h, w), which of `TEXTONS` local textures.
        strength: float32 (h, w), that of the strongest boundary through the pixel: 0 where nothing
            changes, about 4 at the clearest.
    """

    lab: Float
    textons: NDArray[np.intp]
    strength: Float


def find_cues(image: NDArray[np.uint8]) -> Cues:
    """Compute the cues of a photo.

    Args:
        image: RGB uint8 (h, w, 3), about 500 pixels a side: the windows are in pixels.
    """
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    textons = _textons(lab[..., 0])
    return Cues(lab, textons, _boundary_strength(lab, textons))


def _boundary_strength(lab: Float, texton_labels: NDArray[np.intp]) -> Float:
    height, width = lab.shape[:2]
    half = _resize(lab, (width + 1) // 2, (height + 1) // 2)
    one_hot = np.eye(TEXTONS, dtype=np.float32)[texton_labels]
    textons = _resize(one_hot, half.shape[1], half.shape[0])
    lightness = _soft_histogram(half[..., 0], 0, 100, LIGHTNESS_BINS)
    colours = [
        _soft_histogram(half[..., channel], -COLOUR_RANGE, COLOUR_RANGE, COLOUR_BINS)
        for channel in (1, 2)
    ]
    oriented = np.zeros((ORIENTATIONS, *half.shape[:2]), np.float32)
    for sigma, of_lightness, of_colour, of_texture in SCALES:
        oriented += of_lightness * _histogram_gradient(lightness, sigma)
        for colour in colours:
            oriented += of_colour / 2 * _histogram_gradient(colour, sigma)
        oriented += of_texture * _histogram_gradient(textons, max(sigma, MIN_TEXTURE_SIGMA))
    smooth = [
        cv2.resize(_along_boundary(plane, k), (width, height), interpolation=cv2.INTER_LINEAR)
        for k, plane in enumerate(oriented)
    ]
    strength: Float = (np.stack(smooth) + _sharp_gradient(lab)).max(axis=0)
    return strength


def _soft_histogram(values: Float, low: float, high: float, bins: int) -> Float:
    """Per-pixel histogram (h, w, bins) in which a value is shared between its two nearest bins."""
    position = (np.clip(values, low, high) - low) / (high - low) * (bins - 1)
    centres = np.arange(bins, dtype=np.float32)
    shares: Float = np.maximum(0, 1 - np.abs(position[..., None] - centres)).astype(np.float32)
    return shares


def _textons(lightness: Float) -> NDArray[np.intp]:
    """Texton (h, w) of each pixel: clusters of derivative responses (Malik et al., 2001)."""
    planes = []
    for sigma in (1.0, 2.0):
        smooth = cv2.GaussianBlur(lightness, (0, 0), sigma)
        dx, dy = _derivatives(smooth, sigma)
        dxx, dxy = _derivatives(dx, 1.5 * sigma)
        _, dyy = _derivatives(dy, 1.5 * sigma)
        planes += [dx, dy, dxx, dxy, dyy]
    responses = np.stack(planes, axis=-1).reshape(-1, len(planes))
    norms = np.linalg.norm(responses, axis=1, keepdims=True)
    # Contrast counts by its logarithm (Weber's law), so shadows do not split a texture.
    responses *= np.log1p(norms) / np.maximum(norms, 1e-6)
    # A fixed seed: the same photo gives the same textons.
    sample = np.random.default_rng(0).permutation(len(responses))[:4000]
    centres = _k_means(responses[sample], TEXTONS)
    return _nearest(responses, centres).reshape(lightness.shape)


def _derivatives(plane: Float, scale: float) -> tuple[Float, Float]:
    gain = scale / 8
    return (
        cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=3, scale=gain),
        cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3, scale=gain),
    )


def _k_means(points: Float, k: int, rounds: int = 8) -> Float:
    centres = points[:k].copy()
    for _ in range(rounds):
        nearest = _nearest(points, centres)
        counts = np.bincount(nearest, minlength=len(centres))
        sums = [np.bincount(nearest, column, minlength=len(centres)) for column in points.T]
        filled = counts > 0
        centres[filled] = (np.stack(sums, axis=1)[filled] / counts[filled, None]).astype(np.float32)
    return centres


def _nearest(points: Float, centres: Float) -> NDArray[np.intp]:
    nearest: NDArray[np.intp] = ((centres * centres).sum(axis=1) - 2 * points @ centres.T).argmin(
        axis=1
    )
    return nearest


def _histogram_gradient(histogram: Float, sigma: float) -> Float:
    """Hellinger distance between the windows on either side, (ORIENTATIONS, h, w), each 0..1."""
    height, width, _ = histogram.shape
    pad = int(np.ceil(sigma)) + 1
    root = np.sqrt(_blur(histogram, sigma))
    root = np.pad(root, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    overlap = np.empty((ORIENTATIONS, height, width), np.float32)
    for k in range(ORIENTATIONS):
        angle = np.pi * k / ORIENTATIONS
        dx, dy = round(sigma * np.cos(angle)), round(sigma * np.sin(angle))
        ahead = root[pad + dy : pad + dy + height, pad + dx : pad + dx + width]
        behind = root[pad - dy : pad - dy + height, pad - dx : pad - dx + width]
        overlap[k] = np.einsum("ijk,ijk->ij", ahead, behind)
    return np.sqrt(np.maximum(1 - overlap, 0))


def _along_boundary(plane: Float, orientation: int, sigma: float = 2.0) -> Float:
    """Blur along the boundary, not across it: joins broken contours, keeps them thin."""
    reach = int(np.ceil(2 * sigma))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    angle = np.pi * orientation / ORIENTATIONS
    across, along = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-(across**2) / (2 * 0.7**2) - along**2 / (2 * sigma**2))
    return cv2.filter2D(plane, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def _sharp_gradient(lab: Float) -> Float:
    """Saturating full-resolution gradient (ORIENTATIONS, h, w): puts boundaries where edges are."""
    angles = np.pi * np.arange(ORIENTATIONS, dtype=np.float32)[:, None, None] / ORIENTATIONS
    total = np.zeros((ORIENTATIONS, *lab.shape[:2]), np.float32)
    for channel, weight in ((0, 1.0), (1, 1.5), (2, 1.5)):
        dx, dy = _derivatives(cv2.GaussianBlur(lab[..., channel], (0, 0), 1.5), 1.0)
        total += weight * np.abs(np.cos(angles) * dx + np.sin(angles) * dy)
    return total / (total + HALF_GRADIENT)


def _blur(planes: Float, sigma: float) -> Float:
    size = 2 * round(2.5 * sigma) + 1
    return _by_fours(
        planes,
        lambda four: cv2.GaussianBlur(four, (size, size), sigma, borderType=cv2.BORDER_REFLECT),
    )


def _resize(planes: Float, width: int, height: int) -> Float:
    return _by_fours(
        planes, lambda four: cv2.resize(four, (width, height), interpolation=cv2.INTER_AREA)
    )


def _by_fours(planes: Float, apply: Callable[[Float], Float]) -> Float:
    """Apply an OpenCV function of at most four channels to any number of them."""
    done = [
        np.atleast_3d(apply(np.ascontiguousarray(planes[..., k : k + 4])))
        for k in range(0, planes.shape[2], 4)
    ]
    return np.concatenate(done, axis=2)
