"""Compiles exported C to WebAssembly, with a compiler that pip installs (extra ``web``) or with clang.

The module has no imports and needs neither a C library nor a system: it is C99 on its own in 32-bit WebAssembly. It uses
SIMD128, which every browser has had since 2023 and which gives the same bits, since nothing reorders sums of floats.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..errors import HadamRNNError
from ..machine import hint

__all__ = ["compiled", "compilers"]

_OPTIONS = (
    *("-std=c11", "-O2", "-msimd128", "-ffp-contract=off"),
    # Copying and filling memory are instructions, since there is no library with functions for them.
    *("-mbulk-memory", "-ffreestanding", "-nostdlib"),
    *("-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=16384"),
)


def compilers() -> dict[str, list[str]]:
    """The commands of the compilers on this machine that write WebAssembly, best first."""
    found = {}
    if importlib.util.find_spec("ziglang") is not None:
        found["ziglang"] = [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-freestanding"]
    if zig := shutil.which("zig"):
        found["zig"] = [zig, "cc", "-target", "wasm32-freestanding"]
    if (clang := shutil.which("clang")) and shutil.which("wasm-ld"):
        found["clang"] = [clang, "--target=wasm32"]
    return found


def compiled(files: Mapping[str, str], main: str, compiler: str | None = None) -> bytes:
    """The WebAssembly module of the C file ``main``, which lies in one folder with the other files.

    Args:
        compiler: one of ``compilers()``; None takes the first.

    Raises:
        ImportError: there is no compiler.
        HadamRNNError: the compiler fails.
    """
    found = compilers()
    if not found:
        raise ImportError(
            "writing WebAssembly needs a compiler: either ziglang, which is not installed "
            f"({hint('web')}), or clang with wasm-ld (Debian: clang lld)"
        )
    command = found[compiler or next(iter(found))]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        # The caches of Zig lie in the home of the user otherwise, who may have none.
        caches = {
            name: os.path.join(folder, name) for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")
        }
        done = subprocess.run(
            [*command, *_OPTIONS, "-o", "model.wasm", main],
            cwd=folder,
            env={**os.environ, **caches},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise HadamRNNError(f"{command[0]} ended with {done.returncode}: {said[-2000:]}")
        return (Path(folder) / "model.wasm").read_bytes()
