"""Whole reconstructions, and the command line beside them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import diph

STEPS = {"solver.fista.iterations": 6}


def run(measurement, dictionary, method="lrtv", **more):
    return diph.reconstruct(measurement.kspace, measurement.trajectory, dictionary, method, shape=measurement.shape, **more)


def cli(*words, folder=None, check=True):
    done = subprocess.run([sys.executable, "-m", "diph", *map(str, words)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 or not check, done.stderr
    return done


def test_maps_metrics_provenance(measurement, dictionary, tmp_path):
    steps = []
    reference = {"t1": measurement.t1, "t2": measurement.t2, "pd": measurement.pd}
    result = run(measurement, dictionary, reference=reference, progress=lambda *told: steps.append(told), seed=3, **STEPS)
    assert result.t1.shape == measurement.shape and result.tsmi.shape == (5, *measurement.shape)
    assert [step[:2] for step in steps] == [(i, 6) for i in range(1, 7)] and result.iterations == 6
    assert result.metrics["t1_mape_percent"] < 20
    assert result.provenance["seed"] == 3 and result.provenance["configuration"]["solver"]["fista"]["iterations"] == 6
    assert result._repr_html_().startswith("<figure><img") and "lrtv" in repr(result)
    paths = result.to_nifti(tmp_path / "maps", voxel_size=(5, 1, 1))
    assert [path.name for path in paths] == ["T1map.nii.gz", "T2map.nii.gz", "M0map.nii.gz"] and all(path.stat().st_size > 348 for path in paths)


def test_the_same_maps_as_the_command_line(tmp_path):
    loadmat = pytest.importorskip("scipy.io").loadmat
    cli("simulate", "--phantom", 40, "--slices", 0, "--cut", 4, "--samples", 300, "--out", "data", folder=tmp_path)
    cli("recon", "--dataset", "data", "--cut", 4, "--slices", 0, "--method", "lrtv", "--set", "solver.fista.iterations=6", "--out", "out", folder=tmp_path)
    expected = np.load(tmp_path / "out/vol0_slice0/maps.npz")
    kspace = np.load(tmp_path / "data/synthesized_ksp/ksp_vol0_slice0_cut4.npz")["y"]
    measured = loadmat(tmp_path / "data/acquisition/traj_dcf.mat")
    weights = measured["dcf"].reshape(1, -1)
    trajectory = measured["traj"].reshape(-1, weights.size, 2)
    dictionary = diph.BlochDictionary.read(tmp_path / "data/acquisition/SVD_dict_FISP_cut4.mat")
    found = diph.reconstruct(kspace[0], trajectory, dictionary, "lrtv", shape=(40, 40), weights=weights, **STEPS)
    for name in ("T1", "T2", "PD"):
        assert np.array_equal(getattr(found, name.lower()), expected[name]), name


def test_what_makes_no_sense_is_said(measurement, dictionary):
    with pytest.raises(FileNotFoundError, match="no-such-method"):
        run(measurement, dictionary, "no-such-method")
    with pytest.raises(ValueError, match="iterations"):
        run(measurement, dictionary, **{"solver.fista.iterations": "many"})
    with pytest.raises(ValueError, match="k-space|expected"):
        diph.reconstruct(measurement.kspace[:, :, 1:], measurement.trajectory, dictionary, shape=measurement.shape)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        run(measurement, dictionary, plugin_dirs=["nowhere"])


def test_a_python_prior(measurement, dictionary):
    seen = []

    def smaller(noisy, sigma, seed):
        seen.append((noisy.shape, noisy.dtype, sigma, seed))
        return 0.9 * noisy

    first = run(measurement, dictionary, prior=smaller, **STEPS)
    assert seen[0][:2] == ((5, *measurement.shape), np.complex64) and len(seen) >= 6
    assert first.provenance["configuration"]["prior"] == {"python": "smaller"}
    again = run(measurement, dictionary, prior=smaller, **STEPS)
    assert np.array_equal(first.tsmi, again.tsmi)
    by_name = run(measurement, dictionary, prior=diph.prior("diph.total-variation"), **STEPS)
    assert np.isfinite(by_name.tsmi).all()


def test_what_a_python_prior_does_wrong_is_said(measurement, dictionary):
    def fails(noisy, sigma):
        raise LookupError("no weights here")

    with pytest.raises(LookupError, match="no weights here") as caught:
        run(measurement, dictionary, prior=fails)
    assert any(entry.name == "fails" for entry in caught.traceback)
    for wrong, words in [(lambda x, s: x[:1], "expected an image of shape"), (lambda x, s: x * np.nan, "finite"), (lambda x, s: "x", "expected an image of shape")]:
        with pytest.raises((ValueError, TypeError), match=words):
            run(measurement, dictionary, prior=wrong)
    with pytest.raises(TypeError, match="expected a function"):
        run(measurement, dictionary, prior=3)


class Annealed:
    def noise_schedule(self, steps):
        return [(10 * i, 0.999 - 0.9 * i / steps) for i in range(steps)]

    def denoise(self, noisy, sigma, abar, low_res=None):
        assert abs(sigma - np.sqrt((1 - abar) / abar)) < 1e-3 * sigma + 1e-6
        return noisy / (1 + sigma**2)


def test_an_annealed_python_prior(measurement, dictionary):
    result = run(measurement, dictionary, "mrf-diph-unconditional", prior=Annealed())
    assert np.isfinite(result.tsmi).all()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_ends_a_run(measurement, dictionary):
    started = time.monotonic()
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        run(measurement, dictionary, **{"solver.fista.iterations": 1_000_000})
    assert time.monotonic() - started < 10


def test_the_command_line_is_inside(tmp_path):
    assert diph.__version__ in cli("--version").stdout
    assert cli("recon", "--method", "x", check=False).returncode == 2
    assert cli("info", tmp_path / "absent.npz", check=False).returncode == 3
    recorded = json.loads(cli("--json", "plugin", "list").stdout)
    assert "diph.mrf-nufft" in json.dumps(recorded)
