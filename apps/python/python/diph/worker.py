"""A denoiser of your own as the prior of `diph recon`, in a process and a Python environment of its own.

    from diph.worker import serve          # this one file, with numpy, is enough: `from worker import serve` beside a copy of it

    def denoise(noisy, sigma):
        return network(noisy, sigma)

    serve(denoise)

and then `diph recon ... --set 'prior={"id": "diph.process", "options": {"command": "python my_prior.py"}}'`.

A prior is a function of that form, or an object with `denoise(noisy, sigma, **context)`. `noisy` is complex64 of (coefficient, y, x), and
`noisy = clean + sigma n`, where real and imaginary part of n have variance 1 each; the result has the same shape. Of the context a prior gets what it has arguments for:
`seed` of the call; `index`, `timestep` and `abar` of the step in an annealed run; and condition images by their names, such as `low_res`.
An object may have `noise_schedule(steps)`, the pairs (timestep, abar) of an annealed run with the least noisy first; `volumes = True` where it takes (coefficient, z, y, x)
as well; and a `name`.

The protocol, for workers in other languages. Both sides write frames, little-endian: the length of a header (4 bytes), the length of the
values (8 bytes), the header in JSON, the values: complex64 arrays in C order, one after the other, with name and shape in the header's `arrays`.

    {"call": "hello", "version": 1}                       {"ok": true, "name": "mine", "volumes": false}
    {"call": "noise_schedule", "steps": 20}               {"ok": true, "entries": [[0, 0.9999], ...]}, or null for a prior that is not annealed
    {"call": "denoise", "sigma": 0.1, "context": {"seed": 7}, "arrays": [{"name": "noisy", "shape": [5, 64, 64]}]}
                                                          {"ok": true, "arrays": [{"name": "clean", "shape": [5, 64, 64]}]}
    any of them, when it fails                            {"ok": false, "error": "in one line", "traceback": "in full"}

Frames come through standard input and go to standard output; a worker ends when its input does. What is printed goes to standard error.
"""

import inspect
import json
import os
import struct
import sys
import traceback

import numpy as np

VERSION = 1
_LENGTHS = struct.Struct("<IQ")


def as_prior(prior):
    """A prior in the form that Diph calls, whose results are checked; `prior` is a function or an object, as the module says."""
    return prior if isinstance(prior, _Checked) else _Checked(prior)


class _Checked:
    def __init__(self, prior):
        function = getattr(prior, "denoise", prior)
        if not callable(function):
            raise TypeError(f"prior: expected a function, or an object with `denoise(noisy, sigma)`, got {type(prior).__name__}")
        self._function = function
        self._schedule = getattr(prior, "noise_schedule", None)
        self.volumes = bool(getattr(prior, "volumes", False))
        self.name = str(getattr(prior, "name", None) or getattr(prior, "__name__", None) or type(prior).__name__)
        self._takes = _arguments(function)

    def denoise(self, noisy, sigma, **context):
        if self._takes is not None:
            context = {name: value for name, value in context.items() if name in self._takes}
        clean = _to_numpy(self._function(noisy, sigma, **context))
        if clean.shape != noisy.shape:
            raise ValueError(f"{self.name}: expected an image of shape {noisy.shape}, got {clean.shape}")
        clean = np.ascontiguousarray(clean, np.complex64)
        if not np.isfinite(clean).all():
            bad = np.count_nonzero(~np.isfinite(clean))
            raise ValueError(f"{self.name}: expected finite numbers, got {bad} NaN or infinite ones of {clean.size}")
        return clean

    def noise_schedule(self, steps):
        pairs = None if self._schedule is None else self._schedule(steps)
        return None if pairs is None else [(int(timestep), float(abar)) for timestep, abar in pairs]


def _arguments(function):
    """Names that a function takes, or None where it takes any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return frozenset()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return frozenset(parameter.name for parameter in parameters if parameter.kind in named)


def _to_numpy(result):
    if hasattr(result, "detach"):
        result = result.detach().cpu().resolve_conj().numpy()
    array = np.asarray(result)
    if array.dtype == object:
        raise TypeError(f"expected an array of numbers, got {type(result).__name__}")
    return array


def serve(prior):
    """Answers the calls of `diph.process` until there are no more. Call it last in a script."""
    # Whatever prints shall not disturb the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    checked, calls = as_prior(prior), sys.stdin.buffer
    while (frame := _read(calls)) is not None:
        try:
            header, arrays = _answer(checked, *frame)
        except Exception as error:
            words = str(error).strip() or type(error).__name__
            header, arrays = {"ok": False, "error": f"{type(error).__name__}: {words}", "traceback": traceback.format_exc()}, []
        _write(answers, header, arrays)


def _answer(prior, header, arrays):
    call = header["call"]
    if call == "hello":
        if header["version"] != VERSION:
            raise ValueError(f"version of the protocol: this worker speaks {VERSION}, got {header['version']}")
        return {"ok": True, "name": prior.name, "volumes": prior.volumes}, []
    if call == "noise_schedule":
        return {"ok": True, "entries": prior.noise_schedule(header["steps"])}, []
    if call == "denoise":
        noisy = arrays.pop("noisy")
        return {"ok": True}, [("clean", prior.denoise(noisy, header["sigma"], **header.get("context", {}), **arrays))]
    raise ValueError(f"call: expected hello, noise_schedule or denoise, got {call}")


def _read(stream):
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header_bytes, value_bytes = _LENGTHS.unpack(lengths)
    header = json.loads(stream.read(header_bytes))
    values, arrays, start = bytearray(value_bytes), {}, 0
    stream.readinto(values)
    for told in header.get("arrays", []):
        count = int(np.prod(told["shape"]))
        arrays[told["name"]] = np.frombuffer(values, "<c8", count, start).reshape(told["shape"])
        start += 8 * count
    return header, arrays


def _write(stream, header, arrays):
    told = [{"name": name, "shape": list(array.shape)} for name, array in arrays]
    text = json.dumps({**header, "arrays": told}).encode()
    stream.write(_LENGTHS.pack(len(text), sum(array.nbytes for _, array in arrays)) + text)
    for _, array in arrays:
        stream.write(np.ascontiguousarray(array, "<c8").tobytes())
    stream.flush()


class DeepInverse:
    """A denoiser of DeepInverse, `denoiser(x, sigma)` on real [B, C, H, W] in [0, 1], as a prior: real and imaginary part of every
    coefficient are grey images of a batch, scaled by the largest magnitude of the call. `channels` is 3 for a network of colour images."""

    def __init__(self, denoiser, channels=1, device="cpu"):
        self._denoiser, self._channels, self._device = denoiser, channels, device
        self.name = type(denoiser).__name__

    def denoise(self, noisy, sigma):
        import torch

        scale = float(np.abs(noisy).max()) or 1.0
        parts = np.concatenate([noisy.real, noisy.imag])[:, None] / (2 * scale) + 0.5
        batch = torch.as_tensor(parts, dtype=torch.float32, device=self._device).expand(-1, self._channels, -1, -1)
        with torch.no_grad():
            clean = self._denoiser(batch, sigma / (2 * scale)).mean(1).cpu().numpy()
        real, imaginary = np.split((clean - 0.5) * (2 * scale), 2)
        return real + 1j * imaginary


class EpsilonNetwork:
    """A network that predicts noise, `network(x_t, timestep)` as in diffusers, on real [1, 2 K, H, W]: real parts of the K coefficients, then
    imaginary ones. `alphas_cumprod` is that of its schedule, and `scale` what an image value of 1 is for the network. The prior gives the predicted x_0, and anneals."""

    def __init__(self, network, alphas_cumprod, scale=1.0, device="cpu"):
        self._network, self._scale, self._device = network, scale, device
        self._abar = _to_numpy(alphas_cumprod).astype(np.float64)
        self.name = type(network).__name__

    def noise_schedule(self, steps):
        if not 1 <= steps <= len(self._abar):
            raise ValueError(f"steps: expected 1 to {len(self._abar)}, got {steps}")
        return [(int(t), self._abar[t]) for t in np.linspace(0, len(self._abar) - 1, steps).round().astype(int)]

    def denoise(self, noisy, sigma, timestep=None):
        import torch

        if timestep is None:
            sigmas = np.sqrt((1 - self._abar) / self._abar)
            timestep = int(np.abs(np.log(sigmas) - np.log(max(sigma * self._scale, 1e-12))).argmin())
        abar = self._abar[timestep]
        noised = np.sqrt(abar) * self._scale * np.concatenate([noisy.real, noisy.imag])[None]
        batch = torch.as_tensor(noised, dtype=torch.float32, device=self._device)
        with torch.no_grad():
            predicted = self._network(batch, torch.tensor([timestep], device=self._device))
        noise = _to_numpy(getattr(predicted, "sample", predicted))
        clean = (noised - np.sqrt(1 - abar) * noise)[0] / (np.sqrt(abar) * self._scale)
        real, imaginary = np.split(clean, 2)
        return real + 1j * imaginary
