"""A small measurement that the tests share."""

from types import SimpleNamespace

import numpy as np
import pytest

import diph


@pytest.fixture(scope="session")
def dictionary():
    sequence = diph.Sequence.deli_cs().truncated(80)
    return diph.BlochDictionary.simulate(sequence, t1=np.geomspace(0.2, 4, 40), t2=np.geomspace(0.02, 1, 30), coefficients=5)


@pytest.fixture(scope="session")
def measurement(dictionary):
    """A disc of two tissues with its k-space, in the convention of the files."""
    size, frames = 32, 80
    y, x = np.mgrid[:size, :size] - size // 2
    radius = np.hypot(y, x)
    atoms = np.where(radius < 6, 500, 700)
    pd = np.where(radius < 12, 1.0 + 0.5j, 0).astype(np.complex64)
    tsmi = (pd * dictionary.norms[atoms] * np.moveaxis(dictionary.atoms[atoms], -1, 0)).astype(np.complex64)
    angles = np.arange(frames)[:, None] * 2.4
    radii = np.linspace(0, 0.49, 120)[None]
    turns = angles + 12 * np.pi * radii
    trajectory = np.stack([radii * np.sin(turns), radii * np.cos(turns)], axis=-1)
    operator = diph.MrfNufft(trajectory, dictionary.basis, (size, size), normalisation="twice_oversampled")
    return SimpleNamespace(
        shape=(size, size), trajectory=trajectory, operator=operator, tsmi=tsmi, kspace=operator(tsmi),
        t1=dictionary.lut[atoms, 0], t2=dictionary.lut[atoms, 1], pd=pd,
    )


@pytest.fixture
def complex_noise():
    rng = np.random.default_rng(5)
    return lambda *shape: (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)
