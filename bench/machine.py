"""Describes the machine on which a measurement was made."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

import hadamrnn_ext as hr
from hadamrnn_ext.machine import cpus

__all__ = ["cpus", "describe"]


def describe() -> dict[str, Any]:
    """CPU, instruction sets, versions of everything that is measured, and how busy the machine was."""
    return {
        "cpu": _cpu(),
        "cpus": cpus(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "isa_available": hr.isa.available(),
        "isa": hr.isa.active(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        "blas": sorted(
            {f"{pool['internal_api']} {pool.get('architecture', '')}".strip() for pool in threadpool_info()}
        ),
    }


_PACKAGES = ("hadamrnn_ext", "numpy", "torch", "onnxruntime", "fht_cpu")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    """The name of the processor with family and model numbers, because different processors share a name."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    lines = (line.partition(":") for line in info.read_text().split("\n\n")[0].splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    name = fields.get("model name", platform.machine())
    return (
        f"{name} (family {fields['cpu family']} model {fields['model']})" if "cpu family" in fields else name
    )
