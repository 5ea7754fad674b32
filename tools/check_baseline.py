"""Checks by disassembly that no AVX instruction can run before the processor has been asked for it.

    python tools/check_baseline.py BUILD_DIR

BUILD_DIR is the CMake build folder of an x86-64 build. Three rules:

* objects that run before dispatch (the core, the scalar kernels, the bindings) hold plain x86-64 code only;
* the AVX2 kernels use ymm registers and nothing of AVX-512, the AVX-512 kernels use zmm registers;
* every function that these two define for the linker to merge (inline functions, templates) is their own. Of
  two copies of a shared one, such as a std template, the linker may keep the one with AVX code.

Prints the object, the symbol and the instruction of each violation, and exits with 1 if there is any. Needs
objdump and nm (binutils).
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

BASELINE = ("hadamrnn_core", "hadamrnn_scalar", "_core")  # CMake targets; _core: the bindings
WIDE = {"hadamrnn_avx2": "%ymm", "hadamrnn_avx512": "%zmm"}

# Every VEX and EVEX instruction: names that begin with v, but for a few of system code, and those of BMI.
# tzcnt is not among them: old processors run it as bsf, and compilers use it where that makes no difference.
VEX = re.compile(
    r"v(?!er[rw]\b|m(call|clear|func|launch|load|mcall|ptrld|ptrst|read|resume|run|save|write|xoff|xon))\w+"
    r"|andn|bextr|bls(i|msk|r)|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx|popcnt|lzcnt|k(mov|ortest|test)\w*"
)
EVEX = re.compile(r"%zmm|%[xy]mm(1[6-9]|2\d|3[01])|%k[0-7]")


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    build = Path(sys.argv[1])
    objects = {
        target: sorted(build.rglob(f"CMakeFiles/{target}.dir/**/*.o")) for target in (*BASELINE, *WIDE)
    }
    problems = [
        f"{build}: no object of {target}" for target in objects if target != "_core" and not objects[target]
    ]
    for target, paths in objects.items():
        for path in paths:
            problems += wide(path, target) if target in WIDE else baseline(path)
    for problem in problems:
        print(f"error: {problem}")
    count = sum(map(len, objects.values()))
    print(f"{count} objects of {sum(map(bool, objects.values()))} targets, {len(problems)} violations")
    return 1 if problems else 0


def baseline(path: Path) -> Iterator[str]:
    for symbol, instruction in disassemble(path):
        if VEX.fullmatch(instruction.split()[0]) or "%ymm" in instruction or EVEX.search(instruction):
            yield f"{path}: {symbol}: {instruction}"


def wide(path: Path, target: str) -> Iterator[str]:
    register, found = WIDE[target], False
    for symbol, instruction in disassemble(path):
        found = found or register in instruction
        if register == "%ymm" and EVEX.search(instruction):
            yield f"{path}: {symbol}: {instruction}"
    if not found:
        yield f"{path}: no {register} register is used"
    own = f"hadamrnn::{target.removeprefix('hadamrnn_')}::"
    for line in run("nm", "--demangle", "--defined-only", path):
        _, kind, name = line.split(" ", 2)
        if kind in "VWu" and own not in name:
            yield f"{path}: {name}: shared with other objects"


def disassemble(path: Path) -> Iterator[tuple[str, str]]:
    """(symbol, instruction) for each instruction."""
    symbol = ""
    for line in run("objdump", "--disassemble", "--demangle", "--no-show-raw-insn", path):
        if header := re.fullmatch(r"[0-9a-f]+ <(.*)>:", line):
            symbol = header[1]
        elif instruction := re.fullmatch(r" *[0-9a-f]+:\t(.+)", line):
            yield symbol, instruction[1].strip()


def run(*command: str | Path) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


if __name__ == "__main__":
    sys.exit(main())
