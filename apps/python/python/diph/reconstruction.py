"""Whole reconstructions: from arrays to maps, by the methods of the command line."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import _diph
from ._arrays import as_array, optional
from .dictionary import BlochDictionary
from .denoisers import as_prior


@dataclass(repr=False)
class Result:
    """Maps of one slice or volume, and how they came about."""

    #: Longitudinal relaxation time (s), ([z,] y, x), float32.
    t1: np.ndarray
    #: Transverse relaxation time (s), ([z,] y, x), float32.
    t2: np.ndarray
    #: Complex proton density in the units of the measurement, ([z,] y, x), complex64.
    pd: np.ndarray
    #: The image that the maps belong to, (coefficient, [z,] y, x), complex64.
    tsmi: np.ndarray
    #: Steps of the solver.
    iterations: int
    #: Time of the reconstruction in seconds, without the set-up that serves every slice.
    seconds: float
    #: How well the maps fit the data, and the reference where one was given; the names are those of `metrics.json`.
    metrics: dict = field(default_factory=dict)
    #: What the result was made from: method, seed, plugins, program; as in `provenance.json`.
    provenance: dict = field(default_factory=dict)

    def to_nifti(self, folder, voxel_size=(1.0, 1.0, 1.0), compress=True) -> list[Path]:
        """Writes `T1map`, `T2map` (s) and `M0map` (magnitude) as NIfTI-1 files into `folder`, which is made where it is missing, and gives
        their paths. `voxel_size` is (z, y, x) in mm. The files carry no orientation, for arrays have none."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        maps = {"T1map": self.t1, "T2map": self.t2, "M0map": np.abs(self.pd)}
        z, y, x = (float(length) for length in voxel_size)
        paths = []
        for name, values in maps.items():
            path = folder / f"{name}.nii{'.gz' if compress else ''}"
            volume = values if values.ndim == 3 else values[None]
            _diph.write_nifti(path, as_array(volume, np.float32, 3, name), [x, y, z], f"Diph {name}")
            paths.append(path)
        return paths

    def to_png(self) -> bytes:
        """A picture of T1, T2 and PD, of a volume its middle plane, with the colour maps that are recommended for relaxometry."""
        return _diph.maps_png(self.t1, self.t2, self.pd, str(self.method))

    @property
    def method(self) -> str:
        """Name of the method."""
        return self.provenance["configuration"]["name"]

    def _repr_html_(self) -> str:
        picture = base64.b64encode(self.to_png()).decode()
        return f'<figure><img alt="T1, T2 and PD" src="data:image/png;base64,{picture}"><figcaption>{self!r}</figcaption></figure>'

    def __repr__(self) -> str:
        shape = " x ".join(str(length) for length in self.t1.shape)
        return f"Diph {self.method}: maps of {shape} voxels, {self.iterations} steps in {self.seconds:.1f} s"


def reconstruct(
    kspace,
    trajectory,
    dictionary: BlochDictionary,
    method: str = "lrtv",
    *,
    shape,
    coil_maps=None,
    weights=None,
    prior=None,
    seed: int = 0,
    reference=None,
    progress=None,
    plugin_dirs=(),
    **settings,
) -> Result:
    """T1, T2 and PD maps from k-space, by a method of the command line: the same maps as `diph recon`, bit for bit.

    `kspace` is (coil, frame, sample), or (frame, sample) of one coil; `trajectory` (frame or interleaf, sample, 2) holds (ky, kx) in cycles per pixel, of a
    volume (kz, ky, kx), and frame t uses interleaf t modulo their number; `shape` is that of the maps, ([z,] y, x). The k-space is in the convention of
    MRF-DiPh (`normalisation="twice_oversampled"`); another factor scales PD and nothing else.

    `coil_maps` (coil, [z,] y, x) are estimated from the data where there are several coils and none is given. `weights` (frame or interleaf, sample) are
    density compensation, computed from the trajectory of a plane where they are missing.

    `method` is a built-in one (`svd-mrf`, `lsq`, `lrtv`, `llr`, `wavelet`, `mmse`, `unet`, `ddpm`, `mrf-diph-conditional`, ...) or a method file, and `settings` override its
    keys as `--set` does: `**{"solver.fista.lambda": 0.02}`. `prior` takes the place of the method's prior: an object with
    `denoise(noisy, sigma, **context)`, or a function of that form; see `diph.denoisers`.

    `reference` are true maps (`t1`, `t2`, `pd`, and `mask`) for the metrics. `progress` is called as `progress(step, steps, relative_change)`; with
    `progress=True` there is a bar, by tqdm where it is installed.

    Raises ValueError for arguments that make no sense, FileNotFoundError, MemoryError, `diph.Error` where a part fails, and what `prior` or
    `progress` raised. Ctrl-C ends it between steps with KeyboardInterrupt.
    """
    frames = dictionary.basis.shape[0]
    kspace = np.asarray(kspace)
    if kspace.ndim == 2:
        kspace = kspace[None]
    trajectory = as_array(trajectory, np.float64, 3, "trajectory (frame, sample, axis)")
    measured = {
        "kspace": as_array(kspace, np.complex64, 3, "kspace (coil, frame, sample)"),
        "trajectory": _by_frame(trajectory, frames),
        "shape": [int(length) for length in shape],
        "weights": None if weights is None else _by_frame(as_array(weights, np.float32, 2, "weights (frame, sample)"), frames),
        "coil_maps": optional(coil_maps, np.complex64, (3, 4), "coil_maps (coil, [z,] y, x)"),
    }
    with _Progress(progress) as told:
        run = {
            "method": str(method),
            "settings": [(key, json.dumps(value)) for key, value in settings.items()],
            "seed": seed,
            "prior": None if prior is None else as_prior(prior),
            "plugin_dirs": list(plugin_dirs),
            "progress": told,
            "reference": None if reference is None else _reference(reference),
        }
        found = _diph.reconstruct(measured, dictionary._compiled, run)
    found["metrics"], found["provenance"] = json.loads(found["metrics"]), json.loads(found["provenance"])
    return Result(**found)


def _by_frame(array, frames):
    if array.shape[0] == 0:
        raise ValueError("trajectory, weights: expected at least one frame, got none")
    return array if array.shape[0] == frames else np.ascontiguousarray(array[np.arange(frames) % array.shape[0]])


def _reference(reference):
    missing = [name for name in ("t1", "t2", "pd") if name not in reference]
    if missing:
        raise ValueError(f"reference: expected t1, t2 and pd, without {', '.join(missing)}")
    pd = as_array(reference["pd"], np.complex64, (2, 3), "reference pd")
    mask = reference.get("mask", np.abs(pd) > 0)
    return {
        "t1": as_array(reference["t1"], np.float32, (2, 3), "reference t1"),
        "t2": as_array(reference["t2"], np.float32, (2, 3), "reference t2"),
        "pd": pd,
        "mask": as_array(mask, np.bool_, (2, 3), "reference mask"),
    }


class _Progress:
    """What is called after every step: the user's function, a bar, or nothing."""

    def __init__(self, progress):
        self._progress, self._bar = progress, None

    def __enter__(self):
        if self._progress is True:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return None
            self._bar = tqdm(unit="step")
            return self._advance
        return self._progress or None

    def _advance(self, step, steps, change):
        self._bar.total = steps
        self._bar.set_postfix(change=f"{change:.1e}", refresh=False)
        self._bar.update(step - self._bar.n)

    def __exit__(self, *_):
        if self._bar is not None:
            self._bar.close()
