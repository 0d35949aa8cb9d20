#!/usr/bin/env python3
"""Draws where Diph's side of the table spends its time, a flame graph for each work. Needs `perf`."""

from __future__ import annotations

import argparse
import collections
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from comparison import install
from comparison.context import Context

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 6.0
"""Of work in a profile."""
FREQUENCY = 199
STACK = 32768
"""Bytes of the stack that a sample keeps: recursion of the thread pool is deep."""
WORK = re.compile(r"^<*&?(diph_|rustfft|gemm)")
"""Frames of the work; the others say how it came to run on a thread."""
DETAIL = re.compile(r"(_(avx|fma|gfni|sse|vaes|vpcl)\w*_version)?(::h[0-9a-f]{16})?$")
"""Ends of names: instruction sets of a function's version, hashes."""


def works() -> dict[str, tuple[str, dict[str, Any]]]:
    """Name of the picture, then the work and its options as in the rows of the table."""
    from rows import training, unet

    networks = {"unet": unet.PUBLISHED, "unet-small": unet.SMALL}
    step = {"model": unet.model(training.NETWORK), "learning_rate": training.LEARNING_RATE}
    step["weight_decay"] = training.WEIGHT_DECAY
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for precision in ("f32", "bf16"):
        for name, config in networks.items():
            found[f"{name}-{precision}"] = ("unet-forward", {"model": unet.model(config), "precision": precision})
        found[f"training-{precision}"] = ("unet-training", {**step, "precision": precision})
    for kind in ("forward", "adjoint", "normal"):
        found[f"nufft-{kind}"] = ("nufft", {"kind": kind, "weighted": kind == "normal"})
    return found | {"matching": ("matching", {"grid": "large"}), "epg": ("epg", {"stride": 20})}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--works", metavar="A,B", help="only these")
    parser.add_argument("--profile", default="release", help="cargo profile")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=ROOT / "target" / "flame-graphs", help="folder of the pictures")
    options = parser.parse_args()
    install.enter_environment(ROOT / "target" / "peers-venv")
    install.peers(Path(__file__).with_name("requirements.txt"))
    tools = ROOT / "target" / "inferno"
    if not (tools / "bin" / "inferno-flamegraph").exists():
        subprocess.run(["cargo", "install", "--quiet", "--root", str(tools), "inferno"], check=True)
    binaries = install.build_diph(ROOT, options.profile)
    os.environ |= {"RAYON_NUM_THREADS": str(options.threads)}
    os.environ["PATH"] = f"{tools / 'bin'}:{os.environ['PATH']}"
    options.out.mkdir(parents=True, exist_ok=True)
    all_works = works()
    for name in options.works.split(",") if options.works else all_works:
        with tempfile.TemporaryDirectory(prefix="diph-flame-") as folder:
            context = Context(binaries, Path(folder), options.threads, quick=False)
            stacks = profile(context, *all_works[name])
        (options.out / f"{name}.svg").write_text(drawn(stacks, name))
        print(f"{name}: {shares(stacks)}", flush=True)


def profile(context: Context, work: str, options: dict[str, Any]) -> str:
    """Samples of some seconds of the work, folded to a line for each stack; its set-up is not in it."""
    from comparison.ours import Ours

    data = context.folder / "perf.data"
    with Ours(context, work, **options) as ours:
        ours.run()
        record = ["perf", "record", "--quiet", "-F", str(FREQUENCY), "--call-graph", f"dwarf,{STACK}"]
        perf = subprocess.Popen([*record, "-o", str(data), "-p", str(ours.process_id)], stderr=subprocess.DEVNULL)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            ours.run()
        perf.send_signal(signal.SIGINT)
        perf.wait()
    script = subprocess.run(["perf", "script", "--no-inline", "-i", str(data)], capture_output=True, check=True).stdout
    folded = subprocess.run(["inferno-collapse-perf"], input=script, capture_output=True, check=True).stdout.decode()
    return "\n".join(without_plumbing(line) for line in folded.splitlines())


def without_plumbing(line: str) -> str:
    """A folded stack without the thread pool's and the standard library's frames, except for one on top."""
    stack, _, count = line.rpartition(" ")
    process, *frames = stack.split(";")
    kept = [DETAIL.sub("", frame) for frame in frames[:-1] if WORK.search(frame)]
    return ";".join([process, *kept, *(DETAIL.sub("", frame) for frame in frames[-1:])]) + f" {count}"


def drawn(stacks: str, name: str) -> str:
    command = ["inferno-flamegraph", "--title", name, "--minwidth", "0.5", "--hash"]
    return subprocess.run(command, input=stacks.encode(), capture_output=True, check=True).stdout.decode()


def shares(stacks: str) -> str:
    """The functions on top of the stacks that take more than a fiftieth each."""
    samples: collections.Counter[str] = collections.Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        samples[stack.rsplit(";", 1)[-1]] += int(count)
    total = samples.total()
    return ", ".join(f"{name} {count / total:.0%}" for name, count in samples.most_common() if count > total / 50)


if __name__ == "__main__":
    main()
