"""The folder that ``export.web`` writes: its files, its size, its compilers, and what is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.errors import HadamRNNError, InputError
from hadamrnn_ext.export import wasm

COMPILERS = wasm.compilers()
needs_compiler = pytest.mark.skipif(
    not COMPILERS and not os.environ.get("HADAMRNN_CI"), reason="there is no compiler of WebAssembly"
)
MODELS = [name for name in hr.models() if hr.load(name).card.embedding_size is None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("web") / "page"
    hr.export.web(hr.load("smnist-int12"), path, "smnist-int12")
    return path


@needs_compiler
@pytest.mark.parametrize("name", MODELS)
def test_a_bundled_model_takes_less_than_20_kb_of_webassembly(name, tmp_path):
    paths = hr.export.web(hr.load(name), tmp_path, name)
    sizes = {path.name: path.stat().st_size for path in paths}
    assert sizes["model.wasm"] < 20_000
    assert sum(sizes.values()) < (60_000 if name == "smnist-int12" else 64_000)
    assert {path.name for path in tmp_path.iterdir()} == set(sizes)


@needs_compiler
def test_the_module_stands_alone(folder):
    """It imports nothing and needs no system: its sections are types, functions, memory, exports, code and data."""
    data = (folder / "model.wasm").read_bytes()
    assert data[:8] == b"\0asm\1\0\0\0"
    sections, at = [], 8
    while at < len(data):
        sections.append(data[at])
        size, shift, at = 0, 0, at + 1
        while True:
            size |= (data[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if data[at - 1] < 128:
                break
        at += size
    assert 2 not in sections  # imports
    assert {1, 3, 5, 7, 10, 11} <= set(sections)


@needs_compiler
def test_no_file_asks_for_another_site(folder):
    for path in folder.iterdir():
        if path.suffix != ".wasm":
            assert not re.findall(r"https?://", path.read_text(encoding="utf-8")), path.name


@needs_compiler
def test_every_file_that_another_one_names_is_there(folder):
    named = set()
    for path in folder.iterdir():
        if path.suffix in (".js", ".html"):
            named |= set(re.findall(r'(?:from |URL\(|src=|href=)"(?:\./)?([\w.]+)"', path.read_text()))
    assert {"model.js", "card.js", "page.css", "model.wasm"} <= named
    assert named <= {path.name for path in folder.iterdir()}


@needs_compiler
def test_the_package_is_one_for_npm(folder):
    package = json.loads((folder / "package.json").read_text())
    assert package["name"] == "smnist-int12"
    assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
    assert package["type"] == "module"
    listed = {path.name for path in folder.iterdir()} - {"package.json"}
    assert set(package["files"]) == listed
    assert {package["main"], package["types"]} == {"./model.js", "./model.d.ts"}


@needs_compiler
def test_npm_packs_all_files(folder, tmp_path):
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm; test_the_package_is_one_for_npm checks its rules")
    done = subprocess.run(
        [npm, "pack", "--json", "--offline", "--cache", tmp_path, "--pack-destination", tmp_path],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    assert {file["path"] for file in json.loads(done.stdout)[0]["files"]} == {
        path.name for path in folder.iterdir()
    }


@needs_compiler
def test_the_card_holds_every_float_exactly(make_model, rng, tmp_path):
    offsets, scales = tuple(rng.normal(size=2)), tuple(rng.uniform(0.1, 3, size=2))
    rules = hr.Preprocess(normalization=hr.Normalization(offsets, scales))
    hr.export.web(make_model(rng, preprocess=rules, labels=("</script>", "\u2028", '"')), tmp_path)
    text = (tmp_path / "card.js").read_text(encoding="utf-8")
    card = json.loads(text.split("export default ")[1].rstrip(";\n"))
    assert (tuple(card["offset"]), tuple(card["scale"])) == (offsets, scales)
    assert card["labels"] == ["</script>", "\u2028", '"']


@needs_compiler
@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_compiler_makes_a_module(compiler):
    assert (
        wasm.compiled({"a.c": "int answer(void); int answer(void) { return 42; }"}, "a.c", compiler)[:4]
        == b"\0asm"
    )


@needs_compiler
def test_an_error_of_the_compiler_is_told():
    with pytest.raises(HadamRNNError, match=r"ended with 1: [\s\S]*nonsense"):
        wasm.compiled({"a.c": "nonsense"}, "a.c")


def test_without_a_compiler_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(wasm, "compilers", dict)
    with pytest.raises(ImportError, match=r"ziglang.*pip install '\.\[web\]'.*clang with wasm-ld"):
        hr.export.web(hr.load("har2"), tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_names_that_no_package_can_have_are_refused(tmp_path):
    for name in ("", "Big", "a b", "-a", "a" * 101, "../a", None):
        with pytest.raises(InputError, match="expected small letters"):
            hr.export.web(hr.load("har2"), tmp_path, name)


def test_models_that_exported_c_lacks_are_refused(make_model, rng, tmp_path):
    with pytest.raises(InputError, match="reads in both directions"):
        hr.export.web(make_model(rng, bidirectional=True), tmp_path)
    floats = hr.load("copy").quantize(readout="float", calibration=np.zeros((1, 9), int))
    with pytest.raises(InputError, match="readout is in float"):
        hr.export.web(floats, tmp_path)


def test_pictures_that_are_not_square_are_refused(make_model, rng, tmp_path):
    rules = hr.Preprocess(uint8_scale=1 / 255, permutation=hr.Permutation(seed=0, size=30))
    with pytest.raises(InputError, match="permutes 30 pixels; expected a square number"):
        hr.export.web(make_model(rng, input_size=1, preprocess=rules), tmp_path)
