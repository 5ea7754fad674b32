"""Tries an installed wheel in an environment that has only its dependencies. Raises if something is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distributions

import numpy as np

import hadamrnn_ext as hr
from hadamrnn_ext import _core

LIMIT = int(os.environ.get("HADAMRNN_MOST_BYTES", "1_250_000"))  # more where a C++ library is linked in

names = {distribution.name.lower() for distribution in distributions()} - {"pip", "setuptools"}
assert names == {"hadamrnn_ext", "numpy", "safetensors"}, names
assert {"smnist", "pmnist"} <= set(hr.models()), hr.models()

print(hr.infer(np.zeros((784, 1), "float32")))
images, digits = hr.zoo.samples()
for name in ("smnist", "pmnist"):
    model = hr.load(name)
    labels, _ = model.classify(images.reshape(-1, 784, 1))
    assert [str(label) for label in labels[:, 0]] == [str(digit) for digit in digits], (name, labels, digits)
    print(f"{name}\n{model.describe()}\n")
assert hr.infer("a wonderful film", model="sst2") > 0
assert hr.infer("a dull and tedious film", model="imdb") < 0
waves = np.sin(np.arange(40) * np.repeat([0.2, 0.5], 10)[:, None] + np.arange(20)[:, None])  # of two pitches
assert (hr.fit(waves, np.repeat(["low", "high"], 10)).model.classify(waves[:1].T).labels == "low").all()
with tempfile.TemporaryDirectory() as folder:  # from templates, which travel in the wheel
    for path in hr.export.c(hr.load("smnist"), folder):
        print(f"{path.name}: {path.stat().st_size:,} bytes")
try:
    import hadamrnn_ext.nn  # noqa: F401

    message = "hadamrnn_ext.nn was imported without torch"
except ImportError as error:
    message = str(error)
assert "pip install '.[train]'" in message, message
assert "torch" not in sys.modules

size = os.path.getsize(_core.__file__)
print(f"{os.path.basename(_core.__file__)}: {size:,} bytes")
assert size < LIMIT, f"the extension has {size:,} bytes, more than {LIMIT:,}"
if sys.platform == "linux" and shutil.which("nm"):
    nm = ["nm", "--dynamic", "--defined-only", "--format=just-symbols", _core.__file__]
    symbols = subprocess.run(nm, check=True, capture_output=True, text=True).stdout.split()
    assert symbols == ["PyInit__core"], f"the extension shows {symbols}, not PyInit__core alone"
