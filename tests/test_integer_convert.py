"""Calibration and the choice of constants: as large as can be proven, and refused where none can."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext.errors import InputError, ModelFormatError, ShapeError
from hadamrnn_ext.file.preprocess import Permutation, Preprocess
from hadamrnn_ext.integer.bounds import Step, layer_problem, narrow, step
from hadamrnn_ext.integer.calibrate import Magnitudes


@pytest.fixture
def floats(rng, make_model):
    return make_model(rng, sizes=((64, 64),), input_size=1)


@pytest.fixture
def x(rng):
    return rng.normal(size=(6, 40, 1)).astype(np.float32)


def only(model):
    return model.card.integer.layers[0]


def with_layer(card, **change):
    """The card with other constants in its only layer."""
    layers = (dataclasses.replace(card.integer.layers[0], **change),)
    return dataclasses.replace(card, integer=dataclasses.replace(card.integer, layers=layers))


def test_constants_mean_what_the_contract_says(floats, x):
    model = floats.quantize(x, state_bits=12)
    layer, p, scale = only(model), floats.parameters(), only(model).state_scale
    stream, largest = floats.stream(6), 0
    for t in range(40):
        stream.step(x[:, t])
        largest = max(largest, np.abs(stream.state).max())
    assert scale == np.float32(largest / 2047)
    assert layer.fraction_bits == 30
    assert layer.multiplier == 2**30 // 8
    unit = 2.0 ** (30 - layer.input_shift)
    code = float(floats.tensors["input.scale"][0]) / 8 * model.card.integer.input.scale
    assert layer.input_multiplier == pytest.approx(code / scale * unit, rel=1e-5)
    np.testing.assert_allclose(
        model.parameters()["layers.0.bias"], p["layers.0.bias"] / scale * unit, atol=0.5
    )
    # one shift less would take more than 32 bits in all
    facts = step(model.card, model.parameters(), 0)
    assert 2**29 <= facts.inputs < 2**31


def test_fraction_bits_give_way_to_a_proof(rng, make_model):
    floats = make_model(rng, sizes=((1024, 1024),), input_size=1)
    huge = {**floats.parameters(), "layers.0.bias": np.full(1024, 3e4)}
    floats = hr.Model.from_parameters(floats.card, huge)
    model = floats.quantize(np.ones((1, 3, 1), np.float32), state_bits=8)
    assert 1 <= only(model).fraction_bits <= 30
    facts = step(model.card, model.parameters(), 0)
    assert layer_problem(facts) is None
    for change, problem in [
        ({"input_shift": 40}, "64 bits"),
        ({"fraction_bits": 1}, "32 bits"),
        ({"fraction_bits": 30, "block_size": 2**24}, "32 bits"),
    ]:
        assert problem in layer_problem(dataclasses.replace(facts, **change))


@pytest.mark.parametrize(
    ("block_size", "constants", "bits"),
    # by hand: inputs + 2^(F-1-s) < 2^31, and acc with the inputs over 2^(j-s)
    [
        (64, {"fraction_bits": 30, "input_shift": 2}, 30),
        (64, {"fraction_bits": 30, "input_shift": 27}, 30),
        (1, {"fraction_bits": 12, "input_shift": 0, "state_bits": 1}, 30),
        # acc M_h 2^-17 = 2^(11+7-3.5+13) < 2^28
        (128, {"fraction_bits": 30, "input_shift": 17}, 30),
        (
            128,
            {"fraction_bits": 30, "input_shift": 13},
            None,
        ),  # 12 + 4 bits to the left of acc and M_h; 19 needed
        (12, {"fraction_bits": 12, "input_shift": 0, "state_bits": 1}, 30),
        (4096, {"fraction_bits": 30, "input_shift": 29}, None),  # 2^29 is no part of M_h = 2^24
    ],
)
def test_32_bits_are_proven_or_not_used(block_size, constants, bits):
    """The most bits of input that pass, and what they prove: the largest sums, in 64 bits and in 32."""
    constants = {"state_bits": 12, **constants}
    passed = [bits for bits in range(32) if _exact_in_32_bits(block_size, 1 << bits, **constants)]
    assert passed == ([] if bits is None else list(range(bits + 1)))


def _exact_in_32_bits(block_size, largest, fraction_bits, input_shift, state_bits):
    f, s, m_h = fraction_bits, input_shift, round(2**fraction_bits / block_size**0.5)
    facts = Step(
        block_size=block_size,
        state_bits=state_bits,
        fraction_bits=f,
        multiplier=m_h,
        input_shift=s,
        sums=np.array([1]),
        multipliers=np.array(largest),
        largest_input=1,
        bias=np.array([0]),
        modrelu=None,
    )
    if not narrow(facts):
        return False
    half, j = 1 << f - 1 - s, m_h.bit_length() - 1
    for sign in (1, -1):
        acc, inputs = -sign * facts.acc, sign * largest + half
        if m_h == 1 << j:
            sums, shift = [inputs, acc + (inputs >> j - s)], f - j
        else:
            sums, shift = [acc * m_h >> s, (acc * m_h >> s) + inputs], f - s
        assert all(-(2**31) <= value < 2**31 for value in sums)
        assert sums[-1] >> shift == acc * m_h + (inputs << s) >> f
    return True


def test_powers_of_two_are_shifts(rng, make_model, floats, x):
    model = floats.quantize(x, power_of_two=True, readout="integer")
    layer = only(model)
    assert layer.input_multiplier & (layer.input_multiplier - 1) == 0
    assert layer.multiplier & (layer.multiplier - 1) == 0  # m is a power of 4
    plain = only(floats.quantize(x)).state_scale
    assert plain <= layer.state_scale < 2 * plain
    words = make_model(rng, sizes=((16, 16), (8, 8)), input="tokens", input_size=9, embedding_size=5)
    model = words.quantize(rng.integers(0, 9, (4, 20)), power_of_two=True)
    multipliers = model.parameters()["table.multiplier"]
    assert (multipliers & (multipliers - 1) == 0).all()
    assert np.abs(model.parameters()["table.codes"]).max() <= 127
    upper = model.card.integer.layers[1].input_multiplier
    assert upper & (upper - 1) == 0


def test_percentiles_cut_outliers(floats, x):
    spiky = x.copy()
    spiky[0, -1] = 1000
    largest, cut = floats.quantize(spiky), floats.quantize(spiky, percentile=99)
    assert only(cut).state_scale < only(largest).state_scale / 20
    assert only(cut).saturation > 0
    assert only(largest).saturation < 1e-3
    assert cut.card.integer.input.scale < largest.card.integer.input.scale / 100


def test_magnitudes(rng):
    values = rng.lognormal(sigma=3, size=10000).astype(np.float32)
    counted, largest = Magnitudes(True), Magnitudes(False)
    for part in np.split(-values, 10):
        for magnitudes in (counted, largest):
            magnitudes.add(part)
    assert counted.value(90) == pytest.approx(np.percentile(values, 90), rel=2e-3)
    assert counted.value(100) == largest.value(None) == values.max()


def test_calibration_is_read_once_in_batches_of_any_kind(floats, x):
    seen = []
    lengths = np.array([40, 3, 1])
    batches = iter([x[:2], (x[2:5], lengths), x[5]])
    model = floats.quantize(batches, progress=seen.append)
    assert seen == [2, 5, 6]
    longer = x.copy()
    longer[3, 3:] = longer[4, 1:] = 1e6  # past the end, and never looked at
    assert (
        floats.quantize([x[:2], (longer[2:5], lengths), x[5]]).card.integer.layers
        == model.card.integer.layers
    )
    assert floats.quantize(x) == floats.quantize([x])


def test_tables_fold_the_embedding(rng, make_model):
    floats = make_model(
        rng, sizes=((16, 16),), input="tokens", input_size=50, embedding_size=12, output="all"
    )
    tokens = rng.integers(0, 50, (4, 30))
    model = floats.quantize(tokens, state_bits=16)
    assert model.card.embedding_size is None
    p, c = model.parameters(), only(model)
    rows = (
        p["table.codes"]
        * (p["table.multiplier"] * 2.0 ** (c.input_shift - c.fraction_bits) * c.state_scale)[:, None]
    )
    f = floats.parameters()
    np.testing.assert_allclose(
        rows, f["embedding.weight"] @ f["input.weight"].T, atol=np.abs(rows).max() / 250
    )
    assert model.tensors["table.codes"].nbytes == 50 * 16


def test_more_state_bits_take_more_input_bits(floats, x, rng, make_model):
    for state_bits, input_bits in (8, 8), (12, 8), (13, 12), (16, 12):
        assert floats.quantize(x, state_bits).card.integer.input.bits == input_bits
    pixels = make_model(rng, sizes=((16, 16),), input_size=1, preprocess=Preprocess(uint8_scale=1 / 255))
    assert pixels.quantize(np.ones((2, 9, 1), np.uint8), 16).card.integer.input.bits == 8


def test_arguments_are_checked(floats, x):
    for arguments, match in [
        ({"state_bits": 7}, "state_bits is 7; expected an integer 8 .. 16"),
        ({"state_bits": 12.0}, "state_bits is 12.0"),
        ({"input_bits": 17}, "input_bits is 17; expected an integer 2 .. 16"),
        ({"readout": "both"}, "readout is 'both'; expected 'float' or 'integer'"),
        ({"percentile": 0}, "percentile is 0; expected None, 'best'"),
    ]:
        with pytest.raises(InputError, match=match):
            floats.quantize(x, **arguments)
    with pytest.raises(InputError, match="no sequences"):
        floats.quantize([])
    with pytest.raises(ShapeError, match=r"expected \(T, 1\) or \(B, T, 1\)"):
        floats.quantize([np.zeros((3, 2))])
    with pytest.raises(InputError, match="integer model; expected a float model"):
        floats.quantize(x).quantize(x)


@pytest.mark.parametrize("percentile", [None, 99, "best"])
def test_a_calibration_of_what_is_no_number_is_refused(floats, x, percentile):
    def match(batches, text):
        with pytest.raises(InputError, match=text):
            floats.quantize(batches, percentile=percentile)

    for value, met in ((np.nan, "nan"), (-np.inf, "-inf"), (1e39, "inf")):
        bad = x.astype(np.float64)
        bad[2, 5, 0] = value
        match(
            bad, rf"^batch 0 of the calibration: x\[2, 5, 0\] is {met} in float32; .*fill in missing values"
        )
        match(bad[2], rf"^batch 0 of the calibration: x\[5, 0\] is {met} in float32")
        match([x, x, (bad, None)], rf"^batch 2 of the calibration: x\[2, 5, 0\] is {met}")
    large = x.copy()
    large[1, 7:9, 0] = 3e38
    match(
        [x, large],
        "^batch 1 of the calibration: sequence 1 makes the state of layer 0 overflow float32 at step [78];",
    )
    match(0 * x, "^in the calibration all of the features are 0, too little to derive a scale from; expected")
    match([0 * x, -0.0 * x], "all of the features are 0")
    match(1e-30 * x, r"^in the calibration all of the features are \d.*e-30 or less")


def test_what_lies_after_the_end_of_a_sequence_is_not_calibrated_by(floats, x):
    padded = x.copy()
    padded[:, 9:] = np.nan
    ends = np.full(len(x), 9)
    assert floats.quantize([(padded, ends)]) == floats.quantize(x[:, :9])


def test_the_place_of_nan_is_that_before_the_permutation(make_model, rng):
    order = Permutation(92916, 20)
    model = make_model(rng, sizes=((16, 16),), input_size=1, preprocess=Preprocess(permutation=order))
    x = rng.normal(size=(3, 20, 1)).astype(np.float32)
    x[1, 4, 0] = np.nan
    with pytest.raises(InputError, match=r"x\[1, 4, 0\] is nan"):
        model.quantize(x)


def test_states_that_are_always_zero_are_refused(make_model, rng):
    """Layer 1 is off whatever comes: no scale can be made of that."""
    floats = make_model(rng, sizes=((16, 16), (8, 8)), recurrence="relu", input_size=1)
    off = {**floats.parameters(), "layers.1.bias": np.full(8, -1e6)}
    model = hr.Model.from_parameters(floats.card, off)
    with pytest.raises(
        InputError,
        match=r"^in the calibration all of the states of layer 1 are 0, too little to derive a scale",
    ):
        model.quantize(rng.normal(size=(3, 9, 1)))


def test_a_percentile_of_zeros_is_refused_and_never_the_best(floats):
    x = np.zeros((1, 1000, 1), np.float32)
    x[0, 995:] = 1
    with pytest.raises(
        InputError, match=r"^in the calibration 99 % or more of the features are .* or less, too little"
    ):
        floats.quantize(x, percentile=99)
    best = floats.quantize(x, percentile="best").card.integer
    assert best.input.scale == pytest.approx(1 / 127)
    assert best.layers[0].state_scale > 0


def test_large_states_have_a_report(floats, x):
    """Their squares do not fit float32."""
    layer = only(floats.quantize(x * np.float32(1e30)))
    assert layer.snr == pytest.approx(only(floats.quantize(x)).snr, abs=20)


def test_a_state_far_below_its_input_is_refused(rng, make_model):
    floats = make_model(rng, sizes=((4, 1),), input_size=1)
    one_is_huge = {**floats.parameters(), "layers.0.bias": np.float32([1e30, 1, 1, 1])}
    model = hr.Model.from_parameters(floats.card, one_is_huge)
    with pytest.raises(InputError, match="layer 0 cannot be written in integers"):
        model.quantize(np.ones((1, 3, 1), np.float32), percentile=50)


def test_the_readout_of_a_mean_has_16_bits_of_state(rng, make_model, x):
    """Its logits are those of a readout in float, and are proven to fit with 16 bits whatever the state has."""
    floats = make_model(rng, sizes=((64, 64),), input_size=1, output="mean")
    integers = floats.quantize(x, 8, readout="integer")
    scale = integers.card.integer.logit_scale
    np.testing.assert_allclose(integers.infer(x), floats.quantize(x, 8).infer(x), atol=scale)

    wide = make_model(rng, sizes=((1024, 1024),), input_size=1, output_weight_bits=8)
    # Codes of 127: with the bits of the state a logit has up to 2^7 2^10 2^7, with those of the mean 2^7 2^10 2^15.
    parameters = {**wide.parameters(), "output.weight": np.ones((3, 1024))}
    last = hr.Model.from_parameters(wide.card, parameters)
    mean = last.with_card(dataclasses.replace(wide.card, output="mean"))
    fits = last.quantize(x, 8, readout="integer")
    with pytest.raises(InputError, match="an integer logit takes more than 32 bits"):
        mean.quantize(x, 8, readout="integer")
    with pytest.raises(ModelFormatError, match="the readout may overflow"):
        fits.with_card(dataclasses.replace(fits.card, output="mean"))


def test_a_file_whose_sums_could_overflow_is_refused(floats, x):
    model = floats.quantize(x)
    card = with_layer(model.card, input_shift=60)
    with pytest.raises(
        ModelFormatError, match=r"layer 0 may overflow: a sum of one step takes more than 64 bits"
    ):
        model.with_card(card)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"kind": "float"}, "Card.kind is 'float' with Card.integer"),
        ({"integer": None}, "without Card.integer"),
        ({"weight_bits": None}, "an integer model has weight_bits"),
        ({"bias_bits": 8}, "bias_bits of an integer model are for one that forgets"),
    ],
)
def test_cards_that_do_not_fit(floats, x, change, match):
    card = floats.quantize(x).card
    with pytest.raises(ModelFormatError, match=match):
        dataclasses.replace(card, **change)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"state_bits": 7}, "state_bits is 7; expected 8 .. 16"),
        ({"state_bits": 1}, "1 state bits with recurrence 'linear'"),
        ({"state_scale": 0.0}, "state_scale is 0.0; expected a positive"),
        ({"state_scale": 1e-45}, "expected a positive"),
        ({"fraction_bits": 31}, "fraction_bits is 31; expected 1 .. 30"),
        ({"multiplier": 2**31}, "multiplier is 2147483648"),
        ({"input_multiplier": None}, "every layer has an input multiplier"),
    ],
)
def test_layers_that_make_no_sense(floats, x, change, match):
    card = floats.quantize(x).card
    with pytest.raises(ModelFormatError, match=match):
        with_layer(card, **change)


def test_the_best_percentile_has_the_least_noise(make_model, rng):
    floats = make_model(rng, sizes=((64, 16),), input_size=1)
    x = rng.standard_t(2, (20, 60, 1)).astype(np.float32)  # few inputs are far larger than all others
    best = floats.quantize(x, 8, percentile="best").card.integer.layers[0]
    ratios = [
        floats.quantize(x, 8, percentile=percentile).card.integer.layers[0].snr
        for percentile in (None, 99.99, 99.9, 99)
    ]
    assert best.snr == max(ratios) > ratios[0]
    with pytest.raises(InputError, match="percentile is 'most'; expected None, 'best' or a number"):
        floats.quantize(x, percentile="most")
