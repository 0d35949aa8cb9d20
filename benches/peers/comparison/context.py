"""What a comparison is given, and what it gives back."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """One line of the table."""

    row: str
    work: str
    peer: str
    target: float | None
    """The largest ratio of Diph's time to the peer's that is good enough; None where the line is information."""
    function: str
    """`module:function` in `rows`, which takes a Context and returns an Outcome."""


@dataclass(frozen=True)
class Context:
    """Where things are and how thorough to be."""

    binaries: Path
    folder: Path
    threads: int
    quick: bool

    def repeats(self, number: int) -> int:
        return 2 if self.quick else number


@dataclass(frozen=True)
class Timing:
    """Seconds of every repeat."""

    samples: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def minimum(self) -> float:
        return min(self.samples)

    @property
    def spread(self) -> float:
        """From the fastest to the slowest, as a share of the median."""
        return (max(self.samples) - min(self.samples)) / self.median


@dataclass(frozen=True)
class Outcome:
    """Times of both sides, and how far their results lie apart."""

    ours: Timing
    peer: Timing
    difference: float | None
    """Relative difference of the results; None where the peer's time is a sum of parts without a result."""
    tolerance: float
    note: str = ""
    also: dict[str, float] = field(default_factory=dict)
    """Seconds of further variants of the peer, as information."""
    flop: float | None = None
    """Floating-point operations of the work in the direct way, which the peer counts; None where it says little."""
