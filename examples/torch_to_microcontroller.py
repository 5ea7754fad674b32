"""Takes a model from torch to a microcontroller: train, quantize, export to C, compile, and compare every logit.

    pip install '.[train]'
    python examples/torch_to_microcontroller.py

The task is to tell the vibration of a healthy bearing from that of a worn one, which knocks once every 40 samples. A
recording has 256 samples, with noise.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

import hadamrnn_ext as hr
from hadamrnn_ext import nn

STEPS = 256


def vibrations(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Recordings (count, 256, 1) float32, and for each whether the bearing is worn (count,)."""
    rng = np.random.default_rng(seed)
    worn = rng.integers(0, 2, count)
    time = np.arange(STEPS) + rng.uniform(0, 40, (count, 1))
    hum = np.sin(0.3 * time) + 0.5 * rng.normal(size=(count, STEPS))
    knocks = 2.5 * worn[:, None] * (time % 40 < 3) * np.sin(2.2 * time)
    return (hum + knocks)[..., None].astype(np.float32), worn


def train(x: np.ndarray, y: np.ndarray, epochs: int) -> hr.Model:
    """A model of one layer of 128 units, whose signs stay as they are drawn."""
    torch.manual_seed(0)
    net = nn.SequenceModel(1, 128, 1, freeze_signs=True, labels=("healthy", "worn"))
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    for epoch in range(epochs):
        order = torch.randperm(len(x))
        for part in (order[i : i + 50] for i in range(0, len(x), 50)):
            loss = net.loss(inputs[part], targets[part])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        print(f"epoch {epoch + 1:2}: loss {loss.item():.3f}")
    return net.to_native(task="bearing")


def compiled(model: hr.Model, folder: Path) -> Path:
    """Exports the model as C and compiles it with its example program, which reads steps from stdin and prints logits.

    Without -DPREPARED the program reads the integers that a sensor gives, and prepares them for the network itself.
    """
    hr.export.c(model, folder, name="bearing")
    program = folder / "bearing"
    sources = [folder / "bearing.c", folder / "examples" / "bearing" / "main.c"]
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SystemExit(f"the library is in {folder}; there is no C compiler here to try it with")
    subprocess.run(
        [compiler, "-std=c99", "-Os", "-DPREPARED", f"-I{folder}", *sources, "-o", program], check=True
    )
    return program


def main(epochs: int = 20, folder: str = "bearing_library") -> float:
    """Returns the share of new vibrations that the C program gets right."""
    x, y = vibrations(2000, seed=0)
    test, truth = vibrations(200, seed=1)
    model = train(x, y, epochs)
    print(
        f"float32: {np.mean((model.infer(test)[:, 0] > 0) == truth):.1%}, {model.describe().payload_bytes:,} bytes of parameters"
    )
    small = model.quantize(x[:300], state_bits=12, readout="integer")
    expected = small.infer(test)[:, 0]
    print(
        f"integers: {np.mean((expected > 0) == truth):.1%}, {small.describe().payload_bytes:,} bytes of parameters"
    )
    program = compiled(small, Path(folder))
    answers = []
    for codes in hr.export.c_input(small, test):
        said = subprocess.run(
            [program], input=codes.tobytes(), capture_output=True, check=True
        ).stdout.split()
        answers.append(int(said[-1]))
    integer = small.card.integer
    assert integer is not None
    assert integer.logit_scale is not None
    assert np.array_equal(np.array(answers, np.float32) * np.float32(integer.logit_scale), expected)
    right = float(np.mean((np.array(answers) > 0) == truth))
    print(f"C program {program}: {right:.1%}, and every logit is that of Python to the bit")
    return right


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
