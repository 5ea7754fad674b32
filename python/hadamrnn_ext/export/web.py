"""``hr.export.web`` writes a folder with a model as WebAssembly, a JavaScript module that runs it, and a page that shows it."""

from __future__ import annotations

import html
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..disk import write
from ..errors import InputError
from ..file.card import Card
from ..model import Model
from .input_weights import input_kind
from .library import sources
from .tables import real
from .template import render

__all__ = ["web"]

_FOLDER = "web"  # of the templates
#: The scripts that every folder has, and those of each kind of page.
_SCRIPTS = ("model.js", "input.js", "page.js", "parts.js", "answers.js", "page.css")
_SCRIPTS_OF = {
    "pixels": ("pixels.js", "drawing.js"),
    "sound": ("sound.js", "mel.js", "listening.js", "recorder.js", "spectrogram.js"),
    "series": ("series.js", "table.js", "motion.js"),
    "symbols": ("symbols.js",),
    "text": ("text.js",),
}
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


def web(
    model: Model,
    directory: str | os.PathLike[str],
    name: str = "model",
) -> list[Path]:
    """Write a folder that any web server can serve, and that works without a network: no file asks for another site.

    * ``model.wasm``: the exported C of the model, a few kB (docs/web.md).
    * ``model.js`` and ``model.d.ts``: a module without dependencies, for browsers, Node.js and bundlers. Its ``load``,
      ``infer`` and ``Stream`` give the same bits as ``Model.infer``.
    * ``package.json``: the folder is a package for npm.
    * ``index.html``: a page for what the model reads: a drawing, sound, a table or the motion of a phone, or text.

    Args:
        directory: created if it is missing; existing files of the same names are replaced.
        name: the title of the page and the name of the package: small letters, digits, dots, hyphens and underscores.

    Returns:
        The paths of the files written.

    Raises:
        ImportError: no compiler is installed; the ``web`` extra brings one.
        InputError: the name is not one of a package; the model reads pictures that are not square; or exported C does not have such a model
            (see ``export.c``).
        OSError: a file cannot be written.

    Examples:
        >>> paths = hr.export.web(hr.load("har2"), "har2_page", "har2")
        >>> [path.name for path in paths if path.suffix == ".html"]
        ['index.html']
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(
            f"name is {ascii(name)[:60]}; expected small letters, digits, dots, hyphens and underscores, as in a package of npm"
        )
    from .page import page  # which imports readers of data, as nothing else here does

    shown = page(model.card)
    kind = shown["kind"]
    values = {
        "name": name,
        "kind": kind,
        "card": json.dumps(_facts(model.card, name, shown), ensure_ascii=False, separators=(",", ":")),
        "title": html.escape(name),
        "about": html.escape(_about(model)),
    }
    folder = files(__package__) / "templates" / _FOLDER
    content = {file: (folder / file).read_bytes() for file in (*_SCRIPTS, *_SCRIPTS_OF[kind])}
    for file in ("card.js", "index.html", "model.d.ts"):
        content[file] = render(f"{_FOLDER}/{file}.in", values).encode()
    content["model.wasm"] = _module(model)
    listed = {"files": json.dumps(sorted(content))}
    content["package.json"] = render(f"{_FOLDER}/package.json.in", {**values, **listed}).encode()
    Path(directory).mkdir(parents=True, exist_ok=True)
    paths = []
    for file, data in sorted(content.items()):
        paths.append(Path(directory) / file)
        write(paths[-1], data)
    return paths


def _module(model: Model) -> bytes:
    """The WebAssembly of a model."""
    from .wasm import compiled  # which takes milliseconds to import

    content, integer = sources(model, plenty_of_memory=True), model.card.integer
    values = {
        "name": "model",
        "NAME": "MODEL",
        "unpacked": model.card.integer is None,
        "every_step": model.card.output == "all",
        "scale": real(1.0 if integer is None else integer.logit_scale or 1.0),
    }
    content["web.c"] = render("web.c.in", values)
    return compiled({file: text for file, text in content.items() if "/" not in file}, "web.c")


def _facts(card: Card, name: str, shown: dict[str, Any]) -> dict[str, Any]:
    """What ``model.js`` has to know of a card. All floats are exact."""
    steps, integer = card.preprocess, card.integer
    features = None if integer is None else integer.input
    facts = {
        "name": name,
        "labels": card.labels,
        "inputSize": card.input_size,
        "outputSize": card.output_size,
        "tokens": card.input == "tokens",
        "everyStep": card.output == "all",
        "number": _number(card),
        "byteScale": steps.uint8_scale,
        "permutation": None if steps.permutation is None else steps.permutation.indices().tolist(),
        "page": shown,
    }
    if (normalization := steps.normalization) is not None:
        facts |= {"offset": normalization.offset, "scale": normalization.scale, "fine": normalization.fine}
    if features is not None:
        facts["codes"] = {"scale": features.scale, "range": features.range}
    if (words := steps.vocabulary) is not None:
        facts["vocabulary"] = {"words": words.words, "unknown": words.unknown, "length": words.length}
    return facts


def _number(card: Card) -> str:
    """The beginning of the name of JavaScript's array of what a step of the network reads."""
    if card.integer is None:
        return "Int32" if card.input == "tokens" else "Float32"
    return input_kind(card).removesuffix("_t").capitalize()


def _about(model: Model) -> str:
    """A line about the model for its page."""
    units = " + ".join(f"{layer.hidden_size:,}" for layer in model.card.layers)
    facts = [f"A recurrent network of {units} units"]
    facts.append(f"in a file of {model.describe().file_bytes:,} bytes")
    training = model.card.training
    if training is not None and (accuracy := training.metrics.get("test_accuracy")) is not None:
        facts.append(f"right in {100 * accuracy:.1f} % of the test data")
    return ", ".join(facts)
