"""Model.infer against the golden model, input forms, classify, describe, the bundled models' front door."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest

import hadamrnn_ext as hr
from drawn import draw, same
from hadamrnn_ext.errors import InputError, KernelError
from hadamrnn_ext.file.preprocess import Normalization, Permutation, Preprocess, Vocabulary
from hadamrnn_ext.golden import floats as golden
from hadamrnn_ext.model import Model
from hadamrnn_ext.model.classify import classify

KINDS = {
    "plain": {"sizes": ((32, 32),)},
    "blocks": {"sizes": ((24, 8),), "output": "all", "weight_bits": 1},
    "paley": {"sizes": ((48, 24),), "recurrence": "modrelu", "bias_bits": 5},
    "onehot": {"sizes": ((16, 16),), "input": "tokens", "input_size": 7, "output": "all"},
    "mean": {"sizes": ((40, 20),), "output": "mean"},
    "embedding": {
        "sizes": ((16, 4),),
        "input": "tokens",
        "input_size": 7,
        "embedding_size": 5,
        "recurrence": "relu",
    },
    "layers": {
        "sizes": ((20, 20), (16, 16)),
        "recurrence": "sign",
        "weight_bits": None,
        "output_weight_bits": None,
    },
    "both directions": {"bidirectional": True, "sizes": ((24, 12),), "recurrence": "modrelu"},
    "all, both directions": {"bidirectional": True, "output": "all", "bias_bits": 8},
    "words, both directions": {
        "bidirectional": True,
        "input": "tokens",
        "input_size": 7,
        "embedding_size": 5,
        "output": "mean",
    },
}


@pytest.fixture(params=KINDS)
def model(request, rng, make_model):
    return make_model(rng, **KINDS[request.param])


@pytest.fixture
def pixels(rng, make_model):
    return make_model(rng, sizes=((16, 16),), input_size=1, preprocess=Preprocess(uint8_scale=1 / 255))


def network(model):
    """The golden network of a model."""
    p = model.parameters()
    if not model.card.bidirectional:
        return one_way(model, p)
    backwards = {**p, **{name.removeprefix("reverse."): p[name] for name in p if name.startswith("reverse.")}}
    second = one_way(model, {**backwards, "output.bias": np.zeros_like(p["output.bias"])})
    return dataclasses.replace(one_way(model, p), backwards=second)


def one_way(model, p):
    layers = [
        golden.Layer(
            layer.block_size,
            p[f"layers.{i}.signs"],
            p[f"layers.{i}.bias"],
            layer.recurrence,
            p.get(f"layers.{i}.modrelu"),
            p.get(f"layers.{i}.input_signs"),
        )
        for i, layer in enumerate(model.card.layers)
    ]
    return golden.Network(
        layers,
        p["input.weight"],
        p["output.weight"],
        p["output.bias"],
        p.get("embedding.weight"),
        model.card.input == "tokens",
        model.card.output,
    )


def test_infer_is_the_golden_model(rng, model):
    x = draw(rng, model, 5, 9)
    same(model.infer(x), golden.forward(network(model), x))


def test_lengths(rng, model):
    x, lengths = draw(rng, model, 4, 6), np.array([6, 1, 3, 5])
    same(model.infer(x, lengths), golden.forward(network(model), x, lengths))
    same(
        model.infer(x, lengths.tolist(), num_threads=3),
        model.infer(x, lengths.astype(np.uint8), num_threads=1),
    )
    for sequence, length, y in zip(x, lengths, model.infer(x, lengths), strict=True):
        alone = model.infer(sequence[:length])
        same(model.infer(sequence, int(length)), y)
        same(y if model.card.output != "all" else y[:length], alone)
        assert model.card.output != "all" or not y[length:].any()


def test_batch_equals_one_by_one(rng, model):
    x = draw(rng, model, 6, 5)
    together = model.infer(x)
    for sequence, y in zip(x, together, strict=True):
        same(model.infer(sequence), y)


def test_thread_count_does_not_change_the_bits(rng, model, monkeypatch):
    x = draw(rng, model, 11, 5)
    expected = model.infer(x, num_threads=1)
    for count in (2, 3, 64):
        same(model.infer(x, num_threads=count), expected)
    monkeypatch.setenv("HADAMRNN_NUM_THREADS", "2")
    same(model.infer(x), expected)


def test_empty_batch(rng, model):
    x = draw(rng, model, 0, 5)
    y = model.infer(x, np.zeros(0, np.int64))
    assert y.shape == ((0, 3) if model.card.output != "all" else (0, 5, 3))
    assert y.dtype == np.float32


def test_layout_and_byte_order_do_not_matter(rng, model):
    x = draw(rng, model, 4, 6)
    expected = model.infer(x)
    wide = np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)
    unaligned = np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)
    assert not unaligned.flags.aligned
    readonly = x.copy()
    readonly.flags.writeable = False
    for form in (
        wide[::2, ::3],
        np.asfortranarray(x),
        x[:, ::-1].copy()[:, ::-1],
        x.astype(x.dtype.newbyteorder()),
        unaligned,
        readonly,
        x.tolist(),
        memoryview(x),
        x.astype(np.float64 if x.dtype.kind == "f" else np.uint16),
    ):
        same(model.infer(form), expected)


def test_the_input_is_left_alone(rng, model):
    x = draw(rng, model, 4, 6)
    before = x.copy()
    model.infer(x)
    same(x, before)


def test_numbers_of_every_real_type(rng, make_model):
    model = make_model(rng)
    x = rng.integers(0, 2, (7, 2))
    expected = model.infer(x.astype(np.float32))
    for dtype in (bool, np.int8, np.uint8, np.int64, np.uint64, np.float16, np.float64, np.longdouble):
        same(model.infer(x.astype(dtype)), expected)


def test_denormals_and_signed_zeros(rng, make_model):
    model = make_model(rng, sizes=((16, 16),))
    x = np.array([[1e-40, -0.0], [-1e-45, 0.0], [0.0, 3e-39]], np.float32)
    same(model.infer(x[None]), golden.forward(network(model), x[None]))


def test_unchecked_nan_stays_nan(rng, make_model):
    """NaN spreads over the state, and no relu takes it for 0."""
    model = make_model(rng)
    assert np.isnan(model.infer([[1, np.nan], [0, 0]], check_finite=False)).all()


def test_out(rng, model):
    x = draw(rng, model, 4, 6)
    expected = model.infer(x)
    out = np.full_like(expected, np.nan)
    assert model.infer(x, out=out) is out
    same(out, expected)
    one = np.empty_like(expected[0])
    assert model.infer(x[0], out=one) is one
    same(one, expected[0])


# Preprocessing


def test_uint8_is_scaled_and_floats_are_not(rng, pixels):
    image = rng.integers(0, 256, (3, 30, 1)).astype(np.uint8)
    same(pixels.infer(image), pixels.infer(image.astype(np.float32) * np.float32(1 / 255)))


def test_a_model_of_numbers_takes_uint8_as_numbers(rng, make_model):
    model = make_model(rng)
    x = rng.integers(0, 256, (5, 2)).astype(np.uint8)
    same(model.infer(x), model.infer(x.astype(np.float32)))


def test_normalization_then_permutation(rng, make_model):
    steps = Preprocess(permutation=Permutation(3, 6), normalization=Normalization((1.0, -2.0), (3.0, 0.1)))
    model = make_model(rng, preprocess=steps)
    plain = model.with_card(dataclasses.replace(model.card, preprocess=Preprocess()))
    x = rng.normal(size=(4, 6, 2)).astype(np.float32)
    normalized = (x - np.float32([1, -2])) / np.float32([3, 0.1])
    permuted = normalized[:, np.random.RandomState(3).permutation(6)]
    same(model.infer(x), plain.infer(permuted))
    same(model.infer(x, [6, 6, 6, 6]), plain.infer(permuted))
    same(model.infer(x[0]), plain.infer(permuted[0]))


def test_permutation_of_permuted_mnist():
    """First places of the permutation that the paper's code draws."""
    indices = Permutation(92916, 784).indices()
    assert sorted(indices) == list(range(784))
    same(indices, np.random.RandomState(92916).permutation(784))


# Classification


def test_classify_orders_by_probability(rng, make_model):
    model = make_model(rng, labels=("a", "b", "c"), output="all")
    x = rng.normal(size=(4, 5, 2))
    logits = model.infer(x).astype(np.float64)
    labels, probabilities = model.classify(x, top=3)
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(probabilities, -np.sort(-expected), rtol=1e-5)
    assert labels.shape == (4, 5, 3)
    np.testing.assert_array_equal(labels, np.array(["a", "b", "c"])[np.argsort(-logits)])
    np.testing.assert_array_equal(model.classify(x).labels, labels[..., :1])


def test_no_class_stands_for_nan(rng, make_model):
    """Nor for an infinity; the sequence and step are named."""
    last, every = (make_model(rng, output=output, labels=("a", "b", "c")) for output in ("last", "all"))
    x = rng.normal(size=(4, 9, 2)).astype(np.float32)
    x[2, 5] = np.nan
    for batch, model, place in [
        (x, last, "of sequence 2"),
        (x, every, "of sequence 2 after step 5"),
        (x[2], every, "after step 5"),
    ]:
        with pytest.raises(InputError, match=f"^logit 0 {place} is nan; expected finite logits"):
            model.classify(batch, check_finite=False)
    with pytest.raises(InputError, match=r"^logit 0 is nan"):
        last.classify(x[2], check_finite=False)
    for infinity in (np.inf, -np.inf):
        logits = np.float32([[1, 2, 3], [1, infinity, 3]])
        with pytest.raises(InputError, match=f"^logit 1 of sequence 1 is {infinity}; expected finite"):
            classify(logits, last.card, 1)
    assert classify(logits[:1], last.card, 1).labels.tolist() == [["c"]]
    with pytest.raises(InputError, match=r"^logit 1 is -inf"):
        classify(logits[1], every.card, 1)  # of a stream, which answers once
    assert classify(np.zeros((0, 3), np.float32), last.card, 1).labels.shape == (0, 1)
    one = make_model(rng, output_size=1, labels=("no", "yes"))
    with pytest.raises(InputError, match=r"^logit 0 of sequence 2 is nan"):
        one.classify(x, check_finite=False)


def test_classify_without_labels_gives_class_numbers(rng, make_model):
    model = make_model(rng)
    x = rng.normal(size=(5, 2))
    labels, _ = model.classify(x)
    assert labels.tolist() == [int(model.infer(x).argmax())]


def test_a_single_output_is_a_sigmoid(rng, make_model):
    model = make_model(rng, output_size=1, labels=("no", "yes"))
    x = rng.normal(size=(3, 5, 2))
    yes = 1 / (1 + np.exp(-model.infer(x).astype(np.float64)))[:, 0]
    labels, probabilities = model.classify(x, 2)
    np.testing.assert_allclose(np.where(labels == "yes", probabilities, 0).sum(1), yes, rtol=1e-5)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_text(rng, make_model):
    words = Vocabulary(("", "?", "good", "bad", "film", "it's"))
    model = make_model(
        rng, input="tokens", input_size=6, preprocess=Preprocess(vocabulary=words), output_size=2
    )
    alone = model.classify("It's a GOOD, good film!", top=2)
    same(alone.probabilities, model.classify(np.array([5, 1, 2, 2, 4]), top=2).probabilities)
    together = model.classify(["bad", "It's a GOOD, good film!"], top=2)
    same(together.probabilities[1], alone.probabilities)
    same(together.probabilities[0], model.classify([3], top=2).probabilities)


def test_text_of_a_set_length(rng, make_model):
    assert Vocabulary(("", "?", "a", "b"), length=3).tokens("a b").tolist() == [0, 2, 3]
    assert Vocabulary(("", "?", "a", "b"), length=3).tokens("b b x a b").tolist() == [1, 2, 3]


# Describe


def test_describe(rng, make_model):
    model = make_model(rng, sizes=((512, 512),), input_size=1, output_size=10, labels=tuple("0123456789"))
    facts = model.describe()
    assert facts.payload == {name: tensor.nbytes for name, tensor in model.tensors.items()}
    assert facts.payload_bytes == sum(facts.payload.values())
    assert facts.file_bytes == len(model.to_bytes())
    assert (facts.kernel, facts.isa) == (model.kernel, model.isa) == ("fwht", hr.isa.active())
    assert facts.step.adds == 512 * (9 + 1 + 1)  # nine stages, the bias, v
    assert facts.step.multiplies == 512 * 2  # U x, su
    assert (facts.readout.adds, facts.readout.multiplies) == (10 * 513, 10 * 512)
    text = str(facts)
    for fact in (
        "512 units, 1 x H_512 (sylvester), linear",
        "4-bit input, 4-bit output",
        "output.codes",
        "5,632 adds",
    ):
        assert fact in text
    assert model.kernel in repr(model)
    assert model.isa in repr(model)


def test_describe_a_mean(rng, make_model):
    last, mean = (make_model(rng, sizes=((32, 32),), output=output).describe() for output in ("last", "mean"))
    assert (mean.step.adds, mean.step.multiplies) == (last.step.adds + 32, last.step.multiplies)
    assert (mean.readout.adds, mean.readout.multiplies) == (last.readout.adds, last.readout.multiplies + 32)
    assert "3 logits of the mean over all steps" in str(mean)


def test_describe_other_kernels(rng, make_model):
    dense = make_model(rng, sizes=((24, 8),), kernel="dense").describe()
    assert (dense.step.adds, dense.step.multiplies) == (24 * 8 + 24 + 24 * 2, 24 * 24 + 24 + 24 * 2)
    xnor = make_model(rng, sizes=((128, 128),), recurrence="sign", kernel="xnor").describe()
    assert xnor.step.words == 128 * 2


# Kernels and instruction sets


@pytest.mark.parametrize("kernel", ["fwht", "masked_add", "dense"])
def test_every_kernel_is_golden(rng, make_model, kernel):
    model = make_model(rng, sizes=((24, 12),), kernel=kernel)
    x = rng.normal(size=(3, 5, 2)).astype(np.float32)
    assert model.kernel == kernel
    same(model.infer(x), golden.forward(network(model), x, kernel=kernel))


def test_xnor_runs_a_one_bit_state_only(rng, make_model):
    model = make_model(rng, sizes=((32, 32),), recurrence="sign", kernel="xnor")
    x = rng.normal(size=(3, 5, 2)).astype(np.float32)
    same(model.infer(x), golden.forward(network(model), x))
    with pytest.raises(KernelError, match=r"'xnor' does not run this model"):
        make_model(rng, kernel="xnor")


def test_unknown_kernel(rng, make_model):
    with pytest.raises(
        KernelError, match=r"'gpu' is unknown; expected one of auto, fwht, xnor, masked_add, dense"
    ):
        make_model(rng, kernel="gpu")


def test_every_instruction_set_gives_the_same_bits(rng, make_model):
    x = rng.normal(size=(3, 7, 2)).astype(np.float32)
    active = hr.isa.active()
    try:
        outputs = []
        for name in hr.isa.available():
            hr.isa.use(name)
            model = make_model(np.random.default_rng(0), sizes=((64, 64),))
            assert hr.isa.active() == model.isa == name
            outputs.append(model.infer(x))
    finally:
        hr.isa.use(active)
    for y in outputs:
        same(y, outputs[0])


# Sharing


def test_threads_share_a_model(rng, model):
    batches = [draw(rng, model, 3, 5) for _ in range(8)]
    expected = [model.infer(x) for x in batches]
    results = [[] for _ in batches]

    def work(i):
        results[i].extend(model.infer(batches[i]) for _ in range(20))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(batches))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for ys, y in zip(results, expected, strict=True):
        assert len(ys) == 20
        for got in ys:
            same(got, y)


# Embeddings of 8 bits


@pytest.fixture
def words(rng, make_model):
    return make_model(rng, input="tokens", input_size=9, embedding_size=4, weight_bits=3)


def test_a_coded_embedding_computes_with_codes_times_the_step_of_their_row(words, rng):
    small = words.quantize_embedding()
    assert {name for name, tensor in small.tensors.items() if name.startswith("embedding")} == {
        "embedding.codes",
        "embedding.scale",
    }
    steps = np.abs(words.tensors["embedding.weight"]).max(axis=1) / np.float32(127)
    np.testing.assert_array_equal(small.tensors["embedding.scale"], steps)
    expected = small.tensors["embedding.codes"].astype(np.float32) * steps[:, None]
    np.testing.assert_array_equal(small.parameters()["embedding.weight"], expected)
    assert np.abs(expected - words.tensors["embedding.weight"]).max() <= 0.5001 * steps.max()
    others = {name for name in words.tensors if not name.startswith("embedding")}
    assert all(np.array_equal(small.tensors[name], words.tensors[name]) for name in others)
    x = rng.integers(0, 9, (6, 5))
    plain = {**dict(words.tensors), "embedding.weight": expected}
    np.testing.assert_array_equal(small.infer(x), Model(words.card, plain).infer(x))
    assert "embedded in 4 of 8 bits" in str(small.describe())


def test_an_integer_model_can_be_made_of_a_coded_embedding(words, rng):
    x = rng.integers(0, 9, (20, 5))
    small = words.quantize_embedding()
    integers = small.quantize(x, 16)
    np.testing.assert_allclose(integers.infer(x), small.infer(x), atol=0.05 * np.abs(small.infer(x)).max())


def test_only_a_float_embedding_can_be_coded(words, rng, make_model):
    for model in (make_model(rng), make_model(rng, input="tokens"), words.quantize_embedding()):
        with pytest.raises(InputError, match="no float32 embedding to quantize"):
            model.quantize_embedding()
