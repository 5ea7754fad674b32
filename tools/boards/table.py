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
_KB, _MB = 1 << 10, 1 << 20
# The Debian package of each program.
_PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "avr-gcc": "gcc-avr avr-libc",
    "mips-linux-gnu-gcc": "gcc-mips-linux-gnu libc6-dev-mips-cross",
    "qemu-mips-static": "qemu-user-static",
    "qemu-system-arm": "qemu-system-arm",
    "qemu-system-riscv32": "qemu-system-misc",
    "qemu-system-xtensa": "qemu-system-misc",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "simavr": "simavr",
    "xtensa-lx106-elf-gcc": "gcc-xtensa-lx106",
}
# The functions of gcc that an ESP8266 has in ROM.
_LX106_ROM = (
    *("__udivsi3", "__umodsi3", "__divsi3", "__umulsidi3", "__muldi3", "__udivdi3", "__divdi3"),
    *("__addsf3", "__subsf3", "__mulsf3", "__floatsisf", "__floatunsisf"),
)


@dataclass(frozen=True)
class Board:
    """What code is compiled for, what runs it, and a chip that has such a processor.

    ``flash_bytes`` and ``ram_bytes`` are those of the chip, None for a process of Linux; the emulated machine may have more, so that it can also measure
    what does not fit. ``counts`` is what the emulator counts, if anything. Where ``input_bytes`` is given there are no files:
    input lies in flash, so many bytes at most, output comes as text, and RAM holds a single step of input.
    """

    processor: str
    chip: str
    flash_bytes: int | None
    ram_bytes: int | None
    prefix: str  # of the compiler's programs
    flags: tuple[str, ...]  # of the compiler
    sources: tuple[str, ...]  # of the harness, beside harness.c
    emulator: tuple[str, ...]
    counts: Literal["instructions", "cycles"] | None = "instructions"
    link: tuple[str, ...] = ()  # of the linker, for a program
    libraries: tuple[str, ...] = ("-lgcc",)  # what compiled code may call
    rom: tuple[str, ...] = ()  # what it may call that lies in ROM and takes no flash; a source stands for it
    byte_order: Literal["<", ">"] = "<"
    input_bytes: int | None = None

    @property
    def tools(self) -> tuple[str, str]:
        return f"{self.prefix}gcc", self.emulator[0]


def _memory(flash_begin: int, flash_bytes: int, ram_begin: int, ram_bytes: int) -> tuple[str, ...]:
    """What links a program without an operating system, for the memory of the emulated machine."""
    symbols = {
        "flash_begin": flash_begin,
        "flash_bytes": flash_bytes,
        "ram_begin": ram_begin,
        "ram_bytes": ram_bytes,
    }
    return (
        "-nostdlib",
        "-T",
        "bare.ld",
        *(f"-Wl,--defsym={name}={value}" for name, value in symbols.items()),
    )


def _cortex_m(
    processor: str, chip: str, flash_bytes: int, ram_bytes: int, machine: str, memory: tuple[str, ...]
) -> Board:
    return Board(
        processor=processor,
        chip=chip,
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        prefix="arm-none-eabi-",
        flags=("-ffreestanding", f"-mcpu={processor}", "-mthumb", "-masm-syntax-unified"),
        link=memory,
        sources=("startup.c", "host_semihosting.c"),
        emulator=("qemu-system-arm", "-M", machine, *_QEMU, *_SEMIHOSTING),
    )


def _risc_v(processor: str, abi: str, chip: str, flash_bytes: int, ram_bytes: int) -> Board:
    """The machine has RAM only; the lower half stands for flash. Its processor executes more than ``processor`` has."""
    return Board(
        processor=processor,
        chip=chip,
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        prefix="riscv64-unknown-elf-",
        flags=("-ffreestanding", f"-march={processor}", f"-mabi={abi}"),
        link=_memory(0x80000000, 4 * _MB, 0x80400000, 4 * _MB),
        sources=("startup.c", "host_semihosting.c"),
        emulator=("qemu-system-riscv32", "-M", "virt", "-bios", "none", *_QEMU, *_SEMIHOSTING),
    )


def _avr(chip: str, flash_bytes: int, ram_bytes: int, input_bytes: int) -> Board:
    processor = chip.lower()
    return Board(
        processor=processor,
        chip=chip,
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        prefix="avr-",
        flags=(f"-mmcu={processor}",),
        libraries=("-lm", "-lgcc"),
        sources=("host_avr.c",),
        emulator=("simavr", "-m", processor, "-f", "16000000", "program.elf"),
        counts="cycles",
        input_bytes=input_bytes,
    )


#: A row each. The microbit has a Cortex-M0, which executes the instructions of an M0+ and no others.
BOARDS = {
    "m4": _cortex_m(
        "cortex-m4", "nRF52840", _MB, 256 * _KB, "mps2-an386", _memory(0, 4 * _MB, 0x20000000, 4 * _MB)
    ),
    "m0": _cortex_m(
        "cortex-m0plus",
        "nRF51822",
        256 * _KB,
        16 * _KB,
        "microbit",
        _memory(0, 256 * _KB, 0x20000000, 16 * _KB),
    ),
    "atmega328p": _avr("ATmega328P", 32 * _KB, 2 * _KB, input_bytes=16 * _KB),
    "atmega2560": _avr("ATmega2560", 256 * _KB, 8 * _KB, input_bytes=32 * _KB),
    "rv32imc": _risc_v("rv32imc", "ilp32", "ESP32-C3", 4 * _MB, 400 * _KB),
    "rv32ec": _risc_v("rv32ec", "ilp32e", "CH32V003", 16 * _KB, 2 * _KB),
    "lx106": Board(
        processor="lx106",
        chip="ESP8266",
        flash_bytes=_MB,
        ram_bytes=80 * _KB,
        prefix="xtensa-lx106-elf-",
        flags=("-ffreestanding", "-mtext-section-literals"),
        link=_memory(0x50000000, 4 * _MB, 0x60000000, 4 * _MB),
        sources=("startup.c", "host_simcall.c", "rom_lx106.c"),
        rom=_LX106_ROM,
        emulator=("qemu-system-xtensa", "-M", "sim", "-cpu", "lx106", "-semihosting", *_QEMU),
    ),
    "mips": Board(
        processor="mips32r2, big-endian",
        chip="any",
        flash_bytes=None,
        ram_bytes=None,
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
