"""Quantitative MRI reconstruction with interchangeable physics and priors.

    >>> import numpy as np, diph
    >>> sequence = diph.Sequence.deli_cs().truncated(60)
    >>> dictionary = diph.BlochDictionary.simulate(sequence, t1=np.arange(0.2, 3, 0.1), t2=np.arange(0.02, 0.3, 0.02))
    >>> rng = np.random.default_rng(0)
    >>> A = diph.MrfNufft(rng.uniform(-0.5, 0.5, (60, 200, 2)), dictionary.basis, (32, 32))
    >>> A.ishape, A.oshape
    ((5, 32, 32), (1, 60, 200))

Conventions: images are (coefficient, [z,] y, x), k-space is (coil, frame, sample), times in seconds, angles in radians, k-space positions
([kz,] ky, kx) in cycles per pixel within [-1/2, 1/2], the transform exp(-2 pi i k.(r - N/2)). Everything computes in complex64: arrays of
another type (complex128), in Fortran order or with negative strides are converted first, which is a copy; C-ordered complex64 is taken as it is.
"""

from ._diph import Error, __version__
from .conventions import from_bart, from_sigpy, from_torchkbnufft
from .dictionary import BlochDictionary, Match, Sequence
from .operators import Cartesian, LinearOperator, MrfNufft
from .plugins import Component, Plugin, load_plugin, plugins, prior
from .reconstruction import Result, reconstruct

__all__ = [
    "BlochDictionary",
    "Cartesian",
    "Component",
    "Error",
    "LinearOperator",
    "Match",
    "MrfNufft",
    "Plugin",
    "Result",
    "Sequence",
    "__version__",
    "from_bart",
    "from_sigpy",
    "from_torchkbnufft",
    "load_plugin",
    "plugins",
    "prior",
    "reconstruct",
]
