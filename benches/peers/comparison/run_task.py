"""One line of the table, in a process of its own."""

from __future__ import annotations

import importlib
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from .context import Context, Outcome, Task


def run_task(task: Task, context: Context, failures: dict[str, str]) -> dict[str, Any]:
    """The row as it stands in `results.json`. Thread pools, memory and crashes of a peer end with its process."""
    row: dict[str, Any] = {"row": task.row, "work": task.work, "peer": task.peer, "target": task.target}
    try:
        outcome = run_apart(_call, task.function, context)
    except Exception as error:  # Whatever goes wrong in one row, the others are worth having.
        return row | {"error": _explained(error, failures)}
    return row | _measured(task, outcome)


def run_apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function gives back, computed in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as pool:
        return pool.submit(function, *arguments).result()


def _call(function: str, context: Context) -> Outcome:
    module, name = function.split(":")
    return getattr(importlib.import_module(f"rows.{module}"), name)(context)


def _explained(error: Exception, failures: dict[str, str]) -> str:
    message = f"{type(error).__name__}: {error}"
    missing = getattr(error, "name", None) or getattr(error, "filename", None)
    if missing in failures:
        message += f" (its installation failed: {failures[missing]})"
    return message


def _measured(task: Task, outcome: Outcome) -> dict[str, Any]:
    difference = outcome.difference
    # Written so that a difference that is not a number fails too.
    if difference is not None and not difference <= outcome.tolerance:
        return {"error": f"the results differ by {difference:.1e}, at most {outcome.tolerance:.0e} is allowed"}
    ours, peer = outcome.ours, outcome.peer
    ratio = ours.median / peer.median
    verdict = None if task.target is None else "met" if ratio <= task.target else "missed"
    return {
        "ours_s": ours.median,
        "peer_s": peer.median,
        "ratio": ratio,
        "verdict": verdict,
        "difference": difference,
        "repeats": len(ours.samples),
        "ours_min_s": ours.minimum,
        "ours_spread": ours.spread,
        "peer_min_s": peer.minimum,
        "peer_spread": peer.spread,
        "note": outcome.note,
        "also": outcome.also,
        "flop": outcome.flop,
    }
