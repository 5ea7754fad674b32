"""Own data: sequences of any form, targets of any kind, missing values, splits and scores."""

from __future__ import annotations

import numpy as np
import pytest

from hadamrnn_ext.data import custom, holdout, metrics
from hadamrnn_ext.data.missing import fill
from hadamrnn_ext.data.series import Sequences, sequences
from hadamrnn_ext.data.targets import targets
from hadamrnn_ext.data.task import evaluate
from hadamrnn_ext.errors import InputError, ShapeError
from hadamrnn_ext.file.data_card import DataCard

NAN, INF = float("nan"), float("inf")


def ragged(rng, count=40, features=2):
    lengths = rng.integers(3, 9, count)
    return [rng.normal(size=(length, features)) * [1, 100] + [0, 50] for length in lengths]


def test_a_batch_holds_each_sequence_up_to_its_length(rng):
    x = ragged(rng)
    y = [f"class {i % 3}" for i in range(40)]
    task = custom.task((x, y), None, custom.Options(normalize=False))
    assert (task.labels, task.output_size, task.length) == (("class 0", "class 1", "class 2"), 3, 8)
    assert len(task.train) + len(task.validation) == 40
    assert len(task.test) == 0
    found = set()
    for split in (task.train, task.validation):
        for start in range(0, len(split), 7):
            inputs, classes, *lengths = split.raw(slice(start, start + 7))
            ends = lengths[0] if lengths else np.full(len(inputs), inputs.shape[1])
            assert inputs.shape[1] == ends.max()
            for row, label, end in zip(inputs, classes, ends, strict=True):
                i = next(i for i, part in enumerate(x) if np.array_equal(part.astype(np.float32), row[:end]))
                assert task.labels[label] == y[i]
                found.add(i)
    assert len(found) == 40


def test_sequences_of_one_length_come_without_lengths(rng):
    x = rng.normal(size=(12, 5, 3))
    task = custom.task((x, np.arange(12) % 2), (x, np.arange(12) % 2), custom.Options(normalize=False))
    inputs, classes = task.test.raw(slice(None))
    np.testing.assert_array_equal(inputs, x.astype(np.float32))
    np.testing.assert_array_equal(classes, np.arange(12) % 2)
    assert task.output_size == 1  # one logit says which of two


def test_every_form_of_the_same_sequences_is_the_same(rng):
    x = rng.normal(size=(4, 6))
    expected = sequences(x)
    objects = np.empty(4, object)
    objects[:] = list(x)
    for form in (x.tolist(), list(x), objects):
        np.testing.assert_array_equal(sequences(form).values, expected.values)
    assert sequences(x[..., None]).values.shape == (24, 1)


def test_means_and_scales_are_those_of_the_training_split_alone(rng):
    x = ragged(rng)
    task = custom.task((x, np.arange(40) % 2), None, custom.Options())
    rows = np.concatenate([task.train.raw(np.array([i]))[0][0] for i in range(len(task.train))])
    normalization = task.preprocess.normalization
    np.testing.assert_allclose(normalization.offset, rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(normalization.scale, rows.std(0), rtol=1e-5)
    raw, batch = task.train.raw(slice(3))[0], task.train.batch(slice(3))[0]
    np.testing.assert_array_equal(batch, normalization.apply(raw))


def test_a_constant_channel_is_left_in_its_scale():
    x = np.full((6, 4, 1), 1e6)
    assert custom.task((x, [0, 1] * 3), None, custom.Options()).preprocess.normalization.scale == (1.0,)


def test_missing_values_are_filled_from_the_same_sequence_and_channel():
    x = Sequences(np.array([[1, NAN], [NAN, 4], [NAN, NAN], [NAN, 8], [5, NAN]]), np.array([3, 2]))
    mean = fill(x, "mean")
    np.testing.assert_array_equal(mean, [[1, 6], [3, 4], [3, 6], [3, 8], [5, 6]])
    np.testing.assert_array_equal(fill(x, "last"), [[1, 6], [1, 4], [1, 4], [3, 8], [5, 8]])
    np.testing.assert_array_equal(fill(x, "mean", [10, 20])[1], [10, 4])


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([[[1.0], [2.0]], [[1.0], [NAN]]], [0, 1], {}, r"X\[1\]\[1, 0\] is nan; .*impute"),
        ([[1.0, 2], [1, INF]], [0, 1], {"impute": "mean"}, r"X\[1\]\[1, 0\] is inf"),
        ([[NAN, NAN]] * 2, [0, 1], {"impute": "mean"}, "no value at all in channel 0"),
        ([[[1.0], [2]], [[1.0, 2]]], [0, 1], {}, r"X\[1\] has shape \(1, 2\), and X\[0\] \(2, 1\)"),
        ([[1.0], []], [0, 1], {}, r"X\[1\] has shape \(0,\)"),
        ([[1.0], ["a"]], [0, 1], {}, r"X\[1\] has dtype <U1"),
        (np.zeros((2, 2, 2, 2)), [0, 1], {}, r"\(N, T, d\)"),
        ([[1.0], [2.0]], [0, 1, 1], {}, r"y has shape \(3,\); expected one target for each of 2"),
        ([[1.0], [2.0]], [0, 0], {}, "single class '0'"),
        ([[1.0], [2.0]], [0.5, NAN], {}, r"y\[1\] is nan"),
        ([[1.0], [2.0]], ["a", "b"], {"kind": "values"}, "expected numbers"),
        ([[1.0], [2.0]], [1.5, 2.5], {"balanced": True}, "balanced is for classes"),
        ([[1.5], [2.0]], [0, 1], {"tokens": True}, "tokens is True"),
        ([[1.0], [2.0]], [0, 1], {"validation": 1.0}, "validation is 1.0"),
        (["a word", "..."], [0, 1], {}, r"X\[1\] is '...', a text without words"),
    ],
)
def test_what_is_no_data_is_refused_by_its_place(x, y, options, message):
    with pytest.raises((InputError, ShapeError), match=message):
        custom.task((x, y), None, custom.Options(**options))


def test_integers_are_tokens_unless_somebody_says_otherwise():
    x, y = [[0, 3], [2], [1]], [0, 1, 1]
    task = custom.task((x, y), None, custom.Options())
    assert (task.input, task.input_size) == ("tokens", 4)
    assert custom.task((x, y), None, custom.Options(tokens=False)).input == "features"
    assert (
        custom.task((np.array([[0, 255]] * 2, np.uint8), [0, 1]), None, custom.Options()).input == "features"
    )
    with pytest.raises(InputError, match=r"test X\[0\]\[1\] is 4; expected tokens 0 .. 3"):
        custom.task((x, y), ([[0, 4]], [1]), custom.Options())


def test_tokens_may_have_a_feature_axis_where_somebody_says_so(make_model, rng):
    x, y = [[[0.0], [3.0]], [[2.0]], [[1.0]]], [0, 1, 1]
    task = custom.task((x, y), (x, y), custom.Options(tokens=True))
    assert (task.input, task.input_size, task.test.raw(slice(0, 1))[0].tolist()) == ("tokens", 4, [[0, 3]])
    model = make_model(rng, input="tokens", input_size=4, output_size=1, labels=("0", "1"))
    assert custom.of_model(model.card, (x, y)).test.raw(slice(0, 1))[0].tolist() == [[0, 3]]


def test_test_data_have_the_classes_and_features_of_the_training_data(rng):
    x, y = rng.normal(size=(6, 4, 2)), ["a", "b"] * 3
    with pytest.raises(InputError, match=r"test y\[1\] is 'c'; expected one of a, b"):
        custom.task((x, y), (x[:2], ["a", "c"]), custom.Options())
    with pytest.raises(InputError, match="test X has 1 features per step; expected 2"):
        custom.task((x, y), (x[:2, :, :1], ["a", "b"]), custom.Options())
    only = custom.task((x, y), (x[:2], ["b", "b"]), custom.Options()).test
    assert only.raw(slice(None))[1].tolist() == [1, 1]


def test_numbers_that_are_whole_are_classes_where_somebody_says_so():
    assert targets(np.array([1.0, 3.0, 1.0]), 3, "classes").labels == ("1", "3")
    assert targets(np.array([True, False]), 2).labels == ("False", "True")
    assert targets(np.array([10, 9]), 2).labels == ("9", "10")
    assert targets(np.array([0.5, 3.0]), 2).values.shape == (2, 1)


def test_each_class_has_its_share_of_the_validation_examples():
    answers = targets(np.repeat([0, 1, 2], [100, 20, 1]), 121)
    kept, held = holdout.split(answers, 0.15, 0)
    assert np.bincount(answers.values[held], minlength=3).tolist() == [15, 3, 0]
    assert sorted([*kept, *held]) == list(range(121))
    assert not np.array_equal(held, holdout.split(answers, 0.15, 1)[1])


def test_scores_of_a_whole_split_do_not_depend_on_its_batches(rng):
    y = rng.choice(3, 90, p=[0.8, 0.15, 0.05])
    logits = rng.normal(size=(90, 3)).astype(np.float32)
    x = np.arange(90.0)[:, None]
    task = custom.task((x, y), (x, y), custom.Options(normalize=False, balanced=True))

    def predict(inputs):
        return logits[inputs[:, 0, 0].astype(int)]

    whole = evaluate(predict, task, task.test, raw=True)
    recalls = [(logits.argmax(1) == y)[y == label].mean() for label in range(3)]
    assert whole["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    assert whole.keys() == {"loss", "accuracy", "balanced_accuracy"}
    parts = evaluate(predict, task, task.test, raw=True, batch_size=7)
    assert parts == pytest.approx(whole)
    counts = np.bincount(task.train.targets)
    np.testing.assert_allclose(task.class_weights, counts.sum() / (3 * counts))
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(90), y]
    assert whole["loss"] == pytest.approx(np.mean(losses * np.array(task.class_weights)[y]), rel=1e-5)


def test_r2_is_that_of_the_textbook(rng):
    y = rng.normal(size=(50, 2)) * [1, 1000] + [5, -1e6]
    guess = (y + rng.normal(size=y.shape) * [0.5, 300]).astype(np.float32)
    scale = targets(y[:30], 30).normalization()
    values = metrics.regression(guess, y.astype(np.float32), scale)
    scores = metrics.explain({name: float(value.mean()) for name, value in values.items()})
    residual = ((guess.astype(np.float64) - y.astype(np.float32)) ** 2).sum(0)
    total = ((y - y.mean(0)) ** 2).sum(0)
    assert scores["r2"] == pytest.approx(np.mean(1 - residual / total), rel=1e-5)
    assert scores["error"] == pytest.approx(np.abs(guess - y).mean(), rel=1e-5)


# Places are those of the user's data


def test_positions_are_those_of_the_data_before_the_hold_out(rng):
    x = rng.normal(size=(40, 5, 2))
    y = np.arange(40) % 2
    for place in ((33, 4, 1), (7, 0, 0)):
        bad = x.copy()
        bad[place] = NAN
        i, t, channel = place
        with pytest.raises(InputError, match=rf"^X\[{i}\]\[{t}, {channel}\] is nan"):
            custom.task((bad, y), None, custom.Options(held_out=0.2))
        bad[place] = INF
        with pytest.raises(InputError, match=rf"^X\[{i}\]\[{t}, {channel}\] is inf"):
            custom.task((bad, y), None, custom.Options(held_out=0.2, impute="mean"))
    labels = ["a", "b"] * 20
    labels[31] = None
    with pytest.raises(InputError, match=r"^y\[31\] is None, a missing target"):
        custom.task((x, labels), None, custom.Options(held_out=0.2))
    texts = ["good word"] * 20 + ["bad one"] * 19 + ["..."]
    with pytest.raises(InputError, match=r"^X\[39\] is '...', a text without words"):
        custom.task((texts, y), None, custom.Options(held_out=0.2))


# A small signal on a large offset


def of_offset(rng, offset, scale=1.0):
    return offset + scale * rng.normal(size=(60, 8, 1)), np.arange(60) % 2


def test_a_signal_on_a_large_offset_is_centred_before_it_is_rounded(rng):
    for offset, scale in ((1.7e9, 1.0), (52.5163, 1e-5), (-1e12, 3.0)):
        x, y = of_offset(rng, offset, scale)
        task = custom.task((x, y), None, custom.Options(validation=0))
        constants = task.preprocess.normalization
        batch = task.train.batch(slice(None))[0]
        assert batch.dtype == np.float32
        assert constants.offset[0] == pytest.approx(offset, rel=1e-12, abs=scale)
        assert constants.scale[0] == pytest.approx(scale, rel=0.1)
        order = np.argsort(task.train.raw(slice(None))[0], axis=None)
        assert (np.diff(batch.reshape(-1)[order]) >= 0).all()
        assert len(np.unique(batch)) > 450  # of 480: nothing is rounded to the same
        filled = x.copy()
        filled[3, 2, 0] = NAN
        batch = custom.task((filled, y), None, custom.Options(validation=0, impute="mean")).train.batch(
            slice(None)
        )[0]
        assert np.abs(batch[np.abs(batch) < 1e-5]).size >= 1  # the mean, which is zero


def test_without_normalization_such_a_signal_is_refused_with_the_reason(rng):
    x, y = of_offset(rng, 1.7e9)
    with pytest.raises(
        InputError,
        match=r"channel 0 of X varies by .* about 1699999999.*, which is lost in rounding; .*normalize=True",
    ):
        custom.task((x, y), None, custom.Options(normalize=False))
    x, y = of_offset(rng, 100.0)
    assert custom.task((x, y), None, custom.Options(normalize=False)).train.values.dtype == np.float32
    constant = np.full((6, 4, 1), 1.7e9)
    custom.task((constant, [0, 1] * 3), None, custom.Options(normalize=False))
    nanoseconds = (1_700_000_000_123_456_789 + rng.integers(0, 200, (60, 8, 1))).astype(np.int64)
    with pytest.raises(InputError, match="X in float64"):
        custom.task((nanoseconds, np.arange(60) % 2), None, custom.Options())


def test_a_constant_on_a_large_offset_stays_usable_as_float32(rng):
    x = np.concatenate([np.full((20, 4, 1), 1e9), rng.normal(size=(20, 4, 1))], 2)
    task = custom.task((x, np.arange(20) % 2), None, custom.Options())
    assert task.preprocess.normalization.fine is None
    assert not task.train.batch(slice(None))[0][..., 0].any()


# What the model remembers


def test_data_frames_keep_their_names_and_are_read_by_them(rng):
    pd = pytest.importorskip("pandas")
    frames = [pd.DataFrame({"x": rng.normal(size=5), "y": rng.normal(size=5)}) for _ in range(12)]
    task = custom.task((frames, np.arange(12) % 2), None, custom.Options(normalize=False))
    assert task.data == DataCard(features=("x", "y"))
    turned = [frames[0], *(frame[["y", "x"]] for frame in frames[1:])]
    again = custom.task((turned, np.arange(12) % 2), None, custom.Options(normalize=False))
    np.testing.assert_array_equal(again.train.values, task.train.values)
    with pytest.raises(InputError, match=r"X\[3\] has the columns x, z; expected x, y"):
        custom.task(
            ([*frames[:3], frames[3].rename(columns={"y": "z"}), *frames[4:]], np.arange(12) % 2),
            None,
            custom.Options(),
        )
    nullable = [frame.astype("Float64") for frame in frames]
    nullable[2].iloc[1, 0] = pd.NA
    with pytest.raises(InputError, match=r"X\[2\]\[1, 0\] is nan"):
        custom.task((nullable, np.arange(12) % 2), None, custom.Options())
    assert (
        custom.task((nullable, np.arange(12) % 2), None, custom.Options(impute="last")).data.impute == "last"
    )


def test_masked_values_are_missing(rng):
    x = np.ma.array(rng.normal(size=(6, 4, 1)), mask=False)
    x[2, 1, 0] = np.ma.masked
    with pytest.raises(InputError, match=r"X\[2\]\[1, 0\] is nan"):
        custom.task((x, [0, 1] * 3), None, custom.Options())


def test_arrays_leave_nothing_to_remember_but_imputation(rng):
    x, y = rng.normal(size=(12, 4, 2)), np.arange(12) % 2
    assert custom.task((x, y), None, custom.Options()).data is None
    assert custom.task((x, y), None, custom.Options(impute="last")).data == DataCard(impute="last")
    apart = custom.task((x, y), None, custom.Options(impute="mean", normalize=False, validation=0)).data
    np.testing.assert_allclose(apart.means, x.mean((0, 1)))
    assert custom.task((np.arange(24).reshape(12, 2), y), None, custom.Options(impute="mean")).data is None


def test_the_model_fills_in_what_is_missing_as_it_was_trained(rng, make_model):
    x, y = rng.normal(size=(5, 4, 2)), np.arange(5) % 3
    x[1, 2, 0] = x[1, 0, 1] = NAN
    labels = ("0", "1", "2")
    model = make_model(rng, labels=labels, data=DataCard(impute="last", means=(5.0, 7.0)))
    found = custom.of_model(model.card, (x, y)).test.raw(slice(1, 2))[0][0]
    assert found[2, 0] == np.float32(x[1, 1, 0])
    assert found[0, 1] == 7
    assert custom.of_model(model.card, (x, y), "mean").test.raw(slice(1, 2))[0][0][2, 0] == 5
    with pytest.raises(InputError, match=r"X\[1\]\[0, 1\] is nan"):
        custom.of_model(make_model(rng, labels=labels).card, (x, y))
