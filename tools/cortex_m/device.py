"""A C library of ours, compiled for a Cortex-M, run by qemu-system-arm, and measured there."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BOARDS", "Board", "Figures", "measure", "missing_tools"]

HERE = Path(__file__).resolve().parent
PREFIX = "arm-none-eabi-"
STRICT = [
    "-std=c99",
    "-ffreestanding",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    "-mthumb",
    "-masm-syntax-unified",
]
TIMEOUT_S = 600


@dataclass(frozen=True)
class Board:
    """A board that qemu emulates, and the processor that code is compiled for."""

    machine: str
    cpu: str
    flash_bytes: int
    ram_bytes: int


#: The microbit has a Cortex-M0, which executes the instructions of an M0+ and no others.
BOARDS = {
    "m0": Board("microbit", "cortex-m0plus", 256 << 10, 16 << 10),
    "m4": Board("mps2-an386", "cortex-m4", 4 << 20, 4 << 20),
}


@dataclass(frozen=True)
class Figures:
    """What a library takes on a board, with all that it calls, and what it gives."""

    logits: NDArray[Any]  # (B, o), or (B, T, o) of a model that answers at every step
    code_bytes: int  # text
    constant_bytes: int  # rodata
    data_bytes: int  # data + bss
    state_bytes: int  # of one sequence
    stack_bytes: int
    instructions_per_step: float  # of name_run, logits included where every step has them
    instructions_of_logits: float

    @property
    def flash_bytes(self) -> int:
        return self.code_bytes + self.constant_bytes

    @property
    def ram_bytes(self) -> int:
        return self.data_bytes + self.state_bytes + self.stack_bytes


def missing_tools() -> str | None:
    """What to install, or None if everything is there."""
    tools = {f"{PREFIX}gcc": "gcc-arm-none-eabi", "qemu-system-arm": "qemu-system-arm"}
    packages = [package for tool, package in tools.items() if shutil.which(tool) is None]
    return f"no Cortex-M tools: install {' and '.join(packages)}" if packages else None


def measure(
    board: Board,
    library: Path,
    name: str,
    x: NDArray[Any],
    *,
    all_steps: bool,
    dtype: type[np.generic] = np.int32,
    optimize: str = "-Os",
) -> Figures:
    """Compile ``name.c`` in the folder ``library`` and run it over the sequences ``x``.

    Args:
        x: (B, T, d) features or (B, T) tokens, of the type that the library reads.
        all_steps: whether the model answers at every step.
        dtype: of a logit.

    Raises:
        subprocess.CalledProcessError: it does not compile, or fails while it runs.
    """
    sequences, steps = x.shape[:2]
    chunk = max(c for c in range(1, 65) if steps % c == 0)  # steps in memory at a time
    target = [*STRICT, f"-mcpu={board.cpu}", optimize]
    harness = [
        f'-DHEADER="{name}.h"',
        f"-DMODEL={name}",
        f"-DUPPER={name.upper()}",
        f"-DSEQUENCES={sequences}u",
        f"-DSTEPS={steps}u",
        f"-DCHUNK={chunk}u",
        f"-DALL_STEPS={int(all_steps)}",
    ]
    memory = [f"-Wl,--defsym=flash_bytes={board.flash_bytes}", f"-Wl,--defsym=ram_bytes={board.ram_bytes}"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _gcc([*target, "-c", library / f"{name}.c", "-o", folder / "model.o"])
        _gcc([*target, "-c", HERE / "memory.c", "-ffunction-sections", "-o", folder / "memory.o"])
        sources = [HERE / f"{source}.c" for source in ("harness", "startup", "semihosting")]
        script = ["-nostdlib", "-T", HERE / "cortex_m.ld", *memory]
        objects = [folder / "model.o", folder / "memory.o", "-lgcc", "-o", folder / "program.elf"]
        _gcc([*target, *harness, "-I", library, *script, *sources, *objects])
        sizes = _sizes(folder, name, target)
        (folder / "x.bin").write_bytes(np.ascontiguousarray(x).tobytes())
        _emulate(board, folder)
        loop, run, logits, stack, state = struct.unpack("<5I", (folder / "figures.bin").read_bytes())
        tick = 2_000_000 / loop  # instructions
        values = np.frombuffer((folder / "logits.bin").read_bytes(), dtype)
    shape = (sequences, steps, -1) if all_steps else (sequences, -1)
    return Figures(
        values.reshape(shape),
        *sizes,
        state_bytes=state,
        stack_bytes=stack,
        instructions_per_step=run * tick / (sequences * steps),
        instructions_of_logits=logits * tick / sequences,
    )


def _gcc(arguments: list[Any]) -> None:
    subprocess.run([f"{PREFIX}gcc", *map(str, arguments)], check=True)


def _sizes(folder: Path, name: str, target: list[str]) -> tuple[int, int, int]:
    """Bytes of text, of rodata, and of data and bss: of the model and of what it calls, without harness or startup."""
    image = folder / "model.elf"
    keep = [f"-Wl,-u,{name}_{function}" for function in ("init", "step", "run", "logits")]
    link = ["-nostdlib", f"-Wl,-e,{name}_init", "-Wl,--gc-sections", *keep]
    _gcc([*target, *link, folder / "model.o", folder / "memory.o", "-lgcc", "-o", image])
    command = [f"{PREFIX}size", "-A", str(image)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    sections = {words[0]: int(words[1]) for line in lines if (words := line.split()) and words[0][0] == "."}
    known = ("text", "rodata", "data", "bss")
    code, constants, data, bss = (sections.get(f".{section}", 0) for section in known)
    return code, constants, data + bss


def _emulate(board: Board, folder: Path) -> None:
    """With an instruction a nanosecond of the emulated clock, so that the timer counts instructions."""
    command = ["qemu-system-arm", "-M", board.machine, "-kernel", "program.elf", "-icount", "shift=0"]
    options = ["-nographic", "-monitor", "none", "-serial", "none"]
    files = ["-semihosting-config", "enable=on,target=native"]
    subprocess.run(
        [*command, *options, *files], cwd=folder, check=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S
    )
