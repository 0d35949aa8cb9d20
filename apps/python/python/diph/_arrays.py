"""Arrays in the one form that the compiled half takes: C-ordered and of one type. What has that form already is not copied."""

import numpy as np


def as_array(values, dtype, axes, what):
    """The values as a C-ordered array; `axes` names them, one word each, or is None where any number will do."""
    array = np.asarray(values)
    if np.iscomplexobj(array) and not np.issubdtype(dtype, np.complexfloating):
        raise TypeError(f"{what}: expected real numbers, got {array.dtype}")
    if array.dtype == object or not (np.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise TypeError(f"{what}: expected numbers, got {array.dtype}")
    if axes is not None and array.ndim not in (axes if isinstance(axes, tuple) else (axes,)):
        raise ValueError(f"{what}: expected {axes} axes, got {array.ndim} (shape {array.shape})")
    return np.require(array, dtype, ["C", "A"])


def as_image(values, what="image"):
    """Complex values, C-ordered complex64."""
    return as_array(values, np.complex64, None, what)


def optional(values, dtype, axes, what):
    """As `as_array`, or None."""
    return None if values is None else as_array(values, dtype, axes, what)
