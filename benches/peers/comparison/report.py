"""`results.json` and the table of it."""

from __future__ import annotations

import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

from .install import installed_version


def results(root: Path, rows: list[dict[str, Any]], threads: int, bounds: dict[str, float]) -> dict[str, Any]:
    """The rows with all that must be known about the machine."""
    packages = ("torch", "finufft", "torchkbnufft", "mrpro", "numpy")
    commit = subprocess.run(["git", "-C", str(root), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return {
        "cpu": cpu(),
        "cores": threads,
        "bounds": bounds,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "versions": {name: installed_version(name) for name in packages},
        "rows": rows,
    }


def cpu() -> str:
    """Model and the extensions that matter."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = set(fields.get("flags", "").split())
    names = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 BF16", "amx_bf16": "AMX"}
    return ", ".join([fields.get("model name", "unknown"), *(name for flag, name in names.items() if flag in flags)])


def summary(row: dict[str, Any]) -> str:
    """A row in a line, for those who wait."""
    if "error" in row:
        return f"ERROR: {row['error']}"
    target = "" if row["target"] is None else f", target {row['target']:.3g}: {row['verdict']}"
    difference = "" if row["difference"] is None else f", difference {row['difference']:.1e}"
    also = "".join(f", {name} {duration(value)}" for name, value in row["also"].items())
    spreads = f"spread {row['ours_spread']:.0%} / {row['peer_spread']:.0%}"
    times = f"{duration(row['ours_s'])} / {duration(row['peer_s'])} (min {duration(row['ours_min_s'])} / "
    return f"{times}{duration(row['peer_min_s'])}, {spreads}) = {row['ratio']:.3g}{target}{difference}{also}"


def markdown(results: dict[str, Any], with_notes: bool = True) -> str:
    """The table, and what has to be known about its rows."""
    lines = [
        f"{results['cpu']}; {results['cores']} threads; {results['date'][:10]}. Medians; both sides in turns.",
        f"The machine: {_bounds(results['bounds'])}.",
        "",
        "| work | Diph | peer | its time | ratio | target | results differ by |",
        "|---|---|---|---|---|---|---|",
    ]
    notes: list[str] = []
    for row in results["rows"]:
        if "error" in row:
            error = row["error"].replace("|", "/").splitlines()[0]
            lines.append(f"| {row['work']} | - | {row['peer']} | - | - | {_target(row)} | {error} |")
            continue
        mark = ""
        remarks = [row["note"]] if row["note"] else []
        if row["flop"]:
            rates = (row["flop"] / row[side] / 1e9 for side in ("ours_s", "peer_s"))
            remarks.append("{:.0f} GFLOP: {:.0f} and {:.0f} GFLOP/s".format(row["flop"] / 1e9, *rates))
        remarks += [f"{name}: {duration(value)}" for name, value in row["also"].items()]
        if remarks and with_notes:
            notes.append("; ".join(remarks))
            mark = f" [{len(notes)}]"
        difference = "-" if row["difference"] is None else f"{row['difference']:.0e}"
        verdict = "" if row["verdict"] is None else f" {row['verdict']}"
        lines.append(
            f"| {row['work']}{mark} | {duration(row['ours_s'])} | {row['peer']} | {duration(row['peer_s'])} "
            f"| {_ratio(row)} | {_target(row)}{verdict} | {difference} |"
        )
    if notes:
        lines += [""] + [f"[{number}] {note}  " for number, note in enumerate(notes, start=1)]
    return "\n".join(lines) + "\n"


def _bounds(bounds: dict[str, float]) -> str:
    products = f"{bounds['gemm_f32_gflops']:.0f} GFLOP/s f32 and {bounds['gemm_bf16_gflops']:.0f} bf16"
    return f"matrix products of PyTorch {products}, memory {bounds['memory_gbs']:.0f} GB/s"


def _ratio(row: dict[str, Any]) -> str:
    """The median, then what each run had."""
    if len(row["ratios"]) == 1:
        return f"{row['ratio']:.2g}"
    return f"**{row['ratio']:.2g}** ({', '.join(f'{ratio:.2g}' for ratio in row['ratios'])})"


def _target(row: dict[str, Any]) -> str:
    return "" if row["target"] is None else f"{row['target']:.2g}"


def duration(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def write(results: dict[str, Any], folder: Path) -> None:
    """Both files, each complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "results.json", json.dumps(results, indent=2) + "\n")
    _replace(folder / "results.md", markdown(results))


def show_in(page: Path, results: dict[str, Any]) -> None:
    """Puts the table between the page's markers."""
    before, begin, rest = page.read_text().partition("<!-- peers -->\n")
    _, end, after = rest.partition("<!-- /peers -->")
    if not end:
        raise ValueError(f"{page}: expected the markers <!-- peers --> and <!-- /peers -->")
    _replace(page, f"{before}{begin}{markdown(results, with_notes=False)}{end}{after}")


def _replace(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(text)
    unfinished.replace(path)
