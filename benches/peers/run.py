#!/usr/bin/env python3
"""Times Diph beside the software that a user would otherwise run, on one machine and in turns. See README.md."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from comparison import install, machine, report
from comparison.combine import combined
from comparison.context import Context
from comparison.run_task import run_apart, run_task
from rows import TASKS

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "benches" / "peers"
"""Where results go that the repository shows."""


def arguments() -> argparse.Namespace:
    names = list(dict.fromkeys(task.row for task in TASKS))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", metavar="A,B", help=f"only these rows, of {', '.join(names)}")
    parser.add_argument(
        "--quick", action="store_true", help="two repeats of everything: checks the results, not the speed"
    )
    parser.add_argument("--runs", type=int, default=3, help="times that everything is run; medians are shown")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="threads of either side")
    parser.add_argument("--profile", default="release", help="cargo profile of Diph's side")
    parser.add_argument("--out", type=Path, help="folder for results.json and results.md")
    parsed = parser.parse_args()
    parsed.rows = parsed.rows.split(",") if parsed.rows else names
    unknown = [name for name in parsed.rows if name not in names]
    if unknown:
        parser.error(f"--rows: no row {', '.join(unknown)}; there are {', '.join(names)}")
    if parsed.threads < 1:
        parser.error("--threads: expected at least 1")
    if parsed.runs < 1:
        parser.error("--runs: expected at least 1")
    parsed.runs = 1 if parsed.quick else parsed.runs
    partial = parsed.quick or parsed.rows != names
    # What stands in the repository is always a whole table at full length.
    parsed.out = parsed.out or (ROOT / "target" / "peers" if partial else PUBLISHED)
    return parsed


def timed_rows(options: argparse.Namespace, binaries: Path, failures: dict[str, str]) -> list[dict[str, Any]]:
    """Every chosen row once."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="diph-peers-") as folder:
        for number, task in enumerate(task for task in TASKS if task.row in options.rows):
            print(f"{task.work} | {task.peer} ...", flush=True)
            own = Path(folder) / str(number)
            own.mkdir()
            row = run_task(task, Context(binaries, own, options.threads, options.quick), failures)
            rows.append(row)
            print(f"  {report.summary(row)}", flush=True)
    return rows


def main() -> int:
    options = arguments()
    install.enter_environment(ROOT / "target" / "peers-venv")
    failures = install.peers(Path(__file__).with_name("requirements.txt"))
    binaries = install.build_diph(ROOT, options.profile)
    # Read by the peers' thread pools when they are loaded, and by Diph's.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS"), str(options.threads))
    os.environ["PYTHONWARNINGS"] = "ignore::FutureWarning"
    bounds = run_apart(machine.bounds, options.threads)
    print(", ".join(f"{name} {value:.0f}" for name, value in bounds.items()), flush=True)
    runs = [timed_rows(options, binaries, failures) for _ in range(options.runs)]
    rows = [combined(list(run)) for run in zip(*runs, strict=True)]
    results = report.results(ROOT, rows, options.threads, bounds)
    print(f"\n{report.markdown(results)}")
    report.write(results, options.out)
    failed = any("error" in row for row in rows)
    if options.out == PUBLISHED and not failed:
        report.show_in(ROOT / "README.md", results)
    print(f"written to {options.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
