"""The network of guided-diffusion (Dhariwal & Nichol 2021) in PyTorch, with the parameter names of its state dicts."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class ResBlock(nn.Module):
    """Two convolutions with the timestep as scale and shift between them; resampling inside where asked for."""

    def __init__(self, inputs: int, outputs: int, embedding: int, resample: str | None = None) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(nn.GroupNorm(32, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * outputs))
        last = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.out_layers = nn.Sequential(nn.GroupNorm(32, outputs), nn.SiLU(), nn.Identity(), last)
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        self.resample = resample

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.in_layers[1](self.in_layers[0](x))
        if self.resample == "down":
            h, x = functional.avg_pool2d(h, 2), functional.avg_pool2d(x, 2)
        elif self.resample == "up":
            h, x = functional.interpolate(h, scale_factor=2.0), functional.interpolate(x, scale_factor=2.0)
        h = self.in_layers[2](h)
        scale, shift = self.emb_layers(embedding)[..., None, None].chunk(2, dim=1)
        h = self.out_layers[0](h) * (1 + scale) + shift
        return self.skip_connection(x) + self.out_layers[1:](h)


class AttentionBlock(nn.Module):
    """Self-attention over pixels; channels of `qkv` are sorted by head first."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)
        self.heads = heads

    def forward(self, x: Tensor, _: Tensor) -> Tensor:
        flat = x.flatten(2)
        split = self.qkv(self.norm(flat)).unflatten(1, (self.heads, -1)).transpose(2, 3)
        h = functional.scaled_dot_product_attention(*split.chunk(3, dim=-1))
        return x + self.proj_out(h.transpose(2, 3).flatten(1, 2)).view_as(x)


class Conv(nn.Conv2d):
    """A convolution among the blocks, which have no use for the timestep all."""

    def forward(self, x: Tensor, _: Tensor) -> Tensor:
        return super().forward(x)


class GuidedUNet(nn.Module):
    """The unconditional network with scale-shift normalisation and resampling in residual blocks.

    `config` is Diph's: `image_size`, `patch`, `coefficients`, `model_channels`, `channel_mult`, `num_res_blocks`,
    `num_heads`, `attention_resolutions`, `learn_sigma`.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.channels, self.patch = config["model_channels"], config["patch"]
        embedding = 4 * self.channels
        levels = [multiplier * self.channels for multiplier in config["channel_mult"]]
        attended = [config["image_size"] // self.patch // size for size in config["attention_resolutions"]]
        inputs = 2 * config["coefficients"] * self.patch**2
        blocks = config["num_res_blocks"]

        def attention(level: int) -> list[nn.Module]:
            return [AttentionBlock(levels[level], config["num_heads"])] if 2**level in attended else []

        linears = [nn.Linear(self.channels, embedding), nn.SiLU(), nn.Linear(embedding, embedding)]
        self.time_embed = nn.Sequential(*linears)
        down: list[list[nn.Module]] = [[Conv(inputs, levels[0], 3, padding=1)]]
        skips = [channels := levels[0]]
        for level, outputs in enumerate(levels):
            for _ in range(blocks):
                down.append([ResBlock(channels, outputs, embedding), *attention(level)])
                skips.append(channels := outputs)
            if level + 1 < len(levels):
                down.append([ResBlock(channels, channels, embedding, "down")])
                skips.append(channels)
        middle = [
            ResBlock(channels, channels, embedding),
            AttentionBlock(channels, config["num_heads"]),
            ResBlock(channels, channels, embedding),
        ]
        up: list[list[nn.Module]] = []
        for level, outputs in reversed(list(enumerate(levels))):
            for block in range(blocks + 1):
                layers = [ResBlock(channels + skips.pop(), outputs, embedding), *attention(level)]
                channels = outputs
                if level and block == blocks:
                    layers.append(ResBlock(channels, channels, embedding, "up"))
                up.append(layers)
        self.input_blocks = nn.ModuleList(nn.ModuleList(layers) for layers in down)
        self.middle_block = nn.ModuleList(middle)
        self.output_blocks = nn.ModuleList(nn.ModuleList(layers) for layers in up)
        outputs = inputs * (2 if config["learn_sigma"] else 1)
        self.out = nn.Sequential(nn.GroupNorm(32, channels), nn.SiLU(), nn.Conv2d(channels, outputs, 3, padding=1))

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        embedding = self.time_embed(self._waves(timesteps).to(x.dtype))
        h = functional.pixel_unshuffle(x, self.patch)
        skips = []
        for layers in self.input_blocks:
            h = _through(layers, h, embedding)
            skips.append(h)
        h = _through(self.middle_block, h, embedding)
        for layers in self.output_blocks:
            h = _through(layers, torch.cat([h, skips.pop()], dim=1), embedding)
        return functional.pixel_shuffle(self.out(h), self.patch)

    def _waves(self, timesteps: Tensor) -> Tensor:
        half = self.channels // 2
        angles = timesteps[:, None].float() * torch.exp(-math.log(10_000) * torch.arange(half) / half)
        return torch.cat([angles.cos(), angles.sin()], dim=-1)


def _through(layers: nn.ModuleList, h: Tensor, embedding: Tensor) -> Tensor:
    for layer in layers:
        h = layer(h, embedding)
    return h
