"""Diph's side: a process that waits for its turn."""

from __future__ import annotations

import json
import os
import subprocess
from types import TracebackType
from typing import Any, Self

import numpy as np

from .context import Context


class Ours:
    """The program `benches/examples/ours`, set up for one work. Its options are the keyword arguments."""

    def __init__(self, context: Context, work: str, **options: Any) -> None:
        self.folder = context.folder / work
        self.folder.mkdir(exist_ok=True)
        self._errors = (self.folder / "stderr.txt").open("w+")
        program = context.binaries / "examples" / "ours"
        self._process = subprocess.Popen(
            [str(program), work, str(self.folder), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._answer()
        self.problem = dict(np.load(self.folder / "problem.npz"))

    @property
    def process_id(self) -> int:
        return self._process.pid

    def run(self) -> float:
        """Does the work once; seconds."""
        return float(self._ask("run")["seconds"])

    def result(self) -> dict[str, np.ndarray]:
        """What the last run computed."""
        self._ask("write")
        return dict(np.load(self.folder / "ours.npz"))

    def _ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            reason = self._errors.read().strip()
            self.__exit__(None, None, None)
            raise RuntimeError(f"Diph: {reason or 'ended without a word'}")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.__exit__(kind, error, trace)
        self._errors.close()


def diph(context: Context, *command: str) -> None:
    """Runs the command line."""
    done = subprocess.run([str(context.binaries / "diph"), *command], capture_output=True, text=True, env=os.environ)
    if done.returncode:
        raise RuntimeError(f"diph {command[0]}: {done.stderr.strip()}")
