"""The peers, from PyPI and Debian by their ordinary clients, and Diph from this repository."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path


def enter_environment(folder: Path) -> None:
    """Goes on in a virtual environment of its own, made where there is none yet."""
    if Path(sys.prefix).resolve() == folder.resolve():
        return
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making {folder}", flush=True)
        venv.create(folder, with_pip=True)
    os.execv(python, [str(python), *sys.argv])


def peers(requirements: Path) -> dict[str, str]:
    """Installs what is missing. What cannot be installed comes back with the reason, for its rows to say."""
    failures = {}
    for requirement in requirements.read_text().split():
        name, _, version = requirement.partition("==")
        if installed_version(name) == version:
            continue
        print(f"installing {requirement}", flush=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", requirement]
        failure = reason(command)
        if failure:
            failures[name] = failure
    if not shutil.which("bart"):
        print("installing bart", flush=True)
        root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
        failure = reason([*root, "apt-get", "install", "--yes", "bart"])
        if failure:
            failures["bart"] = failure
    return failures


def installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def reason(command: list[str]) -> str | None:
    """Why a command failed, None where it did not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return None
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else f"{command[0]} ended with {done.returncode}"


def build_diph(root: Path, profile: str) -> Path:
    """Builds Diph's side and the command line with its plugins; the folder that the binaries are in."""
    cargo = ["cargo", "build", "--profile", profile, "--manifest-path", str(root / "Cargo.toml")]
    # One call: with two, dependencies whose features differ between the packages are compiled twice.
    what = ["--package", "diph-benches", "--example", "ours", "--package", "diph", "--bin", "diph"]
    subprocess.run([*cargo, *what], check=True)
    metadata = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--manifest-path", str(root / "Cargo.toml")]
    target = json.loads(subprocess.run(metadata, check=True, capture_output=True, text=True).stdout)["target_directory"]
    return Path(target) / ("debug" if profile == "dev" else profile)
