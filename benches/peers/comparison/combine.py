"""Several runs of the whole table as one."""

from __future__ import annotations

import statistics
from typing import Any


def combined(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """A row of all runs: medians of their medians, the smallest minimum, the largest spread and difference.

    The ratio is the median of the runs' ratios, in each of which both sides took turns; all of them are kept.
    """
    failed = [run for run in runs if "error" in run]
    if failed:
        return failed[0]
    row = dict(runs[-1])
    for key in ("ours_s", "peer_s", "ratio"):
        row[key] = statistics.median(run[key] for run in runs)
    for key in ("ours_min_s", "peer_min_s"):
        row[key] = min(run[key] for run in runs)
    for key in ("ours_spread", "peer_spread"):
        row[key] = max(run[key] for run in runs)
    if row["difference"] is not None:
        row["difference"] = max(run["difference"] for run in runs)
    if row["target"] is not None:
        row["verdict"] = "met" if row["ratio"] <= row["target"] else "missed"
    row["ratios"] = [run["ratio"] for run in runs]
    return row
