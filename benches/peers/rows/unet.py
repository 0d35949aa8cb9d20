"""A forward pass of the network on one image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

from comparison.context import Context, Outcome
from comparison.measure import in_turns, relative_difference, seconds
from comparison.ours import Ours
from rows.guided_unet import GuidedUNet

PUBLISHED = {
    "image_size": 224,
    "patch": 1,
    "coefficients": 5,
    "model_channels": 128,
    "channel_mult": [1, 1, 2, 2, 4, 4],
    "num_res_blocks": 2,
    "num_heads": 4,
    "attention_resolutions": [28, 14, 7],
    "learn_sigma": True,
}
SMALL = PUBLISHED | {"model_channels": 32}
TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 5e-2}


def published_f32(context: Context) -> Outcome:
    return _forward(context, PUBLISHED, torch.float32, 7)


def published_bf16(context: Context) -> Outcome:
    return _forward(context, PUBLISHED, torch.bfloat16, 7)


def small_f32(context: Context) -> Outcome:
    return _forward(context, SMALL, torch.float32, 15)


def small_bf16(context: Context) -> Outcome:
    return _forward(context, SMALL, torch.bfloat16, 15)


class TorchForward:
    """PyTorch's side: the same weights on the same image."""

    def __init__(self, ours: Ours, config: dict[str, Any]) -> None:
        self.network = load_network(config, ours.folder / "weights.safetensors")
        self.x = torch.from_numpy(ours.problem["x"])
        self.timesteps = torch.tensor([float(ours.problem["timestep"])])
        self.y = torch.empty(0)

    def use(self, dtype: torch.dtype, memory_format: torch.memory_format) -> None:
        self.network = self.network.to(dtype=dtype, memory_format=memory_format)
        self.x = self.x.to(dtype=dtype, memory_format=memory_format)

    def use_fastest_format(self, dtype: torch.dtype) -> str:
        """Whichever memory format is the faster one here; its name."""
        taken = {}
        for memory_format in (torch.contiguous_format, torch.channels_last):
            self.use(dtype, memory_format)
            self.run()
            taken[memory_format] = self.run()
        fastest = min(taken, key=lambda memory_format: taken[memory_format])
        self.use(dtype, fastest)
        return str(fastest).removeprefix("torch.")

    def run(self) -> float:
        return seconds(self._forward)

    def _forward(self) -> None:
        with torch.inference_mode():
            self.y = self.network(self.x, self.timesteps)

    def flop(self) -> float:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            self.network(self.x, self.timesteps)
        return float(counter.get_total_flops())

    def result(self) -> np.ndarray:
        return self.y.float().numpy()


def load_network(config: dict[str, Any], weights: Path) -> GuidedUNet:
    network = GuidedUNet(config)
    network.load_state_dict(load_file(weights))
    return network.eval()


def model(config: dict[str, Any]) -> dict[str, Any]:
    """Diph's configuration of a whole model."""
    return {"unet": config, "diffusion": {"variance": "learned_range" if config["learn_sigma"] else "fixed_large"}}


def precision_name(dtype: torch.dtype) -> str:
    return "f32" if dtype == torch.float32 else "bf16"


def _forward(context: Context, config: dict[str, Any], dtype: torch.dtype, repeats: int) -> Outcome:
    with Ours(context, "unet-forward", model=model(config), precision=precision_name(dtype)) as ours:
        peer = TorchForward(ours, config)
        memory_format = peer.use_fastest_format(dtype)
        flop = peer.flop()
        times = in_turns(ours.run, peer.run, context.repeats(repeats))
        difference = relative_difference(ours.result()["y"], peer.result())
        also = {}
        if dtype == torch.float32:
            peer.use(torch.bfloat16, torch.channels_last)
            peer.run()
            also["PyTorch bf16, channels last"] = min(peer.run() for _ in range(context.repeats(3)))
    note = f"PyTorch in {memory_format}, its faster one"
    return Outcome(*times, difference, TOLERANCES[dtype], note, also, flop)
