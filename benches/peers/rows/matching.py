"""Exact dictionary matching of a slice."""

from __future__ import annotations

import numpy as np
import torch

from comparison.context import Context, Outcome, Timing
from comparison.measure import in_turns, seconds
from comparison.ours import Ours

CHUNK = 256
"""Voxels of one product, 194 MB of scores."""
TOLERANCE = 1e-6
STRIDE = 16
"""The peer matches every so many voxels: its time is proportional to them."""


def large(context: Context) -> Outcome:
    stride = 50 if context.quick else STRIDE
    with Ours(context, "matching", grid="large") as ours:
        atoms = torch.from_numpy(ours.problem["atoms"])
        voxels = torch.from_numpy(voxels_of(ours.problem["image"])[::stride])
        found: list[np.ndarray] = []

        def product() -> float:
            taken = seconds(lambda: found.append(matched(voxels, atoms)))
            return stride * taken

        times = in_turns(ours.run, product, context.repeats(3), warm_ups=0 if context.quick else 1)
        own = ours.result()["atom"][::stride]
    worst, others = shortfall(voxels.numpy(), atoms.numpy(), own, found[-1])
    note = f"{others} of {len(own)} voxels have another atom, of the same score up to rounding"
    if stride > 1:
        note += f"; PyTorch on every {stride}th voxel, time scaled"
    return Outcome(*times, worst, TOLERANCE, note)


def voxels_of(image: np.ndarray) -> np.ndarray:
    """(voxel, coefficient) of an image (coefficient, y, x)."""
    return np.ascontiguousarray(image.reshape(image.shape[0], -1).T)


def matched(voxels: torch.Tensor, atoms: torch.Tensor) -> np.ndarray:
    """The atom of the largest |<x, d>| for every voxel: all products, a chunk of voxels at a time."""
    transposed = atoms.to(torch.complex64).T.contiguous()
    with torch.inference_mode():
        best = [(chunk @ transposed).abs().argmax(dim=1) for chunk in voxels.split(CHUNK)]
    return torch.cat(best).numpy()


def shortfall(voxels: np.ndarray, atoms: np.ndarray, own: np.ndarray, other: np.ndarray) -> tuple[float, int]:
    """By how much of the best score the atom `own` is worse than `other` at most, in f64, and how many differ.

    The dictionary is dense: in f32 neighbours tie, and the peer takes any of them.
    """
    scores = [np.abs(np.einsum("vk,vk->v", voxels.astype(np.complex128), atoms[choice])) for choice in (own, other)]
    return float(np.max(np.maximum(scores[1] - scores[0], 0) / scores[1])), int(np.sum(own != other))


def seconds_per_slice(voxels: np.ndarray, atoms: np.ndarray) -> Timing:
    """The product alone, for sums of parts."""
    arrays = torch.from_numpy(voxels), torch.from_numpy(atoms)
    return Timing([seconds(lambda: matched(*arrays))])
