"""A whole MRF-DiPh slice with random weights, as long as with trained ones.

Diph's side is its command, from files to files. The peer's time is no run but a sum of measured parts, those of a loop
in Python: for each step a UNet in PyTorch, CG steps with torchkbnufft, all products of the matching in PyTorch.
"""

from __future__ import annotations

from comparison.context import Context, Outcome, Timing
from comparison.measure import seconds
from comparison.ours import Ours, diph
from rows.lrtv import SIZE, read_acquisition
from rows.matching import seconds_per_slice, voxels_of
from rows.nufft import torchkbnufft_pair
from rows.unet import PUBLISHED, TorchForward, model

STEPS = 30
CG_STEPS = 5
METHOD = "mrf-diph-unconditional"


def whole_slice(context: Context) -> Outcome:
    import torch

    folder = context.folder / "phantom"
    diph(context, "simulate", "--phantom", f"{SIZE}x{SIZE}", "--out", str(folder))
    with Ours(context, "unet-forward", model=model(PUBLISHED), precision="f32") as ours:
        checkpoint = ours.folder / "weights.safetensors"
        command = ["recon", "--dataset", str(folder), "--method", METHOD, "--out", str(context.folder / "out")]
        command += ["--set", f"prior.options.checkpoint={checkpoint}"]
        own = Timing([seconds(lambda: diph(context, *command)) for _ in range(1 if context.quick else 2)])
        peer = TorchForward(ours, PUBLISHED)
        peer.use_fastest_format(torch.float32)
        network = min(peer.run() for _ in range(3))
    with Ours(context, "matching", grid="brain") as ours:
        matching = seconds_per_slice(voxels_of(ours.problem["image"]), ours.problem["atoms"]).minimum
    problem, samples = read_acquisition(folder)
    forward, adjoint = torchkbnufft_pair(problem)
    image = adjoint(problem.expand(samples))
    normal = min(seconds(lambda: adjoint(forward(image))) for _ in range(3))
    total = STEPS * (network + CG_STEPS * normal + matching)
    parts = f"{network:.2f} s UNet + {CG_STEPS} x {normal:.2f} s normal operator + {matching:.1f} s matching"
    note = f"the peer's time is a sum of parts: {STEPS} x ({parts})"
    return Outcome(own, Timing([total]), None, 0.0, note)
