"""A training step: forward, backward of the mean squared error, AdamW."""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from comparison.context import Context, Outcome
from comparison.measure import in_turns, relative_difference, seconds
from comparison.ours import Ours
from rows.unet import load_network, model, precision_name

NETWORK = {
    "image_size": 224,
    "patch": 2,
    "coefficients": 5,
    "model_channels": 64,
    "channel_mult": [1, 2, 2, 3],
    "num_res_blocks": 1,
    "num_heads": 4,
    "attention_resolutions": [14],
    "learn_sigma": False,
}
LEARNING_RATE = 1e-4
WEIGHT_DECAY = 0.01
COMPARED = 3
"""Steps of which the losses are compared. From the second on they depend on every gradient; later, rounding grows."""
TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 5e-2}


def f32(context: Context) -> Outcome:
    return _step(context, torch.float32)


def bf16(context: Context) -> Outcome:
    return _step(context, torch.bfloat16)


def _step(context: Context, dtype: torch.dtype) -> Outcome:
    options = {"learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY, "precision": precision_name(dtype)}
    with Ours(context, "unet-training", model=model(NETWORK), **options) as ours:
        peer = TorchTraining(ours)
        with FlopCounterMode(display=False) as counter:
            peer.run(dtype)
        flop = float(counter.get_total_flops())
        times = in_turns(ours.run, lambda: peer.run(dtype), context.repeats(15))
        losses = ours.result()["losses"][:COMPARED]
        also = {}
        if dtype == torch.float32:
            also["PyTorch bf16 autocast"] = min(peer.run(torch.bfloat16) for _ in range(context.repeats(5)))
    fall = (losses[0] - losses[-1]) / losses[0]
    note = f"losses of the first {COMPARED} steps compared, over which they fall by {fall:.0%}"
    difference = relative_difference(losses, np.array(peer.losses[:COMPARED]))
    return Outcome(*times, difference, TOLERANCES[dtype], note, also, flop)


class TorchTraining:
    """PyTorch's side: the same weights, image and target; the fused optimiser."""

    def __init__(self, ours: Ours) -> None:
        self.network = load_network(NETWORK, ours.folder / "weights.safetensors").train()
        self.network = self.network.to(memory_format=torch.channels_last)
        parameters = self.network.parameters()
        self.optimiser = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
        self.x = torch.from_numpy(ours.problem["x"])
        self.target = torch.from_numpy(ours.problem["target"])
        self.timesteps = torch.tensor([float(ours.problem["timestep"])])
        self.losses: list[float] = []

    def run(self, dtype: torch.dtype) -> float:
        return seconds(lambda: self._step(dtype))

    def _step(self, dtype: torch.dtype) -> None:
        mixed = torch.autocast("cpu", dtype=dtype) if dtype != torch.float32 else contextlib.nullcontext()
        self.optimiser.zero_grad(set_to_none=True)
        with mixed:
            y = self.network(self.x, self.timesteps)
        loss = functional.mse_loss(y.float(), self.target)
        loss.backward()
        self.optimiser.step()
        self.losses.append(loss.item())
