"""Trajectories of other programs in the convention of Diph: (frame, sample, axis), ([kz,] ky, kx) in cycles per pixel.

Images and k-space values of SigPy and BART agree with Diph's unitary operators as they are, with the axes named in each function.
"""

import numpy as np


def from_sigpy(coord, shape) -> np.ndarray:
    """Coordinates as SigPy's `NUFFT(ishape, coord)` takes them: (..., axis) in the order of the image's axes, in cycles per field of
    view within [-N/2, N/2]. Of three axes the first counts frames; of two there is one frame. `shape` is that of the image, ([z,] y, x)."""
    coord = _frames(np.asarray(coord, np.float64), "coord", len(shape))
    return coord / np.asarray(shape, np.float64)


def from_torchkbnufft(ktraj) -> np.ndarray:
    """Positions as torchkbnufft's `KbNufft` takes them: (axis, sample) or (frame, axis, sample) in radians per pixel, in the order of the
    image's axes. Its values with `norm="ortho"` are those of Diph with `normalisation="twice_oversampled"`; without a norm they are
    sqrt(N) times the unitary ones."""
    ktraj = np.asarray(ktraj, np.float64)
    if ktraj.ndim == 2:
        ktraj = ktraj[None]
    if ktraj.ndim != 3 or ktraj.shape[1] not in (2, 3):
        raise ValueError(f"ktraj: expected (axis, sample) or (frame, axis, sample) of two or three axes, got {ktraj.shape}")
    return np.ascontiguousarray(np.moveaxis(ktraj, 1, 2)) / (2 * np.pi)


def from_bart(traj, shape) -> np.ndarray:
    """A trajectory as `bart traj` writes it and `cfl.readcfl` reads it: (3, sample, frame), rows (kx, ky, kz) in cycles per field of view.
    Further axes are frames too, the last the slowest. `shape` is that of the image in Diph, ([z,] y, x); BART's own image (x, y, z) is its transpose,
    and BART's k-space (1, sample, frame, coil) is Diph's (coil, frame, sample) transposed."""
    traj = np.asarray(traj)
    if traj.ndim < 2 or traj.shape[0] != 3:
        raise ValueError(f"traj: expected (3, sample, frame), got {traj.shape}")
    samples = traj.shape[1]
    columns = traj.real.astype(np.float64).reshape(3, samples, -1, order="F")
    rows = [2, 1, 0] if len(shape) == 3 else [1, 0]
    return columns[rows].transpose(2, 1, 0) / np.asarray(shape, np.float64)


def _frames(coord, what, axes):
    if coord.ndim == 2:
        coord = coord[None]
    if coord.ndim != 3 or coord.shape[-1] != axes:
        raise ValueError(f"{what}: expected (sample, {axes}) or (frame, sample, {axes}), got {coord.shape}")
    return coord
