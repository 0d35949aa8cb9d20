"""Operators: values, adjoints, algebra, and arrays of every layout."""

import threading

import numpy as np
import pytest

import diph


def direct(trajectory, basis, image):
    """The sum that the documentation states, of one coil that sees everything."""
    _, height, width = image.shape
    y, x = np.arange(height) - height // 2, np.arange(width) - width // 2
    phases = [np.exp(-2j * np.pi * trajectory[..., axis, None] * places) for axis, places in enumerate((y, x))]
    sums = np.einsum("kyx,tsy,tsx->kts", image.astype(complex), *phases)
    return np.einsum("tk,kts->ts", basis, sums) / np.sqrt(height * width)


@pytest.fixture
def small(complex_noise):
    rng = np.random.default_rng(1)
    trajectory, basis = rng.uniform(-0.5, 0.5, (7, 50, 2)), rng.standard_normal((7, 3)).astype(np.float32)
    return trajectory, basis, complex_noise(3, 12, 10)


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def test_nufft_is_the_sum_that_is_documented(small):
    trajectory, basis, image = small
    A = diph.MrfNufft(trajectory, basis, (12, 10), accuracy=1e-5)
    assert (A.ishape, A.oshape) == ((3, 12, 10), (1, 7, 50))
    assert relative(A(image)[0], direct(trajectory, basis, image)) < 1e-4
    halved = diph.MrfNufft(trajectory, basis, (12, 10), accuracy=1e-5, normalisation="twice_oversampled")
    assert relative(2 * halved(image), A(image)) < 1e-6


def test_cartesian_agrees_with_nufft_on_the_grid(complex_noise):
    ky, kx = np.meshgrid(np.arange(-4, 4) / 8, np.arange(-6, 6) / 12, indexing="ij")
    trajectory = np.broadcast_to(np.stack([ky, kx], -1).reshape(1, -1, 2), (3, 96, 2))
    basis, coils, image = np.eye(3, 2), complex_noise(2, 8, 12), complex_noise(2, 8, 12)
    grid = diph.Cartesian(trajectory, basis, (8, 12), coils)
    free = diph.MrfNufft(trajectory, basis, (8, 12), coils, accuracy=1e-5)
    assert relative(grid(image), free(image)) < 1e-4


def test_adjoint_normal_and_algebra(small, complex_noise):
    trajectory, basis, image = small
    weights = np.random.default_rng(2).uniform(0.1, 1, (7, 50))
    A = diph.MrfNufft(trajectory, basis, (12, 10), complex_noise(4, 12, 10), weights)
    y = complex_noise(*A.oshape)
    assert abs(np.vdot(A(image), y) - np.vdot(image, A.H(y))) < 1e-5 * np.linalg.norm(A(image)) * np.linalg.norm(y)
    assert relative(A.N(image), A.H(A(image))) < 1e-3
    assert np.array_equal(A.gram(image), A.N(image)) and A.H.H is A and A.N.H(image).shape == A.ishape
    both = A.H @ A
    assert np.array_equal(both @ image, A.H(A(image))) and np.array_equal(both.H(image), A.H(A(image)))
    assert np.allclose(A.data_weights()[2], np.sqrt(weights))
    with pytest.raises(ValueError, match="adjoint of mrf-nufft"):
        A.H @ A.H


def test_scipy_solves_with_it(measurement):
    linalg = pytest.importorskip("scipy.sparse.linalg")
    A = measurement.operator
    found = linalg.lsqr(A.as_scipy(), measurement.kspace.ravel(), iter_lim=30)[0].reshape(A.ishape)
    assert relative(A(found.astype(np.complex64)), measurement.kspace) < 0.03


def test_arrays_of_every_layout_give_the_same(small):
    trajectory, basis, image = small
    A = diph.MrfNufft(trajectory, basis, (12, 10))
    expected = A(image)
    for same in [image.astype(np.complex128), np.asfortranarray(image), image[:, ::-1][:, ::-1], image[:, ::-1].copy()[:, ::-1]]:
        assert np.array_equal(A(same), expected)
    assert np.array_equal(diph.MrfNufft(np.asfortranarray(trajectory), basis.astype(float), (12, 10))(image), expected)
    out = np.empty(A.oshape, np.complex64)
    assert A.forward(image, out=out) is out and np.array_equal(out, expected)


def test_what_makes_no_sense_is_said(small):
    trajectory, basis, image = small
    A = diph.MrfNufft(trajectory, basis, (12, 10))
    with pytest.raises(ValueError, match=r"expected image \[3, 12, 10\], got \[3, 10, 12\]"):
        A(image.transpose(0, 2, 1))
    with pytest.raises(ValueError, match="trajectory"):
        diph.MrfNufft(trajectory + 1, basis, (12, 10))
    with pytest.raises(TypeError, match="real numbers"):
        diph.MrfNufft(trajectory + 0j, basis, (12, 10))
    with pytest.raises(TypeError, match="numbers"):
        A("image")
    with pytest.raises(ValueError, match="axes"):
        diph.MrfNufft(trajectory[0], basis, (12, 10))
    with pytest.raises(TypeError):
        A.forward(image, out=np.empty(A.oshape))


def test_threads_run_beside_each_other(measurement):
    expected, found = measurement.operator(measurement.tsmi), []
    threads = [threading.Thread(target=lambda: found.append(measurement.operator(measurement.tsmi))) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(found) == 4 and all(np.array_equal(one, expected) for one in found)


def test_trajectories_of_other_programs(small):
    trajectory, basis, image = small
    shape, lengths = (12, 10), np.array([12, 10])
    assert np.allclose(diph.from_sigpy(trajectory * lengths, shape), trajectory)
    assert np.allclose(diph.from_torchkbnufft(2 * np.pi * np.moveaxis(trajectory, -1, 1)), trajectory)
    bart = np.zeros((3, 50, 7), complex)
    bart[0], bart[1] = (trajectory[..., 1] * 10).T, (trajectory[..., 0] * 12).T
    assert np.allclose(diph.from_bart(bart, shape), trajectory)
    for wrong in [lambda: diph.from_sigpy(trajectory, (2, 12, 10)), lambda: diph.from_bart(trajectory, shape), lambda: diph.from_torchkbnufft(trajectory)]:
        with pytest.raises(ValueError):
            wrong()
