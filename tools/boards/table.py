"""The boards: a compiler, a processor, and an emulator each."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["BOARDS", "Board", "missing_tools"]

# With an instruction a nanosecond of the emulated clock, so that a timer counts instructions.
_QEMU = ("-icount", "shift=0", "-nographic", "-monitor", "none", "-serial", "none", "-kernel", "program.elf")
_SEMIHOSTING = ("-semihosting-config", "enable=on,target=native")
# The Debian package of each program.
_PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "avr-gcc": "gcc-avr avr-libc",
    "mips-linux-gnu-gcc": "gcc-mips-linux-gnu libc6-dev-mips-cross",
    "qemu-mips-static": "qemu-user-static",
    "qemu-system-arm": "qemu-system-arm",
    "qemu-system-riscv32": "qemu-system-misc",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "simavr": "simavr",
}


@dataclass(frozen=True)
class Board:
    """What code is compiled for, and what runs it.

    ``counts`` is what the emulator counts, if anything. Where ``input_bytes`` is given there are no files: input lies
    in flash, so many bytes at most, output comes as text, and RAM holds a single step of input.
    """

    processor: str
    prefix: str  # of the compiler's programs
    flags: tuple[str, ...]  # of the compiler
    link: tuple[str, ...]  # of the linker, for a program
    sources: tuple[str, ...]  # of the harness, beside harness.c
    emulator: tuple[str, ...]
    counts: Literal["instructions", "cycles"] | None
    libraries: tuple[str, ...] = ("-lgcc",)  # what compiled code may call
    byte_order: Literal["<", ">"] = "<"
    input_bytes: int | None = None

    @property
    def tools(self) -> tuple[str, str]:
        return f"{self.prefix}gcc", self.emulator[0]


def _bare(
    processor: str, prefix: str, flags: tuple[str, ...], memory: tuple[int, int, int, int], *emulator: str
) -> Board:
    """Without an operating system; ``memory`` is where flash begins and its size, then the same of RAM."""
    names = ("flash_begin", "flash_bytes", "ram_begin", "ram_bytes")
    symbols = (f"-Wl,--defsym={name}={value}" for name, value in zip(names, memory, strict=True))
    return Board(
        processor=processor,
        prefix=prefix,
        flags=("-ffreestanding", *flags),
        link=("-nostdlib", "-T", "bare.ld", *symbols),
        sources=("startup.c", "host_semihosting.c"),
        emulator=(*emulator, *_QEMU, *_SEMIHOSTING),
        counts="instructions",
    )


def _cortex_m(processor: str, machine: str, flash: int, ram: int) -> Board:
    flags = (f"-mcpu={processor}", "-mthumb", "-masm-syntax-unified")
    memory = (0, flash, 0x20000000, ram)
    return _bare(processor, "arm-none-eabi-", flags, memory, "qemu-system-arm", "-M", machine)


def _risc_v(processor: str, abi: str) -> Board:
    """The machine has RAM only; the lower half stands for flash. Its processor executes more than ``processor`` has."""
    flags = (f"-march={processor}", f"-mabi={abi}")
    memory = (0x80000000, 4 << 20, 0x80400000, 4 << 20)
    machine = ("-M", "virt", "-bios", "none")
    return _bare(processor, "riscv64-unknown-elf-", flags, memory, "qemu-system-riscv32", *machine)


def _avr(processor: str, input_bytes: int) -> Board:
    return Board(
        processor=processor,
        prefix="avr-",
        flags=(f"-mmcu={processor}",),
        link=(),
        libraries=("-lm", "-lgcc"),
        sources=("host_avr.c",),
        emulator=("simavr", "-m", processor, "-f", "16000000", "program.elf"),
        counts="cycles",
        input_bytes=input_bytes,
    )


#: The microbit has a Cortex-M0, which executes the instructions of an M0+ and no others.
BOARDS = {
    "m0": _cortex_m("cortex-m0plus", "microbit", 256 << 10, 16 << 10),
    "m4": _cortex_m("cortex-m4", "mps2-an386", 4 << 20, 4 << 20),
    "atmega328p": _avr("atmega328p", 16 << 10),
    "atmega2560": _avr("atmega2560", 32 << 10),
    "rv32imac": _risc_v("rv32imac", "ilp32"),
    "rv32ec": _risc_v("rv32ec", "ilp32e"),
    "mips": Board(
        processor="mips32r2, big-endian",
        prefix="mips-linux-gnu-",
        flags=("-march=mips32r2",),
        link=("-static",),
        sources=("host_posix.c",),
        emulator=("qemu-mips-static", "program.elf"),
        counts=None,
        byte_order=">",
    ),
}


def missing_tools(boards: Iterable[Board] = BOARDS.values()) -> str | None:
    """What to install for these boards, or None if everything is there."""
    tools = {tool for board in boards for tool in board.tools if shutil.which(tool) is None}
    packages = sorted({_PACKAGES[tool] for tool in tools})
    return f"no emulated boards without {' '.join(packages)}: install them" if packages else None
