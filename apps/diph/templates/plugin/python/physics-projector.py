"""The projector `template.part`: the nearest signal that the physics allows, and its parameters.

What stands here, the comparison with every atom of the dictionary, is exact and slow: a reference that a faster one of yours can
be compared with.
"""

import numpy as np

ID = "template.part"
NAME = "Template part"
VERSION = "0.1.0"
KIND = "physics-projector"
SUMMARY = "Nearest signal of the dictionary, by comparison with all"
OPTIONS = {"type": "object", "properties": {}, "additionalProperties": False}
# What `diph plugin check` tries it on.
EXAMPLE = {
    "options": {},
    "image": [3, 5, 4],
    "arrays": {
        "atoms": {"shape": [20, 3], "dtype": "f32", "low": -1.0, "high": 1.0},
        "lut": {"shape": [20, 2], "dtype": "f32", "low": 0.1, "high": 2.0},
    },
}
# What it needs of the acquisition; it takes planes and volumes.
REQUIREMENTS = {"arrays": ["atoms", "lut"], "optional_arrays": ["norms"], "spatial_axes": [2, 3]}


class Part:
    parameters = [("T1", "s"), ("T2", "s")]

    def __init__(self, options, acquisition):
        arrays = acquisition.arrays
        self.table = arrays["lut"]  # (atom, parameter): T1 and T2 in s, and possibly more
        self.norms = arrays.get("norms", np.ones(len(self.table), np.float32))
        self.atoms = arrays["atoms"]  # (atom, coefficient)
        self.lengths = np.maximum(np.linalg.norm(self.atoms, axis=1), np.finfo(np.float32).tiny)
        self.coefficients = self.atoms.shape[1]

    def nearest(self, x):
        """For every voxel of x (coefficient, [z,] y, x) the nearest atom, and the factor by which it comes nearest."""
        if len(x) != self.coefficients:
            raise ValueError(f"expected {self.coefficients} coefficients, got {len(x)}")
        voxels = x.reshape(len(x), -1)
        units = self.atoms / self.lengths[:, None]
        atom, factor = np.zeros(voxels.shape[1], int), np.zeros(voxels.shape[1], x.dtype)
        # In blocks, so that the table of all products stays small.
        for start in range(0, voxels.shape[1], 256):
            products = units @ voxels[:, start : start + 256]
            best = np.abs(products).argmax(0)
            atom[start : start + 256] = best
            factor[start : start + 256] = np.take_along_axis(products, best[None], 0)[0] / self.lengths[best]
        return atom.reshape(x.shape[1:]), factor.reshape(x.shape[1:])

    def maps(self, atom, factor):
        """T1 and T2, and the amplitude; a voxel of zeros gets zeros."""
        values = np.where(factor == 0, 0, np.moveaxis(self.table[atom, :2], -1, 0))
        return values, factor / self.norms[atom]

    def project(self, x):
        """The projection of every voxel, T1 and T2 (parameter, [z,] y, x), and the amplitude ([z,] y, x)."""
        atom, factor = self.nearest(x)
        return np.moveaxis(self.atoms[atom], -1, 0) * factor, *self.maps(atom, factor)
