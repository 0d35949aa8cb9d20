"""BART's command line and its files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np


class Bart:
    """A folder with an acquisition in BART's layout: one coil that sees everything, a temporal basis."""

    def __init__(self, folder: Path, positions: np.ndarray, basis: np.ndarray, size: int) -> None:
        """`positions` (frame, sample, 2) as (ky, kx) in cycles per pixel, `basis` (frame, coefficient)."""
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.size = size
        self.frames, self.samples, _ = positions.shape
        self.coefficients = basis.shape[1]
        # BART: (kx, ky, kz) in cycles per field of view, samples along axis 1, frames along axis 5.
        points = np.zeros((3, self.samples, 1, 1, 1, self.frames))
        points[0, :, 0, 0, 0] = size * positions[..., 1].T
        points[1, :, 0, 0, 0] = size * positions[..., 0].T
        self._write("trajectory", points)
        # The plain transform knows no axis of frames.
        self._write("positions", points.reshape(3, self.samples, self.frames))
        self._write("basis", basis.reshape(1, 1, 1, 1, 1, self.frames, self.coefficients))
        self._write("sensitivity", np.ones((size, size, 1, 1)))

    def write_samples(self, samples: np.ndarray) -> None:
        """`samples` (frame, sample)."""
        self._write("kspace", samples.T.reshape(1, self.samples, 1, 1, 1, self.frames))

    def nufft(self, image: np.ndarray) -> np.ndarray:
        """The transform of an image (y, x) at all positions, (frame * sample)."""
        self._write("image", image.T)
        self._run("nufft", "positions", "image", "transform")
        return self._read("transform").reshape(self.samples, self.frames).T.ravel()

    def pics(self, *options: str) -> str:
        """Reconstructs the samples; what BART said."""
        files = ("kspace", "sensitivity", "reconstruction")
        return self._run("pics", *options, "-t", "trajectory", "-B", "basis", *files)

    def reconstruction(self) -> np.ndarray:
        """(coefficient, y, x)."""
        return np.moveaxis(self._read("reconstruction").reshape(self.size, self.size, -1), (0, 1, 2), (2, 1, 0))

    def _run(self, *command: str) -> str:
        done = subprocess.run(["bart", *command], cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"bart {command[0]}: {done.stderr.strip()}")
        return done.stdout + done.stderr

    def _write(self, name: str, array: np.ndarray) -> None:
        (self.folder / f"{name}.hdr").write_text(f"# Dimensions\n{' '.join(map(str, array.shape))}\n")
        array.astype(np.complex64).ravel(order="F").tofile(self.folder / f"{name}.cfl")

    def _read(self, name: str) -> np.ndarray:
        shape = [int(length) for length in (self.folder / f"{name}.hdr").read_text().splitlines()[1].split()]
        return np.fromfile(self.folder / f"{name}.cfl", np.complex64).reshape(shape, order="F").squeeze()
