"""The table: what is compared with what, and how fast Diph has to be."""

from comparison.context import Task
from comparison.report import cpu

_NUFFT = "K=5, 230 x 230, 184,000 spiral points, eps 1e-4"
_EPG = "dictionary: EPG, 94,777 atoms x 1000 frames"
_BF16_TARGET = 0.6 if "AMX" in cpu() else 1.0
"""What is asked for holds where the processor multiplies matrices of bf16."""
_NORMAL = f"normal operator, {_NUFFT}"

TASKS = [
    Task("unet", "UNet forward, 138 M parameters, 224 x 224, f32", "PyTorch f32", 1.0, "unet:published_f32"),
    Task(
        "unet", "UNet forward, 138 M parameters, 224 x 224, bf16", "PyTorch bf16", _BF16_TARGET, "unet:published_bf16"
    ),
    Task("unet-small", "UNet forward, 32 channels, 224 x 224, f32", "PyTorch f32", 0.8, "unet:small_f32"),
    Task("unet-small", "UNet forward, 32 channels, 224 x 224, bf16", "PyTorch bf16", 0.8, "unet:small_bf16"),
    Task("training", "training step, 10.7 M parameters, f32", "PyTorch f32", 1.2, "training:f32"),
    Task("training", "training step, 10.7 M parameters, bf16", "PyTorch bf16 autocast", 0.7, "training:bf16"),
    Task("nufft", f"NUFFT type 2, {_NUFFT}", "finufft", 0.9, "nufft:type_2"),
    Task("nufft", f"NUFFT type 1, {_NUFFT}", "finufft", 0.9, "nufft:type_1"),
    Task("normal", _NORMAL, "finufft pair", 0.3, "nufft:normal_finufft"),
    Task("normal", _NORMAL, "torchkbnufft pair", None, "nufft:normal_torchkbnufft"),
    Task("normal", _NORMAL, "BART Toeplitz", None, "nufft:normal_bart"),
    Task("matching", "exact matching, 94,777 atoms x 52,900 voxels, K=5", "PyTorch", 1 / 150, "matching:large"),
    Task("epg", _EPG, "numpy, 60 states", 1 / 20, "epg:with_numpy"),
    Task("epg", _EPG, "MRpro, 60 states", 1 / 20, "epg:with_mrpro"),
    Task("lrtv", "LRTV of a slice, 80 iterations", "BART pics", 0.4, "lrtv:slice_of_phantom"),
    Task(
        "mrf-diph",
        "MRF-DiPh slice, 30 steps, 138 M parameters",
        "sum of Python parts",
        75 / 640,
        "mrf_diph:whole_slice",
    ),
]
