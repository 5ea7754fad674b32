"""Writes the numbers of a bundled model, and three digits to classify, to a file for classify.cpp.

python write_network.py smnist smnist.bin
"""

from __future__ import annotations

import sys

import numpy as np

import hadamrnn_ext as hr


def main(name: str, path: str) -> None:
    model = hr.load(name)
    card, numbers = model.card, model.parameters()
    layer = card.layers[0]
    if (
        len(card.layers) > 1
        or layer.recurrence != "linear"
        or (card.input, card.output) != ("features", "last")
    ):
        sys.exit(f"{name} is {model!r}; expected one linear layer over features with output 'last'")
    base = hr.hadamard.factor(layer.block_size)[0]
    images, _ = hr.zoo.samples()
    x = model.prepare(images.reshape(len(images), -1, card.input_size)).values  # as the network reads it
    sizes = (layer.hidden_size, layer.block_size, base, card.input_size, card.output_size, *x.shape[:2])
    floats = [numbers[key] for key in ("layers.0.bias", "input.weight", "output.weight", "output.bias")]
    logits = np.zeros((len(x), card.output_size), np.float32)
    model.core.infer(x, None, logits, 1)
    with open(path, "wb") as file:
        file.write(np.array(sizes, "<i8").tobytes())
        file.writelines(
            np.asarray(array, np.int8).tobytes()
            for array in (hr.hadamard.core_matrix(base), numbers["layers.0.signs"])
        )
        file.writelines(np.asarray(array, "<f4").tobytes() for array in (*floats, x, logits))


if __name__ == "__main__":
    main(*sys.argv[1:])
