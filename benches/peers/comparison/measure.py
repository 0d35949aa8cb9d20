"""Timing in turns, and comparing results."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from .context import Timing

PAUSE_S = 0.05
"""Between turns, so that no thread pool still spins while the other side works."""


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def in_turns(
    ours: Callable[[], float], peer: Callable[[], float], repeats: int, warm_ups: int = 1
) -> tuple[Timing, Timing]:
    """Ours, peer, ours, peer, ...; both say themselves how many seconds they took."""
    samples: tuple[list[float], list[float]] = ([], [])
    for repeat in range(-warm_ups, repeats):
        for side, kept in zip((ours, peer), samples, strict=True):
            time.sleep(PAUSE_S)
            taken = side()
            if repeat >= 0:
                kept.append(taken)
    return Timing(samples[0]), Timing(samples[1])


def relative_difference(got: np.ndarray, expected: np.ndarray) -> float:
    """`|got - expected| / |expected|`; not a number where either is not."""
    if got.shape != expected.shape:
        raise ValueError(f"shapes differ: {got.shape} and {expected.shape}")
    return float(np.linalg.norm((got - expected).ravel()) / np.linalg.norm(expected.ravel()))
