"""Every bundled model as a page, as the table of docs/web.md: bytes, and the time of a step beside that of the native core.

PYTHONPATH=tools python tools/web_table.py [MODEL ...]   # needs Chromium and the extra `web`
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import hadamrnn_ext as hr
from browser import Page, browser, served

ROUNDS = 40  # in turns, of which the fastest counts, since other work only adds to a time
MILLISECONDS = 15  # of a round in the browser

MEASURE = """(async () => {
  const { load } = await import("./model.js");
  window.model ??= await load();
  const x = %s;
  model.infer(x);
  const begin = performance.now();
  let count = 0;
  while (performance.now() - begin < %d) { model.infer(x); ++count; }
  return (performance.now() - begin) / count;
})()"""
ARRAYS = {"uint8": "Uint8Array", "int32": "Int32Array", "float32": "Float32Array", "float64": "Float64Array"}


def sample(name: str, model: hr.Model) -> np.ndarray[Any, Any]:
    """A sequence of the kind that the model was trained on, as ``infer`` takes it."""
    x = hr.zoo.samples(name)[0][0]
    if isinstance(x, str):
        assert model.card.preprocess.vocabulary is not None
        return model.card.preprocess.vocabulary.tokens(x)
    x = np.asarray(x)
    if x.dtype == np.uint8:
        return x.reshape(-1, 1)
    return x.astype(np.int32) if x.dtype.kind == "i" else x


def row(page: Page, name: str, folder: Path) -> str:
    model = hr.load(name)
    x = sample(name, model)
    sizes = {path.name: path.read_bytes() for path in hr.export.web(model, folder, name)}
    script = f"new {ARRAYS[x.dtype.name]}({json.dumps(x.reshape(-1).tolist())})"
    with served(folder) as address:
        page.open(address)
        logits = page.evaluate(
            f"(async () => Array.from(new Uint32Array((await (await import('./model.js')).load()).infer({script}).buffer)))()"
        )
        if logits != model.infer(x).reshape(-1).view(np.uint32).tolist():
            raise SystemExit(f"{name}: a logit in the browser differs from that of Python")
        hr.isa.use("scalar")
        scalar = hr.load(name)
        times = [
            (page.evaluate(MEASURE % (script, MILLISECONDS)) / 1000, native(scalar, x)) for _ in range(ROUNDS)
        ]
    here, there = (1e6 * min(column) / len(x) for column in zip(*times, strict=True))
    total = sum(map(len, sizes.values()))
    packed = sum(len(gzip.compress(data)) for data in sizes.values())
    wasm = len(sizes["model.wasm"])
    return f"| {name} | {wasm:,} | {total:,} | {packed:,} | {here:.2f} | {there:.2f} | {here / there:.2f} |"


def native(model: hr.Model, x: np.ndarray[Any, Any]) -> float:
    """The seconds of one sequence on one thread."""
    model.infer(x, num_threads=1)
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < MILLISECONDS / 1000:
        model.infer(x, num_threads=1)
        count += 1
    return (time.perf_counter() - begin) / count


def main() -> None:
    parser = argparse.ArgumentParser(prog="web_table", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: all bundled models")
    names = parser.parse_args().models or hr.models()
    print(
        "| model | model.wasm, B | folder, B | the same in gzip, B | browser, µs | native scalar, µs | ratio |"
    )
    print("|---|---|---|---|---|---|---|")
    with browser() as page:
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                print(row(page, name, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
