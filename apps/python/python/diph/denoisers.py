"""A denoiser of your own as a prior: `diph.reconstruct(..., prior=denoiser)`.

    def denoise(noisy, sigma):
        return network(noisy, sigma)

A prior is a function of that form, or an object with `denoise(noisy, sigma, **context)`. `noisy` is complex64 of (coefficient, y, x), and
`noisy = clean + sigma n`, where real and imaginary part of n have variance 1 each; the result has the same shape. Of the context a prior gets what it has arguments for:
`seed` of the call; `index`, `timestep` and `abar` of the step in an annealed run; and condition images by their names, such as `low_res`.
An object may have `noise_schedule(steps)`, the pairs (timestep, abar) of an annealed run with the least noisy first; `volumes = True` where it takes (coefficient, z, y, x)
as well; and a `name`.
"""

import inspect

import numpy as np


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
