"""Linear operators that know their adjoint: acquisitions, and what is made of them."""

from __future__ import annotations

import numpy as np

from ._arrays import as_array, as_image, optional
from ._diph import Operator


class LinearOperator:
    """A linear map from complex arrays of `ishape` to those of `oshape`, with its exact adjoint.

    `A(x)` or `A @ x` applies it, `A.H` is the adjoint, `A.N` (also `A.gram`) is `A.H @ A`, `A @ B` is A after B, and `A.as_scipy()` is the
    same for SciPy's solvers. `forward`, `adjoint` and `normal` take `out=`, an array to write into.

    The interpreter's lock is released while an operator computes.
    """

    #: Short name for messages.
    name: str
    #: Axis lengths of what it takes.
    ishape: tuple[int, ...]
    #: Axis lengths of what it gives.
    oshape: tuple[int, ...]

    def forward(self, x, out=None) -> np.ndarray:
        """`A x`: complex64 of `oshape`."""
        raise NotImplementedError

    def adjoint(self, y, out=None) -> np.ndarray:
        """`A^H y`: complex64 of `ishape`."""
        raise NotImplementedError

    def normal(self, x, out=None) -> np.ndarray:
        """`A^H A x`: complex64 of `ishape`."""
        return self.adjoint(self.forward(x), out)

    @property
    def H(self) -> LinearOperator:
        """The adjoint."""
        return _Adjoint(self)

    @property
    def N(self) -> LinearOperator:
        """The normal operator `A^H A`, by its shortest way: a Toeplitz embedding where the operator has one."""
        return _Normal(self)

    @property
    def gram(self) -> LinearOperator:
        """The same as `N`, by the name that it has in MRpro."""
        return self.N

    def __call__(self, x) -> np.ndarray:
        return self.forward(x)

    def __matmul__(self, other):
        return _Composed(self, other) if isinstance(other, LinearOperator) else self.forward(other)

    def __repr__(self) -> str:
        return f"<{self.name}: {list(self.ishape)} -> {list(self.oshape)}>"

    def as_scipy(self):
        """This operator on flat vectors, as a `scipy.sparse.linalg.LinearOperator` of complex64."""
        from scipy.sparse.linalg import LinearOperator as ScipyOperator

        size = lambda shape: int(np.prod(shape))
        return ScipyOperator(
            (size(self.oshape), size(self.ishape)),
            matvec=lambda x: self.forward(x.reshape(self.ishape)).ravel(),
            rmatvec=lambda y: self.adjoint(y.reshape(self.oshape)).ravel(),
            dtype=np.complex64,
        )


class CompiledOperator(LinearOperator):
    """An operator of the compiled half, by a built-in part or a plugin."""

    def __init__(self, compiled: Operator):
        self._compiled = compiled
        self.name = compiled.name
        self.ishape = tuple(compiled.ishape)
        self.oshape = tuple(compiled.oshape)

    def forward(self, x, out=None):
        return self._compiled.forward(as_image(x), out)

    def adjoint(self, y, out=None):
        return self._compiled.adjoint(as_image(y, "samples"), out)

    def normal(self, x, out=None):
        return self._compiled.normal(as_image(x), out)

    def data_weights(self) -> np.ndarray | None:
        """sqrt(w) in the shape of the samples, by which measured data are multiplied; None without weights."""
        return self._compiled.data_weights()


class MrfNufft(CompiledOperator):
    """The acquisition of MR fingerprinting along any trajectory of a plane:

        y[c,t,s] = a sum_k V[t,k] sum_r S_c(r) x_k(r) exp(-2 pi i k_ts . (r - N/2))

    `trajectory` (frame, sample, 2) holds (ky, kx) in cycles per pixel, `basis` (frame, coefficient) is the real temporal basis V, `shape` is (y, x),
    `coil_maps` (coil, y, x) are sensitivities; without them one coil sees everything. With `weights` w (frame, sample), not negative, the operator is
    `W^(1/2) A`, and `data_weights()` gives sqrt(w), by which measured data have to be multiplied: forward and adjoint stay an exact pair.

    `accuracy` is the relative accuracy of the transform, 1e-6 to 1e-2. The factor a is 1/sqrt(N), as in SigPy and BART;
    with `normalisation="twice_oversampled"` it is 1/(2 sqrt(N)), as in torchkbnufft with `norm="ortho"` and in MRF-DiPh.
    """

    def __init__(
        self, trajectory, basis, shape, coil_maps=None, weights=None, *, accuracy=1e-4, normalisation="unitary"
    ):
        height, width = shape
        compiled = Operator.mrf_nufft(
            as_array(trajectory, np.float64, 3, "trajectory (frame, sample, 2)"),
            as_array(basis, np.float32, 2, "basis (frame, coefficient)"),
            (int(height), int(width)),
            optional(coil_maps, np.complex64, 3, "coil_maps (coil, y, x)"),
            optional(weights, np.float32, 2, "weights (frame, sample)"),
            accuracy,
            _is_unitary(normalisation),
        )
        super().__init__(compiled)


class Cartesian(CompiledOperator):
    """The same acquisition on the image's grid, of a plane or a volume.

    `trajectory` (frame, sample, 2 or 3) holds positions in cycles per pixel that lie on the grid: multiples of 1/N along each axis.
    `shape` is ([z,] y, x), and the other arguments are those of `MrfNufft`.
    """

    def __init__(self, trajectory, basis, shape, coil_maps=None, weights=None, *, normalisation="unitary"):
        compiled = Operator.cartesian(
            as_array(trajectory, np.float64, 3, "trajectory (frame, sample, 2 or 3)"),
            as_array(basis, np.float32, 2, "basis (frame, coefficient)"),
            [int(length) for length in shape],
            optional(coil_maps, np.complex64, (3, 4), "coil_maps (coil, [z,] y, x)"),
            optional(weights, np.float32, 2, "weights (frame, sample)"),
            _is_unitary(normalisation),
        )
        super().__init__(compiled)


def _is_unitary(normalisation):
    if normalisation not in ("unitary", "twice_oversampled"):
        raise ValueError(f"normalisation: expected unitary or twice_oversampled, got {normalisation}")
    return normalisation == "unitary"


class _Adjoint(LinearOperator):
    def __init__(self, operator):
        self._operator = operator
        self.name, self.ishape, self.oshape = f"adjoint of {operator.name}", operator.oshape, operator.ishape

    def forward(self, x, out=None):
        return self._operator.adjoint(x, out)

    def adjoint(self, y, out=None):
        return self._operator.forward(y, out)

    @property
    def H(self):
        return self._operator


class _Normal(LinearOperator):
    def __init__(self, operator):
        self._operator = operator
        self.name, self.ishape, self.oshape = f"normal of {operator.name}", operator.ishape, operator.ishape

    def forward(self, x, out=None):
        return self._operator.normal(x, out)

    adjoint = forward

    @property
    def H(self):
        return self


class _Composed(LinearOperator):
    def __init__(self, outer, inner):
        if outer.ishape != inner.oshape:
            raise ValueError(f"{outer.name} @ {inner.name}: expected an image {outer.ishape}, got {inner.oshape}")
        self._outer, self._inner = outer, inner
        self.name, self.ishape, self.oshape = f"{outer.name} after {inner.name}", inner.ishape, outer.oshape

    def forward(self, x, out=None):
        return self._outer.forward(self._inner.forward(x), out)

    def adjoint(self, y, out=None):
        return self._inner.adjoint(self._outer.adjoint(y), out)

    def normal(self, x, out=None):
        return self._inner.adjoint(self._outer.normal(self._inner.forward(x)), out)
