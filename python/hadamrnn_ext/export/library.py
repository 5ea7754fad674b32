"""``hr.export.c`` writes a model as a C99 library of one .h and one .c, which needs no heap, no stdio and no libm."""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from .. import hadamard
from ..data.sounds import hearing
from ..disk import write
from ..errors import InputError
from ..file.card import Card
from ..file.codes import code_width
from ..model import Model
from . import floats, integers, sound
from .arduino import architectures, platforms
from .classes import classes, given
from .names import identifier
from .pools import MOST, check_longest
from .raw import raw_values
from .tables import Tables, table_bytes, table_values
from .template import render
from .windows import windows_values

__all__ = ["c", "sources"]


def c(
    model: Model,
    directory: str | os.PathLike[str],
    name: str = "model",
    transform: Literal["fwht", "popcount"] = "fwht",
    resolution: float | Sequence[float] | None = None,
    longest: int | None = None,
    windows: tuple[int, int] | None = None,
) -> list[Path]:
    """Write a model as C99 source: ``name.h``, ``name.c``, examples, and what makes it a library of Arduino, PlatformIO,
    ESP-IDF, Zephyr and CMake.

    The state lives in a struct that the caller owns. Results equal those of ``Model.infer`` to the bit. An integer model
    (``Model.quantize`` with readout="integer") uses no floats and gives the integers that ``card.integer.logit_scale``
    multiplies. A float model gives the same float32 values, unless the compiler is told to reorder (``-ffast-math``).
    ``name_step`` reads what the network itself reads: scaled, normalized, permuted, quantized. ``name_prepare`` computes
    that from what sensors give, one time step at a time. If the card says that the model hears sound, ``name_sound.h`` and
    ``name_sound.c`` compute its frames from samples of 16 bits, in integers; see docs/microcontrollers.md.

    Args:
        directory: created if it is missing; existing files of the same names are replaced.
        name: a C identifier with which all names of the library begin.
        transform: "fwht" is the fast transform. "popcount" is for integer models with blocks of a power of two: it keeps bit
            planes, which take less memory and, in a deep model of signs, less time (docs/microcontrollers.md). Both give the
            same bits.
        resolution: for an integer model of features: the integer r that ``name_prepare`` reads stands for the value
            r * resolution in the units of the training data. It is one number, or one per feature: 1/16384 for an
            accelerometer with 16384 counts per g and a model that was trained on values in g. None takes 1 if a step of the
            model's input is at least 1, otherwise a power of two that gives 16 to 32 integers per step; ``name.h`` says
            which. A model that hears sound takes 2^-12, in which the sound library gives its frames; with another resolution
            it has no sound library.
        longest: the most steps of a sequence, for an integer model that sums over all of them (the output "mean", or a pool
            without a time constant). Sums take as few bytes as these steps need. None takes the length of ``windows``, or
            2^20 = 1,048,576; ``name.h`` says how many steps the sums hold.
        windows: (length, hop) adds ``name_windows``, which answers a stream without an end in windows of ``length`` steps that
            begin ``hop`` steps apart, as ``Model.windows`` does, with ceil(length / hop) states.

    Returns:
        The paths of the files written.

    Raises:
        InputError: ``name`` is not an identifier or is reserved; the model is bidirectional, or does not forget and is an
            integer model whose readout is in float; the transform is unknown or does not suit the model, or ``longest`` or
            ``windows`` do not; or the resolution does not suit the model, or is too coarse or too fine for it.
        OSError: a file cannot be written.

    Examples:
        >>> windows, _ = hr.zoo.samples("har2")
        >>> small = hr.load("har2").quantize(windows, state_bits=12, readout="integer")
        >>> paths = hr.export.c(small, "har2_library", "har2", resolution=1 / 16384)
        >>> sorted(path.name for path in paths)[:3]
        ['CMakeLists.txt', 'CMakeLists.txt', 'har2.c']
    """
    paths = []
    for file, text in sources(model, name, transform, resolution, longest, windows).items():
        target = Path(directory) / file
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, text.encode())
        paths.append(target)
    return paths


def sources(
    model: Model,
    name: str = "model",
    transform: str = "fwht",
    resolution: float | Sequence[float] | None = None,
    longest: int | None = None,
    windows: tuple[int, int] | None = None,
    plenty_of_memory: bool = False,
) -> dict[str, str]:
    """The text of each file that ``c`` writes, by its name.

    Args:
        plenty_of_memory: the library has no ``name_prepare``, and that of a float model has ``name_unpack`` instead, which is
            to be called once: it decodes all codes into memory, so that steps are faster. The bits are the same. Sums hold
            as many steps as they can.
    """
    name = identifier(name)
    if transform not in integers.LAYOUTS:
        raise InputError(
            f"transform is {ascii(transform)[:40]}; expected one of {', '.join(integers.LAYOUTS)}"
        )
    card = model.card
    if card.bidirectional:
        raise InputError(
            "this model reads in both directions, and exported C step by step; expected another one"
        )
    if card.integer is None and transform != "fwht":
        raise InputError(f"transform={transform!r} is for integer models, which Model.quantize makes")
    windowed = windows_values(card, windows)
    steps = MOST if plenty_of_memory else check_longest(card, longest, windowed.get("window_length"))
    hears = None if plenty_of_memory or resolution is not None else hearing(card)
    if hears is not None and card.integer is not None:
        resolution = sound.RESOLUTION
    raw, tables = None if plenty_of_memory else raw_values(card, resolution), Tables()
    network = (
        floats.values(model, tables)
        if card.integer is None
        else integers.values(model, transform, steps, tables)
    )
    c_files = [f"{name}{part}.c" for part in ("", "_sound")[: 1 + (hears is not None)]]
    prepare = {"raw": False} if raw is None else raw.values(name, tables)
    values = {
        "name": name,
        "NAME": name.upper(),
        **_common(card),
        **classes(card),
        "c_files": [{"file": file} for file in c_files],
        "sources": json.dumps([f"+<{file}>" for file in c_files]),
        **network,
        **prepare,
        **given(raw, network["input_kind"]),
        "unpacked": plenty_of_memory and card.integer is None,
        **windowed,
        "layers": [{**_layer(card, i), **layer} for i, layer in enumerate(network["layers"])],
        **table_values(tables, _largest_index(card)),
        "architectures": ",".join(architectures(table_bytes(tables))),
        "platforms": json.dumps(platforms(table_bytes(tables))),
    }
    files = {
        f"{name}.h": ("header.h.in", values),
        f"{name}.c": (network["template"], values),
        f"examples/{name}/main.c": ("example.c.in", values),
        "examples/serial/serial.ino": ("sketch.ino.in", values),
        "library.properties": ("library.properties.in", values),
        "library.json": ("library.json.in", values),
        "CMakeLists.txt": ("CMakeLists.txt.in", values),
        "idf_component.yml": ("idf_component.yml.in", values),
        "zephyr/module.yml": ("module.yml.in", values),
        "zephyr/CMakeLists.txt": ("zephyr.txt.in", values),
    }
    if hears is not None:
        front_end = sound.values(card, name, hears.rate, raw is not None)
        files |= {f"{name}_sound.{end}": (f"sound.{end}.in", front_end) for end in "hc"}
        files[f"examples/{name}_sound/main.c"] = ("sound_example.c.in", front_end)
    return {file: render(template, inserted) for file, (template, inserted) in files.items()}


def _common(card: Card) -> dict[str, Any]:
    """The values that float and integer models share; they do not depend on the machine that writes them."""
    size, tokens = (card.input_size, False) if card.input == "features" else (1, True)
    one_token = f"one token, 0 to {card.input_size - 1}"
    labels = re.sub(
        r"[^A-Za-z0-9 .,:+\-]", "?", ", ".join(card.labels or ())
    )  # so that labels end neither a comment nor a line
    return {
        "input_size": size,
        "time_step": one_token if tokens else f"{size} feature{'s' * (size > 1)}",
        "tokens": tokens,
        "inputs": card.input_width,
        "outputs": card.output_size,
        "output": card.output,
        "every_step": card.output == "all",
        "hidden_size": card.layers[-1].hidden_size,
        "top": len(card.layers) - 1,
        "about_weights": "float32" if card.weight_bits is None else f"{card.weight_bits} bits",
        "permuted": card.preprocess.permutation is not None,
        "labels": "\n * ".join(textwrap.wrap(labels[:400], 90, break_on_hyphens=False)),
    }


def _layer(card: Card, i: int) -> dict[str, Any]:
    layer = card.layers[i]
    return {
        "i": i,
        "below": i - 1,
        "first": i == 0,
        "units": layer.hidden_size,
        "block": layer.block_size,
        "recurrence": layer.recurrence,
    }


def _largest_index(card: Card) -> int:
    """The largest index of an entry of a matrix, or of a bit if the codes of a matrix span bytes."""
    sizes = [layer.hidden_size for layer in card.layers]
    input_bits, output_bits = (
        1 if bits is None or 8 % code_width(bits) == 0 else code_width(bits)
        for bits in (card.weight_bits, card.output_weight_bits)
    )
    largest = [sizes[0] * card.input_width * input_bits, card.output_width * card.output_size * output_bits]
    largest += [hadamard.factor(layer.block_size)[0] ** 2 for layer in card.layers]
    largest += [below * size for below, size in pairwise(sizes)]
    if card.embedding_size is not None:
        largest.append(card.input_size * card.embedding_size)
    return max(largest)
