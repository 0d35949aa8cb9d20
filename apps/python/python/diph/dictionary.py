"""Sequences, Bloch responses and matching."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import _diph
from ._arrays import as_array, as_image


class Sequence:
    """A FISP sequence: `flip_angle` (rad) and `tr` (s) of every frame, `te` (s), and `ti` (s) after a perfect `inversion`.

    `Sequence.fisp()` is a built-in schedule of 1000 frames, `Sequence.deli_cs()` the public one of Deli-CS with 500.
    """

    def __init__(self, flip_angle, tr, te, ti=0.0, inversion=True):
        angles, times = (as_array(values, np.float64, 1, what) for values, what in ((flip_angle, "flip_angle"), (tr, "tr")))
        self._compiled = _diph.Sequence(angles.tolist(), times.tolist(), te, ti, inversion)

    @classmethod
    def _of(cls, compiled):
        sequence = cls.__new__(cls)
        sequence._compiled = compiled
        return sequence

    @classmethod
    def fisp(cls) -> Sequence:
        """The built-in schedule of 1000 frames."""
        return cls._of(_diph.Sequence.fisp())

    @classmethod
    def deli_cs(cls) -> Sequence:
        """The public Deli-CS schedule of 500 frames."""
        return cls._of(_diph.Sequence.deli_cs())

    def truncated(self, frames: int) -> Sequence:
        """The sequence of the first frames."""
        return self._of(self._compiled.truncated(frames))

    def __len__(self) -> int:
        return len(self._compiled)

    @property
    def flip_angle(self) -> np.ndarray:
        """Flip angle of every frame (rad)."""
        return self._compiled.flip_angle

    @property
    def tr(self) -> np.ndarray:
        """Repetition time of every frame (s)."""
        return self._compiled.tr

    def signals(self, t1, t2, b1=1.0) -> np.ndarray:
        """Signals of tissues by extended phase graphs, (tissue, frame) in float64, of an equilibrium magnetisation of 1. `t1`, `t2` (s) and
        the factor `b1` are numbers or one list each."""
        values = np.broadcast_arrays(*(np.atleast_1d(np.asarray(value, np.float64)) for value in (t1, t2, b1)))
        return self._compiled.signals(*(value.ravel().tolist() for value in values))


@dataclass
class Match:
    """What matching finds in every voxel."""

    #: Maps by the names of their parameters, `T1` and `T2` in seconds, and `B1` where the dictionary has it; ([z,] y, x).
    maps: dict[str, np.ndarray]
    #: Complex proton density, ([z,] y, x).
    pd: np.ndarray
    #: The nearest physical signals, (coefficient, [z,] y, x).
    tsmi: np.ndarray


class BlochDictionary:
    """Bloch responses in a temporal subspace: a voxel of atom j with the proton density PD is `PD norms[j] atoms[j]`."""

    def __init__(self, compiled: _diph.Dictionary):
        self._compiled = compiled

    @classmethod
    def simulate(cls, sequence: Sequence, t1=None, t2=None, b1=None, coefficients: int = 5) -> BlochDictionary:
        """Responses of every pair of `t1` and `t2` (s) with T2 <= T1, and every factor of `b1` where it is given; without `t1` and
        `t2` those of a grid for the brain at 3 T, 22,160 atoms."""
        return cls(_diph.Dictionary.simulate(sequence._compiled, _table(t1, t2, b1), coefficients))

    @classmethod
    def from_arrays(cls, lut, D, V, normD, coefficients: int = 5) -> BlochDictionary:
        """From the arrays of MRF-DiPh's `dict.mat`: `lut` (atom, 2 or 3) with T1 (s), T2 (s) and B1, `D` (atom, at least `coefficients`),
        `V` (frame, at least `coefficients`), `normD` (atom)."""
        floats = lambda values, axes, what: as_array(values, np.float32, axes, what)
        norms = floats(np.ravel(normD), 1, "normD (atom)")
        arrays = floats(lut, 2, "lut (atom, parameter)"), floats(D, 2, "D (atom, coefficient)"), floats(V, 2, "V (frame, coefficient)")
        return cls(_diph.Dictionary.from_arrays(*arrays, norms, coefficients))

    @classmethod
    def read(cls, path, coefficients: int = 5) -> BlochDictionary:
        """From a `.mat` or `.npz` file that MRF-DiPh or `diph dictionary` wrote."""
        return cls(_diph.Dictionary.read(path, coefficients))

    def __len__(self) -> int:
        return len(self._compiled)

    @property
    def parameters(self) -> list[str]:
        """Names of the columns of `lut`."""
        return self._compiled.parameters

    @property
    def lut(self) -> np.ndarray:
        """Parameters of every atom, (atom, parameter)."""
        return self._compiled.lut

    @property
    def atoms(self) -> np.ndarray:
        """Responses of norm 1, (atom, coefficient)."""
        return self._compiled.atoms

    @property
    def norms(self) -> np.ndarray:
        """Norms of the responses, (atom)."""
        return self._compiled.norms

    @property
    def basis(self) -> np.ndarray:
        """Temporal basis V, (frame, coefficient)."""
        return self._compiled.basis

    def __call__(self, x) -> np.ndarray:
        """The nearest physical signals of an image, (coefficient, [z,] y, x)."""
        return self._compiled.project(as_image(x))[0]

    def match(self, x) -> Match:
        """Matches every voxel of an image, (coefficient, [z,] y, x)."""
        tsmi, values, pd = self._compiled.project(as_image(x))
        return Match(dict(zip(self.parameters, values)), pd, tsmi)


def _table(t1, t2, b1):
    if t1 is None and t2 is None and b1 is None:
        return None
    if t1 is None or t2 is None:
        raise ValueError("t1, t2: expected both or neither")
    axes = [np.atleast_1d(np.asarray(values, np.float64)) for values in ((t1, t2) if b1 is None else (t1, t2, b1))]
    table = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    return np.ascontiguousarray(table[table[:, 1] <= table[:, 0]], np.float32)
