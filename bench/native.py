"""Builds the C++ timing program of the kernels (kernels.cpp) if it is missing or old, runs it, and reads its output."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Program", "Timing"]

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Timing:
    """The median time of one unit of work: a product, transform or time step. ``cycles`` is 0 if the clock is unknown."""

    id: str
    isa: str
    seconds: float
    cycles: float


class Program:
    """The program hadamrnn_bench, which takes its instruction set from HADAMRNN_ISA, as everything else does."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or _built()

    def time(self, *ids: str, seconds: float) -> list[Timing]:
        """Times each of these cases, or all of them without ids, for this long. Raises CalledProcessError."""
        command = [str(self._path), "--seconds", f"{seconds:g}", *ids]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        return [Timing(**json.loads(line)) for line in lines]


def _built() -> Path:
    cmake = shutil.which("cmake")
    if cmake is None:
        raise FileNotFoundError("cmake builds the timing program and is not on the PATH; or pass --program")
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DHADAMRNN_BENCH=ON", "-DHADAMRNN_PYTHON=OFF"]
    _run([cmake, "-S", str(ROOT), "-B", str(BUILD), *options])
    _run([cmake, "--build", str(BUILD), "--target", "hadamrnn_bench", "-j", str(os.cpu_count() or 1)])
    return BUILD / "bench" / "hadamrnn_bench"


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
