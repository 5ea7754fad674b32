"""Peak memory of one training step, in a process of its own: python training_peak.py ENGINE STEPS MEMORY

Prints the bytes that a step of the copy preset needs at most beyond what was there before it: torch, the model, the
inputs and the targets. Linux alone lets a process reset its peak.
"""

from __future__ import annotations

import sys
from pathlib import Path

from training_steps import Memory, make


def resident(field: str) -> int:
    """The value in bytes of a field of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {field} in /proc/self/status")


def main() -> None:
    engine, steps = sys.argv[1], int(sys.argv[2])
    memory: Memory = "reversible" if sys.argv[3] == "reversible" else "stored"
    make("copy", engine, steps=2, memory=memory)()  # a first short step starts threads and loads libraries
    step = make("copy", engine, steps=steps, memory=memory)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    step()
    print(resident("VmHWM") - before)


if __name__ == "__main__":
    main()
