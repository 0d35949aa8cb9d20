"""Total variation in the temporal subspace (LRTV): whole commands, from files to files.

Both minimise `1/2 |A x - y / s|^2 + lambda sum_v |gradient of all coefficients at v|` with BART's unitary A and its
scaling s of the data. Diph's command also matches and draws the maps. BART's differences are periodic, Diph's end at
the border.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from comparison.context import Context, Outcome
from comparison.measure import in_turns, seconds
from comparison.ours import diph
from rows.bart import Bart
from rows.nufft import Problem

SIZE = 230
LAMBDA = 1e-3
ITERATIONS = 80
OBJECTIVE_TOLERANCE = 1e-3
JOINT_OVER_COEFFICIENTS = 1 << 6
"""BART's bit mask of the axis that the coefficients are on."""


def slice_of_phantom(context: Context) -> Outcome:
    folder = context.folder / "phantom"
    diph(context, "simulate", "--phantom", f"{SIZE}x{SIZE}", "--out", str(folder))
    problem, samples = read_acquisition(folder)
    bart = Bart(context.folder / "bart", problem.positions.reshape(*problem.shape, 2), problem.basis, SIZE)
    bart.write_samples(samples)
    penalty = f"T:3:{JOINT_OVER_COEFFICIENTS}:{LAMBDA}"

    def pics() -> str:
        return bart.pics("-d4", "-i", str(ITERATIONS), "-R", penalty)

    scaling = float(re.search(r"Inverse scaling of the data: ([\d.e+-]+)", pics())[1])
    objective = Objective(problem, samples / scaling, context.threads)
    # Units in which Diph's problem is BART's: its transform has half the scale, and it divides by the operator's norm.
    intensity = 2 * scaling
    settings = {
        "intensity": intensity,
        "solver.fista.lambda": LAMBDA / objective.operator_norm(),
        "solver.fista.iterations": ITERATIONS,
        "prior.options.coefficient_weights": [1] * problem.coefficients,
    }
    overrides = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    out = context.folder / "lrtv"

    def recon() -> float:
        return seconds(
            lambda: diph(context, "recon", "--dataset", str(folder), "--method", "lrtv", "--out", str(out), *overrides)
        )

    times = in_turns(recon, lambda: seconds(pics), context.repeats(3), warm_ups=0 if context.quick else 1)
    image = np.load(out / "vol0_slice0" / "tsmi.npz")["tsmi"].reshape(bart.reconstruction().shape)
    own, other = objective(image / intensity), objective(bart.reconstruction())
    note = f"objective {own:.4g}, BART's {other:.4g}; the difference is how much higher Diph's is; whole commands"
    return Outcome(*times, max(own - other, 0) / other, OBJECTIVE_TOLERANCE, note)


def read_acquisition(folder: Path) -> tuple[Problem, np.ndarray]:
    """The operator and the samples (frame, sample) of the data folder's first slice."""
    dictionary = loadmat(folder / "acquisition" / "SVD_dict_FISP_cut3.mat")["dict"][0, 0]
    samples = np.load(folder / "synthesized_ksp" / "ksp_vol0_slice0_cut3.npz")["y"][0, 0]
    frames, length = samples.shape
    interleaves = loadmat(folder / "acquisition" / "traj_dcf.mat")["traj"].reshape(-1, length, 2)
    arrays = {
        "positions": interleaves[np.arange(frames) % len(interleaves)],
        "basis": dictionary["V"][:, :5].astype(np.float32),
        "scale": np.array(1 / SIZE),
        "input": samples,
    }
    return Problem(arrays), samples


class Objective:
    """What both minimise."""

    def __init__(self, problem: Problem, samples: np.ndarray, threads: int) -> None:
        self.problem = problem
        self.samples = samples
        self.plans = [problem.finufft_plan(kind, threads) for kind in (1, 2)]

    def __call__(self, image: np.ndarray) -> float:
        residual = self._forward(image) - self.samples
        return 0.5 * float(np.sum(np.abs(residual) ** 2, dtype=np.float64)) + LAMBDA * total_variation(image)

    def operator_norm(self) -> float:
        """`|A^H A|` by power iteration."""
        shape = (self.problem.coefficients, SIZE, SIZE)
        x = np.random.default_rng(1).standard_normal(shape).astype(np.complex64)
        for _ in range(20):
            x = x / np.linalg.norm(x)
            x = self.problem.scale * self.plans[0].execute(self.problem.expand(self._forward(x)))
        return float(np.linalg.norm(x))

    def _forward(self, image: np.ndarray) -> np.ndarray:
        transforms = self.plans[1].execute(np.ascontiguousarray(image, np.complex64))
        return self.problem.scale * self.problem.contract(transforms)


def total_variation(image: np.ndarray) -> float:
    """Isotropic, joint over the coefficients, no difference across the border."""
    along_y = np.diff(image, axis=1, append=image[:, -1:])
    along_x = np.diff(image, axis=2, append=image[:, :, -1:])
    squares = np.sum(np.abs(along_y) ** 2 + np.abs(along_x) ** 2, axis=0, dtype=np.float64)
    return float(np.sum(np.sqrt(squares)))
