"""What all tests share: seeded random numbers, small random networks, and where the real data lies."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import settings

from hadamrnn_ext.golden.floats import Layer, Network

# An error of the command line that nobody has foreseen is a failure, and shows where it comes from; in processes too.
os.environ["HADAMRNN_TRACEBACK"] = "1"

# Property tests draw the same examples on every run, and a slow machine is no failure.
settings.register_profile("fixed", deadline=None, derandomize=True)
settings.load_profile("fixed")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20250203)


@pytest.fixture
def data_dir() -> Path:
    """The folder with ``mnist/``, ``imdb/``, ..: $HADAMRNN_DATA, or shared/data beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("HADAMRNN_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data: set HADAMRNN_DATA ({folder} is not a folder)")
    return folder


@pytest.fixture
def make_tokenizer(tmp_path) -> Callable[[list[str]], Path]:
    """Saves a tokenizer of these word pieces as transformers does, and `words.txt`; returns the folder."""

    def make(words: list[str]) -> Path:
        transformers, tokenizers = pytest.importorskip("transformers"), pytest.importorskip("tokenizers")
        pieces = tokenizers.Tokenizer(
            tokenizers.models.WordPiece({word: token for token, word in enumerate(words)}, unk_token="[UNK]")
        )
        pieces.normalizer = tokenizers.normalizers.BertNormalizer()
        pieces.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
        fast = transformers.PreTrainedTokenizerFast(
            tokenizer_object=pieces, pad_token="[PAD]", unk_token="[UNK]"
        )
        folder = tmp_path / "tokenizer"
        fast.save_pretrained(folder)
        (folder / "words.txt").write_text("\n".join(words))
        return folder

    return make


@pytest.fixture
def tokenizer_dir(make_tokenizer) -> Path:
    return make_tokenizer(
        ["[PAD]", "[UNK]", "a", "film", "of", "its", "kind", "fine", "great", "un", "##fine", "poor", "."]
    )


@pytest.fixture(scope="session")
def random_network() -> Callable[..., Network]:
    return _random_network


def _random_network(
    rng: np.random.Generator,
    sizes: list[tuple[int, int]],
    input_size: int = 3,
    output_size: int = 5,
    recurrence: str = "linear",
    vocabulary: int | None = None,
    tokens: bool = False,
    output: Literal["last", "all", "mean"] = "last",
) -> Network:
    """A network with one layer for each (hidden size, block size); ``vocabulary`` gives it an embedding."""

    def floats(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    def signs(*shape: int) -> np.ndarray:
        return rng.choice(np.array([-1, 1], np.int8), shape)

    layers = []
    for index, (n, m) in enumerate(sizes):
        modrelu = floats(n) if recurrence == "modrelu" else None
        below = signs(n, sizes[index - 1][0]) if index else None
        layers.append(Layer(m, signs(n), floats(n), recurrence, modrelu, below))
    first, last = sizes[0][0], sizes[-1][0]
    embedding = None if vocabulary is None else floats(vocabulary, input_size)
    return Network(
        layers,
        input_weight=floats(first, input_size),
        output_weight=floats(output_size, last),
        output_bias=floats(output_size),
        embedding=embedding,
        tokens=tokens or embedding is not None,
        output=output,
    )


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Any]:
    return _make_model


def _make_model(
    rng: np.random.Generator, *, sizes=((8, 8),), recurrence="linear", kernel="auto", **fields
) -> Any:
    """A Model with random parameters, one layer for each (hidden size, block size); ``fields`` go to the card."""
    from hadamrnn_ext.file import tensors
    from hadamrnn_ext.file.card import Card, LayerCard
    from hadamrnn_ext.model import model

    layers = tuple(LayerCard(n, m, recurrence) for n, m in sizes)
    defaults = {"input": "features", "output": "last", "input_size": 2, "output_size": 3, "layers": layers}
    card = Card(**{**defaults, **fields})
    parameters = {
        name: rng.integers(0, 256, shape).astype(np.uint8)
        if name.endswith(".decays")
        else rng.normal(size=shape)
        for name, shape in tensors.parameter_shapes(card).items()
    }
    return model.Model.from_parameters(card, parameters, kernel)


@pytest.fixture(scope="session")
def integer_network() -> Callable[..., Any]:
    return _integer_network


def _integer_network(model: Any) -> Any:
    """The golden network of an integer model."""
    from hadamrnn_ext.golden import integers as golden_integer

    card, integer, p = model.card, model.card.integer, model.parameters()
    layers = [
        golden_integer.Layer(
            layer.block_size,
            p[f"layers.{i}.signs"],
            p[f"layers.{i}.bias"],
            c.state_bits,
            c.fraction_bits,
            c.multiplier,
            c.input_multiplier,
            c.input_shift,
            layer.recurrence,
            p.get(f"layers.{i}.modrelu"),
            p.get(f"layers.{i}.input_signs"),
        )
        for i, (layer, c) in enumerate(zip(card.layers, integer.layers, strict=True))
    ]
    features = integer.input
    return golden_integer.Network(
        layers,
        p["output.codes" if integer.readout == "integer" else "output.weight"],
        p["output.bias"],
        np.float32(integer.layers[-1].readout(card.output)[1]),
        None if integer.logit_scale is None else np.float32(integer.logit_scale),
        p.get("input.codes"),
        None if features is None else np.float32(features.scale),
        (0, 0) if features is None else features.range,
        p.get("table.codes"),
        p.get("table.multiplier"),
        card.output,
    )


@pytest.fixture(scope="session")
def digits_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with ``mnist/``: 60 training and 20 test digits of random pixels, one pair compressed."""
    folder = tmp_path_factory.mktemp("digits")
    (folder / "mnist").mkdir()
    rng = np.random.default_rng(0)
    for prefix, count, suffix in (("train", 60, ".gz"), ("t10k", 20, "")):
        for kind, shape, high in (("images-idx3", (count, 28, 28), 256), ("labels-idx1", (count,), 10)):
            content = _idx(rng.integers(0, high, shape, dtype=np.uint8))
            path = folder / "mnist" / f"{prefix}-{kind}-ubyte{suffix}"
            path.write_bytes(gzip.compress(content) if suffix else content)
    return folder


def _idx(array: np.ndarray) -> bytes:
    """The IDX file of an array of bytes, by the description of the format."""
    return (
        bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()
    )
