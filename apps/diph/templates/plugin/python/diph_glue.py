"""Between the C side of a Diph plugin in Python (diph_python.c) and the class `Part` of the plugin itself.

Memory of the host never leaves this file: inputs are copied before `Part` sees them, and what it returns is copied into the
outputs. An exception becomes a status and a message.
"""

import json
import traceback
from types import SimpleNamespace

import numpy as np

DTYPES = {1: "f4", 2: "f8", 3: "c8", 4: "c16", 5: "i4", 6: "i8", 7: "u1"}
OK, ERROR, ARGUMENT, SHAPE, UNSUPPORTED = 0, 1, 2, 3, 7
FOURIER_SCALES = {1: "unitary", 2: "twice_oversampled"}

part_module = None


def use(module):
    """The module that has the class `Part`."""
    global part_module
    part_module = module


def call(name, arguments):
    """Answers (status, result), or (status, message) where something is wrong."""
    try:
        return FUNCTIONS[name](*arguments)
    except MemoryError:
        return ERROR, "out of memory"
    except (KeyError, TypeError, ValueError) as error:
        return ARGUMENT if name == "create" else ERROR, words(error)
    except BaseException as error:  # a plugin must not end its host, not even by SystemExit
        return ERROR, words(error)


def words(error):
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


def array_of(tensor):
    memory, dtype, shape = tensor
    if memory is None:
        raise ValueError("expected values, got a shape alone")
    return np.frombuffer(memory, DTYPES[dtype]).reshape(shape).copy()


def write(tensor, values, role):
    memory, dtype, shape = tensor
    values = np.asarray(values)
    if values.shape != shape:
        raise ValueError(f"{role}: expected the shape {shape}, got {values.shape}")
    np.frombuffer(memory, DTYPES[dtype]).reshape(shape)[...] = values


def create(options_json, arrays, facts):
    options = json.loads(options_json)
    unknown = set(options) - set(part_module.OPTIONS.get("properties", {}))
    if unknown:
        return ARGUMENT, f"option `{sorted(unknown)[0]}`: unknown option"
    image, voxel_size, fourier_scale, coefficients, coils, frames, samples = facts
    acquisition = SimpleNamespace(
        arrays={name: array_of(tensor) for name, tensor in arrays},
        image=tuple(image),
        voxel_size=tuple(voxel_size),
        fourier_scale=FOURIER_SCALES.get(fourier_scale),
        coefficients=coefficients,
        coils=coils,
        frames=frames,
        samples=samples,
    )
    part = part_module.Part(options, acquisition)
    accuracy = getattr(part, "proximal_accuracy", None)
    description = (
        [(str(name), int(length)) for name, length in getattr(part, "domain", [])],
        [(str(name), int(length)) for name, length in getattr(part, "range", [])],
        [(str(name), str(unit)) for name, unit in getattr(part, "parameters", [])],
        [str(name) for name in getattr(part, "inputs", [])],
        int(getattr(part, "coefficients", 0)),
        -1.0 if accuracy is None else float(accuracy),
    )
    return OK, (part, description)


def apply(side):
    def function(part, given, result):
        values, axes = array_of(given), part.domain if side == "forward" else part.range
        if values.shape != tuple(length for _, length in axes):
            return SHAPE, f"{side}: expected {axes}, got {values.shape}"
        write(result, getattr(part, side)(values), side)
        return OK, None

    return function


def weights(part, roots):
    values = part.weights() if hasattr(part, "weights") else None
    if values is None:
        return UNSUPPORTED, ""
    write(roots, values, "weights")
    return OK, None


def denoise(part, noisy, sigma, clean, schedule, conditions, seed):
    context = SimpleNamespace(
        schedule=None if schedule is None else dict(zip(("index", "timestep", "abar"), schedule)),
        conditions={name: array_of(tensor) for name, tensor in conditions},
        rng=np.random.default_rng(seed),
    )
    values, penalty = part.denoise(array_of(noisy), sigma, context)
    write(clean, values, "denoise")
    return OK, float("nan") if penalty is None else float(penalty)


def write_maps(values, amplitude, found):
    write(values, found[0], "maps")
    write(amplitude, found[1], "amplitude")


def project(part, x, z, values, amplitude):
    projected, *found = part.project(array_of(x))
    write(z, projected, "project")
    if values is not None:
        write_maps(values, amplitude, found)
    return OK, None


def estimate(part, images, image, values, amplitude):
    if image is not None or values is None:
        return UNSUPPORTED, ""
    given = {name: array_of(tensor) for name, tensor in images}
    missing = [name for name in part.inputs if name not in given]
    if missing:
        return ARGUMENT, f"image `{missing[0]}`: expected to be given"
    write_maps(values, amplitude, part.estimate(given))
    return OK, None


FUNCTIONS = {
    "create": create,
    "forward": apply("forward"),
    "adjoint": apply("adjoint"),
    "weights": weights,
    "denoise": denoise,
    "project": project,
    "estimate": estimate,
}
