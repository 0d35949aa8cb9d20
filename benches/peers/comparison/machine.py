"""What this machine can do at most: the bounds that the rows are held against."""

from __future__ import annotations

from collections.abc import Callable

SIZE = 2048
"""Rows and columns of the factors: far beyond the caches, long enough to reach the peak."""
VALUES = 1 << 26
"""Of a vector, 256 MiB."""
REPEATS = 9


def bounds(threads: int) -> dict[str, float]:
    """Matrix products of PyTorch (oneDNN) in GFLOP/s, and the bandwidth of memory in GB/s."""
    import torch

    torch.set_num_threads(threads)
    bounds = {}
    for name, dtype in (("gemm_f32_gflops", torch.float32), ("gemm_bf16_gflops", torch.bfloat16)):
        a, b = torch.randn(2, SIZE, SIZE).to(dtype)
        bounds[name] = 2 * SIZE**3 / _fastest(lambda a=a, b=b: a @ b) / 1e9
    x, y, sums = torch.ones(3, VALUES)
    # Two vectors are read, one is written.
    bounds["memory_gbs"] = 3 * 4 * VALUES / _fastest(lambda: torch.add(x, y, out=sums)) / 1e9
    return bounds


def _fastest(work: Callable[[], object]) -> float:
    # As torch above, numpy is there only in the environment that the script makes for itself.
    from .measure import seconds

    work()
    return min(seconds(work) for _ in range(REPEATS))
