"""EPG simulation of a dictionary. Peers simulate a share of the atoms; their time is scaled to all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from comparison.context import Context, Outcome
from comparison.measure import in_turns, relative_difference, seconds
from comparison.ours import Ours

STATES = 60
CHUNK = 1000
"""Atoms side by side in numpy."""
TRUNCATION = 1e-2
"""What 60 states may change: at long T2 more of them matter."""
EXACT = 1e-6
"""What as many states as frames may change."""


def with_numpy(context: Context) -> Outcome:
    with Ours(context, "epg", stride=_stride(context)) as ours:
        problem = ours.problem
        signals: list[np.ndarray] = []

        def peer() -> float:
            taken = seconds(lambda: signals.append(simulate(problem, problem["lut"], STATES)))
            return taken * float(problem["atoms"]) / len(problem["lut"])

        times = in_turns(ours.run, peer, context.repeats(3), warm_ups=0 if context.quick else 1)
        got = ours.result()["signals"]
    some = slice(None, None, len(got) // 16)
    exact = relative_difference(got[some], simulate(problem, problem["lut"][some], len(problem["tr_s"])))
    if not exact <= EXACT:
        raise ValueError(f"with as many states as frames the results differ by {exact:.1e}, not at most {EXACT:.0e}")
    note = f"numpy on {len(got)} atoms, time scaled; with as many states as frames the results differ by {exact:.0e}"
    return Outcome(*times, relative_difference(signals[-1], got), TRUNCATION, note)


def with_mrpro(context: Context) -> Outcome:
    import torch
    from mrpro.operators.models.EPG import EPGSequence, FispBlock, InversionBlock, Parameters

    with Ours(context, "epg", stride=_stride(context)) as ours:
        problem = ours.problem
        blocks = [
            InversionBlock(float(problem["ti_s"])),
            FispBlock(
                torch.tensor(problem["flip_angle_rad"]).float(),
                0.0,
                float(problem["te_s"]),
                torch.tensor(problem["tr_s"]).float(),
            ),
        ]
        sequence = EPGSequence(blocks)
        t1, t2 = torch.tensor(problem["lut"]).float().T.contiguous()
        parameters = Parameters(m0=torch.ones_like(t1), t1=t1, t2=t2)
        signals: list[np.ndarray] = []

        def run() -> None:
            with torch.inference_mode():
                _, samples = sequence(parameters, STATES)
            signals.append(torch.stack(samples, dim=-1).numpy())

        def peer() -> float:
            return seconds(run) * float(problem["atoms"]) / len(problem["lut"])

        times = in_turns(ours.run, peer, context.repeats(3), warm_ups=0 if context.quick else 1)
        got = ours.result()["signals"]
    note = f"MRpro on {len(got)} atoms, time scaled"
    return Outcome(*times, relative_difference(-signals[-1].imag, got), TRUNCATION, note)


def _stride(context: Context) -> int:
    """Peers get every so many atoms: enough of them that the work outweighs the interpreter."""
    return 200 if context.quick else 20


def simulate(sequence: dict[str, Any], lut: np.ndarray, states: int) -> np.ndarray:
    """Inversion-prepared FISP by extended phase graphs (Weigel 2015), complex, all atoms of a chunk at once.

    Signals (atom, frame); pulses about x make them imaginary, of which this is minus the imaginary part.
    """
    chunks = [_simulate_chunk(sequence, lut[start : start + CHUNK], states) for start in range(0, len(lut), CHUNK)]
    return np.concatenate(chunks)


def _simulate_chunk(sequence: dict[str, Any], lut: np.ndarray, states: int) -> np.ndarray:
    t1, t2 = lut.T.astype(np.float64)
    f_plus, f_minus, z = configurations = np.zeros((3, states, len(lut)), np.complex128)
    z[0] = 1 - 2 * np.exp(-sequence["ti_s"] / t1)
    echo_decay = np.exp(-sequence["te_s"] / t2)
    signals = np.empty((len(lut), len(sequence["tr_s"])))
    for frame, (flip, tr) in enumerate(zip(sequence["flip_angle_rad"], sequence["tr_s"], strict=True)):
        rotated = _pulse(flip) @ configurations.reshape(3, -1)
        configurations[:] = rotated.reshape(configurations.shape)
        signals[:, frame] = -f_plus[0].imag * echo_decay
        e1, e2 = np.exp(-tr / t1), np.exp(-tr / t2)
        configurations[:2] *= e2
        z *= e1
        z[0] += 1 - e1
        f_plus[1:] = f_plus[:-1]
        f_minus[:-1] = f_minus[1:]
        f_minus[-1] = 0
        f_plus[0] = f_minus[0].conj()
    return signals


def _pulse(flip: float) -> np.ndarray:
    """Mixing of (F+, F-, Z) by a pulse about x."""
    kept, turned, sine = np.cos(flip / 2) ** 2, np.sin(flip / 2) ** 2, 1j * np.sin(flip)
    return np.array([[kept, turned, -sine], [turned, kept, sine], [-sine / 2, sine / 2, np.cos(flip)]])
