"""The machine and its software, for measurements and bug reports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from . import isa

__all__ = ["EXTRAS", "cpu", "cpus", "describe", "hint", "package_version"]

#: The packages of the extras in pyproject.toml.
EXTRAS = {
    "train": ("torch", "rich"),
    "export": ("onnx",),
    "web": ("ziglang",),
    "plot": ("matplotlib",),
    "sklearn": ("scikit-learn",),
    "dask": ("dask",),
    "audio": ("soundfile",),
}


def cpus() -> int:
    """The number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hint(*extras: str) -> str:
    """The command that installs these extras. The package is not published, so pip installs it from its source."""
    return f"pip install '.[{','.join(extras)}]' in the folder of its source"


def package_version(package: str) -> str | None:
    """The version of a package, which is not imported; None if it is not installed."""
    # Here, since importing it takes longer than importing this package.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe() -> dict[str, Any]:
    """The CPU, instruction sets, load and versions, ready for JSON."""
    import platform

    packages = {
        "hadamrnn_ext",
        "numpy",
        "safetensors",
        *(name for names in EXTRAS.values() for name in names),
    }
    return {
        "cpu": cpu(),
        "cpus": cpus(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "isa": isa.active(),
        "isa_available": isa.available(),
        "versions": {name: found for name in sorted(packages) if (found := package_version(name))},
    }


def cpu() -> str:
    """The name of the processor, as the system tells it."""
    import platform

    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    named = {name.strip(): value.strip() for name, value in fields.items()}
    return named.get("model name", platform.machine())
