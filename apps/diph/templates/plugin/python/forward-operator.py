"""The operator `template.part`: from images (coefficient, y, x) to k-space (coil, frame, sample).

What stands here, direct sums for one coil, is exact and slow: a reference that a faster one of yours can be compared with.
"""

import numpy as np

ID = "template.part"
NAME = "Template part"
VERSION = "0.1.0"
KIND = "forward-operator"
SUMMARY = "Non-uniform Fourier transform of a plane by direct sums, one coil"
OPTIONS = {"type": "object", "properties": {}, "additionalProperties": False}
# What `diph plugin check` tries it on.
EXAMPLE = {
    "options": {},
    "facts": {"image": [6, 5]},
    "arrays": {
        "trajectory": {"shape": [3, 7, 2], "dtype": "f64", "low": -0.5, "high": 0.5},
        "basis": {"shape": [3, 2], "dtype": "f32", "low": -1.0, "high": 1.0},
        "weights": {"shape": [3, 7], "dtype": "f32", "low": 0.1, "high": 2.0},
    },
}
# What it needs of the acquisition.
REQUIREMENTS = {
    "arrays": ["trajectory", "basis"],
    "optional_arrays": ["weights"],
    "facts": ["image"],
    "optional_facts": ["fourier_scale"],
}


class Part:
    def __init__(self, options, acquisition):
        trajectory, self.basis = acquisition.arrays["trajectory"], acquisition.arrays["basis"]
        frames, samples, _ = trajectory.shape
        height, width = acquisition.image
        if len(self.basis) != frames:
            raise ValueError(f"array `basis`: expected {frames} frames, as of `trajectory`, got {len(self.basis)}")
        # exp(-2 pi i k (r - n/2)) for every (frame, sample, r).
        wave = lambda k, n: np.exp(-2j * np.pi * k[..., None] * (np.arange(n) - n // 2)).astype(np.complex64)
        self.rows, self.columns = wave(trajectory[..., 0], height), wave(trajectory[..., 1], width)
        scale = (height * width) ** -0.5 * (0.5 if acquisition.fourier_scale == "twice_oversampled" else 1.0)
        weights = acquisition.arrays.get("weights")
        self.roots = None if weights is None else np.sqrt(np.broadcast_to(weights, (frames, samples)))
        self.factor = np.float32(scale) * (1 if self.roots is None else self.roots)
        self.domain = [("coefficient", self.basis.shape[1]), ("y", height), ("x", width)]
        self.range = [("coil", 1), ("frame", frames), ("sample", samples)]

    def forward(self, x):
        seen = np.tensordot(self.basis, x, 1)
        return (self.factor * np.einsum("tsy,tyx,tsx->ts", self.rows, seen, self.columns, optimize=True))[None]

    def adjoint(self, y):
        values = self.factor * y[0]
        seen = np.einsum("ts,tsy,tsx->tyx", values, self.rows.conj(), self.columns.conj(), optimize=True)
        return np.tensordot(self.basis.T, seen, 1)

    def weights(self):
        """sqrt(w) in the shape of the range, by which the host multiplies measured data; None for data without weights."""
        return None if self.roots is None else self.roots[None]
