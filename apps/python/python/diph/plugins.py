"""Parts by their names: those that come with Diph, and those of plugins."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from . import _diph
from ._arrays import as_image
from .operators import CompiledOperator, LinearOperator


@dataclass(frozen=True)
class Component:
    """A part that a plugin offers."""

    id: str
    kind: str
    name: str
    summary: str


class Prior:
    """A denoiser or proximal map of Diph. `noisy = clean + sigma n`, where real and imaginary part of n have variance 1 each."""

    def __init__(self, compiled: _diph.Prior):
        self._compiled = compiled
        self.name = compiled.name

    def denoise(self, noisy, sigma, *, index=None, timestep=None, abar=None, seed=0, **conditions) -> np.ndarray:
        """The denoised image, of the shape of `noisy`, (coefficient, [z,] y, x). In an annealed run `index`, `timestep` and `abar` say
        which step of the noise schedule it is; further names are condition images, such as `low_res`."""
        steps = (index, timestep, abar)
        if any(step is None for step in steps) != all(step is None for step in steps):
            raise ValueError("index, timestep, abar: expected all three or none")
        schedule = None if index is None else steps
        images = [(name, as_image(image, name)) for name, image in conditions.items()]
        return self._compiled.denoise(as_image(noisy), sigma, schedule, images, seed)

    __call__ = denoise

    def noise_schedule(self, steps: int) -> list[tuple[int, float]] | None:
        """(timestep, abar) of every step of an annealed run, least noisy first; None for a prior that is not annealed."""
        return self._compiled.noise_schedule(steps)


class Plugin:
    """Parts by their names, to be created with options and with the arrays and facts that they need."""

    def __init__(self, compiled: _diph.Plugins):
        self._compiled = compiled

    @property
    def components(self) -> list[Component]:
        """What there is."""
        return [Component(*told) for told in self._compiled.components()]

    def operator(self, id: str, arrays=None, facts=None, **options) -> LinearOperator:
        """Creates an operator. `arrays` are arrays by name (`trajectory` float64, `basis` float32, `coil_maps` complex64, ...), `facts` what
        is known beside them (`image`, `coefficients`, `coils`, `frames`, `samples`, `voxel_size` in m, `fourier_scale`)."""
        return CompiledOperator(self._compiled.operator(id, json.dumps(options), _named(arrays), json.dumps(facts or {})))

    def prior(self, id: str, arrays=None, facts=None, **options) -> Prior:
        """Creates a prior; arguments as for `operator`."""
        return Prior(self._compiled.prior(id, json.dumps(options), _named(arrays), json.dumps(facts or {})))


def plugins(folders=()) -> Plugin:
    """All parts: those that come with Diph, and those of plugins in `folders` and in the places where Diph looks for them."""
    return Plugin(_diph.Plugins(None, list(folders)))


def load_plugin(path) -> Plugin:
    """The parts of one shared library. Its code runs in this process."""
    return Plugin(_diph.Plugins(path))


def prior(id: str, arrays=None, facts=None, **options) -> Prior:
    """A prior by its name: `diph.prior("diph.wavelet", levels=3)`."""
    return plugins().prior(id, arrays, facts, **options)


def _named(arrays):
    return [(name, np.ascontiguousarray(array)) for name, array in (arrays or {}).items()]
