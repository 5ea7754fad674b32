"""The front door: models by name or path, sample digits, a light import."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.errors import UnknownModelError

IMAGES = ("smnist", "pmnist", "block-pmnist", "fashion")


def same(a, b):
    np.testing.assert_array_equal(a, b, strict=True)


def test_infer_takes_a_model_or_a_path(rng, make_model, tmp_path):
    model = make_model(rng)
    model.save(tmp_path / "m.safetensors")
    x = rng.normal(size=(4, 2))
    for source in (model, tmp_path / "m.safetensors", str(tmp_path / "m.safetensors")):
        same(hr.infer(x, source), model.infer(x))
    assert hr.load(tmp_path / "m.safetensors", kernel="dense").kernel == "dense"


def test_bundled_models_load_and_read_their_samples():
    names = hr.models()
    assert names == sorted(names)
    for name in names:
        model = hr.load(name)
        assert model == hr.load(name)
        assert model.isa == hr.isa.active()
        assert model.card.training is not None


@pytest.mark.parametrize("name", hr.models())
def test_a_bundled_model_answers_its_samples(name):
    inputs, answers = hr.zoo.samples(name)
    if name.startswith(IMAGES):
        assert inputs.shape[1:] == (28, 28)
        assert inputs.max() > 200
        inputs = inputs.reshape(len(inputs), 784, 1)
    logits = hr.load(name).infer(inputs)
    if name.startswith("digits-stream"):
        logits = logits[:, -1]  # of the last frame, at which the word is known
    met = logits[..., 0] > 0 if logits.shape[-1] == 1 else logits.argmax(-1)
    same(met.astype(np.int64), answers)


def test_there_are_no_samples_of_other_names():
    with pytest.raises(UnknownModelError, match=r"no samples for 'mnist'; expected one of smnist, "):
        hr.zoo.samples("mnist")


def test_bundled_models_of_texts_take_strings():
    for name in ("imdb", "sst2"):
        good, bad = hr.infer(["a wonderful film", "a dull and tedious film"], model=name)[:, 0]
        assert good > 0 > bad
        assert hr.infer("a wonderful film", model=name) == good
        assert hr.load(name).classify("a wonderful film").labels == "positive"


def test_a_bundled_model_follows_the_instruction_set():
    active = hr.isa.active()
    try:
        for isa in hr.isa.available():
            hr.isa.use(isa)
            assert {hr.load(name).isa for name in hr.models()} <= {isa}
    finally:
        hr.isa.use(active)


def test_import_needs_neither_torch_nor_time():
    code = "import sys, hadamrnn_ext; print(sorted({'torch', 'rich', 'hadamrnn_ext.nn'} & set(sys.modules)))"
    path = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.stdout.strip() == "[]"


def test_the_first_sequence_waits_for_no_import():
    code = """
import sys
import hadamrnn_ext as hr
images, _ = hr.zoo.samples()
model = hr.load()
before = set(sys.modules)
model.infer(images[0].reshape(784, 1))
print(sorted(set(sys.modules) - before))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
