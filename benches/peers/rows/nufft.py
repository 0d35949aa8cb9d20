"""The non-uniform Fourier transform and the normal operator.

Peers are timed without the temporal basis and the weights between their transforms, Diph with both.
"""

from __future__ import annotations

from collections.abc import Callable

import finufft
import numpy as np

from comparison.context import Context, Outcome
from comparison.measure import in_turns, relative_difference, seconds
from comparison.ours import Ours

TOLERANCE = 1e-3
BART_TOLERANCE = 1e-2
"""BART's transform has a fixed accuracy, about 1e-2 for noise images."""
EPS = 1e-4
NOTE = "the peer's time leaves out the temporal basis"

Array = np.ndarray


class Problem:
    """The operator in terms of plain transforms: images (K, y, x), samples (K, frame * sample)."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        self.positions: Array = arrays["positions"].reshape(-1, 2)
        self.basis: Array = arrays["basis"]
        self.scale = float(arrays["scale"])
        self.input: Array = arrays["input"]
        frames, samples, _ = arrays["positions"].shape
        self.weights: Array = arrays.get("weights", np.ones((1, samples), np.float32))
        self.shape = (frames, samples)
        self.coefficients = self.basis.shape[1]
        self.size = 230

    def contract(self, transforms: Array) -> Array:
        """Samples of the frames (frame, sample) out of the transforms of the coefficients."""
        return np.einsum("kts,tk->ts", transforms.reshape(self.coefficients, *self.shape), self.basis)

    def expand(self, samples: Array) -> Array:
        """The contraction's transpose."""
        return np.einsum("ts,tk->kts", samples, self.basis).reshape(self.coefficients, -1).astype(np.complex64)

    def between(self, transforms: Array) -> Array:
        """What stands between the two transforms of the normal operator."""
        return self.expand(self.contract(transforms) * self.weights)

    def finufft_plan(self, kind: int, threads: int) -> finufft.Plan:
        """Type 2 (images to samples) or type 1, with the signs of an adjoint pair."""
        sign = -1 if kind == 2 else 1
        modes = (self.size, self.size)
        plan = finufft.Plan(
            kind, modes, n_trans=self.coefficients, eps=EPS, isign=sign, dtype="complex64", nthreads=threads
        )
        plan.setpts(*(np.ascontiguousarray(axis, np.float32) for axis in 2 * np.pi * self.positions.T))
        return plan


def type_2(context: Context) -> Outcome:
    with Ours(context, "nufft", kind="forward", weighted=False) as ours:
        problem = Problem(ours.problem)
        plan = problem.finufft_plan(2, context.threads)
        out = np.empty((problem.coefficients, len(problem.positions)), np.complex64)
        times = in_turns(ours.run, lambda: seconds(lambda: plan.execute(problem.input, out)), context.repeats(50))
        got = ours.result()["output"].reshape(problem.shape)
    return Outcome(*times, relative_difference(got, problem.scale * problem.contract(out)), TOLERANCE, NOTE)


def type_1(context: Context) -> Outcome:
    with Ours(context, "nufft", kind="adjoint", weighted=False) as ours:
        problem = Problem(ours.problem)
        plan = problem.finufft_plan(1, context.threads)
        samples = problem.expand(problem.input.reshape(problem.shape))
        out = np.empty((problem.coefficients, problem.size, problem.size), np.complex64)
        times = in_turns(ours.run, lambda: seconds(lambda: plan.execute(samples, out)), context.repeats(50))
        got = ours.result()["output"]
    return Outcome(*times, relative_difference(got, problem.scale * out), TOLERANCE, NOTE)


def normal_finufft(context: Context) -> Outcome:
    with Ours(context, "nufft", kind="normal", weighted=True) as ours:
        problem = Problem(ours.problem)
        plans = [problem.finufft_plan(kind, context.threads) for kind in (2, 1)]
        return _pair(context, ours, problem, plans[0].execute, plans[1].execute, 50)


def normal_torchkbnufft(context: Context) -> Outcome:
    with Ours(context, "nufft", kind="normal", weighted=True) as ours:
        problem = Problem(ours.problem)
        forward, adjoint = torchkbnufft_pair(problem)
        return _pair(context, ours, problem, forward, adjoint, 3)


def torchkbnufft_pair(problem: Problem) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Forward and adjoint with the package's defaults: twice oversampled, 6 neighbours."""
    import torch
    import torchkbnufft

    size = (problem.size, problem.size)
    omega = torch.from_numpy((2 * np.pi * problem.positions.T).astype(np.float32))
    forward, adjoint = torchkbnufft.KbNufft(im_size=size), torchkbnufft.KbNufftAdjoint(im_size=size)

    def run(operator: torch.nn.Module, x: Array) -> Array:
        with torch.inference_mode():
            return operator(torch.from_numpy(x)[None], omega)[0].numpy()

    return lambda x: run(forward, x), lambda y: run(adjoint, y)


def _pair(
    context: Context,
    ours: Ours,
    problem: Problem,
    forward: Callable[[Array], Array],
    adjoint: Callable[[Array], Array],
    repeats: int,
) -> Outcome:
    samples = problem.between(forward(problem.input))
    expected = problem.scale**2 * adjoint(samples)

    def both() -> None:
        forward(problem.input)
        adjoint(samples)

    times = in_turns(ours.run, lambda: seconds(both), context.repeats(repeats))
    difference = relative_difference(ours.result()["output"], expected)
    return Outcome(*times, difference, TOLERANCE, NOTE)


def normal_bart(context: Context) -> Outcome:
    """BART has no command for the normal operator: a CG iteration is the difference of a long run and a short one."""
    from rows.bart import Bart

    few, many = (2, 12) if context.quick else (2, 42)
    with Ours(context, "nufft", kind="normal", weighted=False) as ours:
        problem = Problem(ours.problem)
        bart = Bart(context.folder / "bart", problem.positions.reshape(*problem.shape, 2), problem.basis, problem.size)
        forward = np.stack([bart.nufft(image) for image in problem.input])
        bart.write_samples(problem.contract(forward))
        adjoint = problem.finufft_plan(1, context.threads)
        # BART's transform is unitary, Diph's is scaled by `scale`.
        expected = problem.scale**2 * problem.size * adjoint.execute(problem.between(forward))

        def iteration() -> float:
            short, long = (seconds(lambda n=n: bart.pics("-l2", "-r", "0", "-i", str(n))) for n in (few, many))
            if long <= short:
                raise ValueError(
                    f"{many} iterations took {long:.2f} s, {few} took {short:.2f} s: the machine is too busy"
                )
            return (long - short) / (many - few)

        times = in_turns(ours.run, iteration, context.repeats(3), warm_ups=0 if context.quick else 1)
        difference = relative_difference(ours.result()["output"], expected)
    return Outcome(*times, difference, BART_TOLERANCE, "BART's time is that of a CG iteration")
