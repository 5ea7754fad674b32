"""A C library of ours, compiled for a board, run by its emulator, and measured there."""

from __future__ import annotations

import math
import re
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .table import Board

__all__ = ["Figures", "least", "measure"]

HERE = Path(__file__).resolve().parent
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
STRICT = [*WARNINGS, "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wcast-qual"]
LOOP = 2_000_000  # what host_loop takes
TIMEOUT_S = 600
FIGURES = 5  # numbers of 32 bits at the end of a program's output


@dataclass(frozen=True)
class Figures:
    """What a library takes on a board, with all that it calls, and what it gives."""

    logits: NDArray[Any]  # (B, o), or (B, T, o) of a model that answers at every step
    code_bytes: int  # text
    constant_bytes: int  # rodata, and tables that an AVR keeps in flash
    data_bytes: int  # data + bss
    state_bytes: int  # of one sequence
    stack_bytes: int
    per_step: float  # instructions or cycles of name_run, logits included where every step has them; NaN: not counted
    per_logits: float

    @property
    def flash_bytes(self) -> int:
        return self.code_bytes + self.constant_bytes

    @property
    def ram_bytes(self) -> int:
        return self.data_bytes + self.state_bytes + self.stack_bytes


def measure(
    board: Board,
    library: Path,
    name: str,
    x: NDArray[Any],
    *,
    all_steps: bool,
    raw: bool = False,
    optimize: str = "-Os",
) -> Figures:
    """Compile ``name.c`` in the folder ``library`` and run it over the sequences ``x``.

    Args:
        x: (B, T, d) features or (B, T) tokens, of the type that the library reads.
        all_steps: whether the model answers at every step.
        raw: ``x`` is of the type that ``name_prepare`` reads, which comes before every step and is not measured.

    Raises:
        subprocess.CalledProcessError: it does not compile, or fails while it runs.
        ValueError: a sequence does not fit into the board's flash.
    """
    sequences, steps = x.shape[:2]
    parts = [x]
    if board.input_bytes is not None:
        size = board.input_bytes // x[0].nbytes
        if size == 0:
            raise ValueError(f"a sequence has {x[0].nbytes} bytes; expected {board.input_bytes} at most")
        parts = [x[start : start + size] for start in range(0, sequences, size)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        flags = ["-std=c99", *board.flags, optimize]
        sizes = _compiled(board, folder, library, name, flags)
        outputs, figures = [], []
        for part in parts:
            output = _output(board, folder, library, name, part, flags, all_steps, raw)
            outputs.append(output[: -4 * FIGURES])
            figures.append(struct.unpack(board.byte_order + f"{FIGURES}I", output[-4 * FIGURES :]))
    dtype = _logit_type(library / f"{name}.h")
    logits = np.frombuffer(b"".join(outputs), dtype.newbyteorder(board.byte_order)).astype(dtype)
    loop, run, last, stack, state = (list(column) for column in zip(*figures, strict=True))
    tick = LOOP / loop[0] if board.counts else math.nan
    return Figures(
        logits.reshape((sequences, steps, -1) if all_steps else (sequences, -1)),
        *sizes,
        state_bytes=state[0],
        stack_bytes=max(stack),
        per_step=sum(run) * tick / (sequences * steps),
        per_logits=sum(last) * tick / sequences,
    )


def _logit_type(header: Path) -> np.dtype[Any]:
    found = re.search(r"typedef (\w+) \w+_logit;", header.read_text())
    assert found is not None
    return np.dtype(np.float32 if found[1] == "float" else found[1].removesuffix("_t"))


def least(board: Board, library: Path, name: str, *, optimize: str = "-Os") -> tuple[int, int]:
    """The flash that a library takes, and the RAM that it takes at least: registers and return addresses come on top.

    Nothing is run, so this also tells by how much a library does not fit.

    Raises:
        subprocess.CalledProcessError: it does not compile.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        flags = ["-std=c99", *board.flags, optimize]
        code, constants, data = _compiled(board, folder, library, name, flags)
        arrays = f"{name}_state state;\nunsigned char local[{name.upper()}_LOCAL_BYTES + 1];\n"
        (folder / "arrays.c").write_text(f'#include "{name}.h"\n{arrays}')
        _gcc(board, [*flags, "-fno-common", "-I", library, "-c", "arrays.c"], cwd=folder)
        return code + constants, data + _sections(board, folder / "arrays.o")[".bss"] - 1


def _output(
    board: Board,
    folder: Path,
    library: Path,
    name: str,
    x: NDArray[Any],
    flags: list[str],
    all_steps: bool,
    raw: bool,
) -> bytes:
    """What the harness writes about the sequences x: their logits, then the figures."""
    sequences, steps = x.shape[:2]
    longest = 64 if board.input_bytes is None else 1
    chunk = max(c for c in range(1, longest + 1) if steps % c == 0)  # steps in memory at a time
    (folder / "x.bin").write_bytes(np.ascontiguousarray(x, x.dtype.newbyteorder(board.byte_order)).tobytes())
    definitions = [
        f'-DHEADER="{name}.h"',
        f"-DMODEL={name}",
        f"-DUPPER={name.upper()}",
        f"-DSEQUENCES={sequences}u",
        f"-DSTEPS={steps}u",
        f"-DCHUNK={chunk}u",
        f"-DALL_STEPS={int(all_steps)}",
        f"-DRAW={int(raw)}",
        f'-DX_BIN="{folder / "x.bin"}"',
    ]
    sources = [HERE / source for source in ("harness.c", "memory.c", *board.sources)]
    objects = [*sources, folder / "model.o", *board.link, *board.libraries]
    command = [*flags, *WARNINGS, *definitions, "-I", library, *objects, "-o", folder / "program.elf"]
    _gcc(board, command, cwd=HERE)
    run = subprocess.run(
        board.emulator,
        cwd=folder,
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_S,
    )
    if board.input_bytes is None:
        return (folder / "out.bin").read_bytes()
    text = (run.stdout + run.stderr).decode("ascii", "replace")
    if "=00" not in text:
        raise ValueError(f"the emulated program failed: {text[-500:]}")
    return bytes.fromhex("".join(re.findall(r":([0-9a-f]+)", text)))


def _gcc(board: Board, arguments: list[Any], cwd: Path | None = None) -> None:
    subprocess.run([f"{board.prefix}gcc", *map(str, arguments)], check=True, cwd=cwd)


def _compiled(board: Board, folder: Path, library: Path, name: str, flags: list[str]) -> tuple[int, int, int]:
    """Bytes of text, of constants, and of data and bss: of the model and of what it calls, without harness or startup.

    ``folder`` then has ``model.o``.
    """
    _gcc(board, [*flags, *STRICT, "-c", library / f"{name}.c", "-o", folder / "model.o"])
    image = folder / "model.elf"
    keep = [f"-Wl,-u,{name}_{function}" for function in ("init", "step", "run", "logits")]
    _gcc(
        board, [*flags, *WARNINGS, "-c", HERE / "memory.c", "-ffunction-sections", "-o", folder / "memory.o"]
    )
    in_rom = [f"-Wl,--defsym={function}={name}_init" for function in board.rom]  # any address within reach
    link = ["-nostdlib", f"-Wl,-e,{name}_init", "-Wl,--gc-sections", *keep, *in_rom]
    objects = [folder / "model.o", folder / "memory.o", *board.libraries]
    _gcc(board, [*flags, *link, *objects, "-o", image])
    sections = _sections(board, image)
    code, constants, data, bss = (sections.get(f".{name}", 0) for name in ("text", "rodata", "data", "bss"))
    tables = sum(
        size
        for section, size in _sections(board, folder / "model.o").items()
        if section.startswith(".progmem")
    )
    return code - tables, constants + tables, data + bss


def _sections(board: Board, image: Path) -> dict[str, int]:
    command = [f"{board.prefix}size", "-A", str(image)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {words[0]: int(words[1]) for line in lines if (words := line.split()) and words[0][0] == "."}
