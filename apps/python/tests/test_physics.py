"""Sequences, dictionaries, matching, and priors by name."""

import numpy as np
import pytest

import diph


def test_the_first_echo_of_one_pulse():
    sequence = diph.Sequence([0.5], [0.01], te=0.0, inversion=False)
    assert len(sequence) == 1 and sequence.flip_angle == [0.5] and sequence.tr == [0.01]
    assert abs(sequence.signals(1.0, 0.1)) == pytest.approx(np.sin(0.5))
    assert diph.Sequence.fisp().truncated(30).signals([1.0, 2.0], 0.1).shape == (2, 30)
    with pytest.raises(ValueError, match="T2"):
        sequence.signals(1.0, -0.1)


def test_matching_finds_what_was_put_in(dictionary, measurement):
    match = dictionary.match(measurement.tsmi)
    inside = measurement.pd != 0
    assert np.allclose(match.maps["T1"][inside], measurement.t1[inside])
    assert np.allclose(match.maps["T2"][inside], measurement.t2[inside])
    assert np.allclose(match.pd, measurement.pd, atol=1e-4)
    assert np.allclose(dictionary(measurement.tsmi), measurement.tsmi, atol=1e-4)


def test_dictionaries_go_through_arrays_and_files(dictionary, tmp_path):
    arrays = dict(lut=dictionary.lut, D=dictionary.atoms, V=dictionary.basis, normD=dictionary.norms)
    again = diph.BlochDictionary.from_arrays(**arrays, coefficients=5)
    assert len(again) == len(dictionary) and np.allclose(again.norms, dictionary.norms)
    with pytest.raises(FileNotFoundError, match="absent.npz"):
        diph.BlochDictionary.read(tmp_path / "absent.npz")
    with pytest.raises(ValueError, match="both or neither"):
        diph.BlochDictionary.simulate(diph.Sequence.fisp(), t1=[1.0])


def test_priors_by_name(complex_noise):
    prior = diph.prior("diph.total-variation", iterations=50)
    noisy = np.ones((3, 16, 16)) + 0.1 * complex_noise(3, 16, 16)
    assert np.abs(prior.denoise(noisy, 0.3) - 1).mean() < np.abs(noisy - 1).mean()
    with pytest.raises(ValueError, match="sigma"):
        prior(noisy, -1.0)
    with pytest.raises(ValueError, match="diph.wavelet"):
        diph.prior("diph.absent")
    with pytest.raises(diph.Error, match="colour"):
        diph.prior("diph.total-variation", colour=1)


def test_operators_by_name(dictionary, measurement):
    plugins = diph.plugins()
    assert {"diph.mrf-nufft", "diph.cartesian", "diph.wavelet"} <= {component.id for component in plugins.components}
    arrays = {"trajectory": measurement.trajectory, "basis": dictionary.basis}
    facts = {"image": list(measurement.shape), "fourier_scale": "twice_oversampled"}
    assert np.array_equal(plugins.operator("diph.mrf-nufft", arrays, facts)(measurement.tsmi), measurement.kspace)
    with pytest.raises(FileNotFoundError):
        diph.load_plugin("absent.so")
