"""Texts in every form that people have them in, and texts that say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from hadamrnn_ext.data.texts import is_texts
from hadamrnn_ext.errors import InputError, ShapeError
from hadamrnn_ext.file.preprocess import Preprocess, Vocabulary

WORDS = ("", "?", "good", "bad", "film", "it's")
TEXTS = ["bad", "It's a GOOD, good film!", "film"]


@pytest.fixture(params=[None, 4])
def model(request, rng, make_model):
    words = Vocabulary(WORDS, length=request.param)
    return make_model(
        rng, input="tokens", input_size=6, output_size=2, preprocess=Preprocess(vocabulary=words)
    )


def forms(texts):
    return {
        "list": list(texts),
        "tuple": tuple(texts),
        "array of strings": np.array(texts),
        "array of bytes": np.array([text.encode() for text in texts]),
        "array of objects": np.array(texts, object),
        "numpy strings": [np.str_(text) for text in texts],
    }


@pytest.mark.parametrize("form", forms(TEXTS))
def test_every_form_of_several_texts(model, form):
    expected = np.stack([model.infer(text) for text in TEXTS])
    np.testing.assert_array_equal(model.infer(forms(TEXTS)[form]), expected)
    labels, _ = model.classify(forms(TEXTS)[form])
    assert labels.shape == (3, 1)
    assert model.infer(forms(TEXTS[:1])[form]).shape == (1, 2)


@pytest.mark.parametrize("dtype", [None, object, "string", "category"])
def test_series_of_pandas(model, dtype):
    pandas = pytest.importorskip("pandas")
    series = pandas.Series(TEXTS, index=[7, 3, 5], dtype=dtype)
    np.testing.assert_array_equal(model.infer(series), model.infer(TEXTS))
    np.testing.assert_array_equal(model.infer(series[series != "film"]), model.infer(TEXTS[:2]))
    np.testing.assert_array_equal(model.infer(series.to_numpy()), model.infer(TEXTS))
    with pytest.raises(InputError, match=r"text 1 is (nan|None|<NA>); expected a string"):
        model.infer(pandas.Series(["film", None, "bad"], dtype=dtype))
    empty = series[series == "no"]
    assert model.infer(empty.to_numpy().astype("U")).shape == (0, 2)


def test_arrays_of_text_of_numpy_2(model):
    if not hasattr(getattr(np, "dtypes", None), "StringDType"):
        assert np.lib.NumpyVersion(np.__version__) < "2.0.0"
        return
    np.testing.assert_array_equal(model.infer(np.array(TEXTS, np.dtypes.StringDType())), model.infer(TEXTS))


@pytest.mark.parametrize("text", ["", "  \n", "?! ...", "__"])
def test_a_text_without_words_is_refused_whatever_its_length_is_set_to(model, text):
    with pytest.raises(ShapeError, match="text 0 has no words; expected at least one"):
        model.infer(text)
    for form in forms(["good", text, "bad"]).values():
        with pytest.raises(ShapeError, match="text 1 has no words; expected at least one"):
            model.infer(form)


def test_unknown_words_are_words(model):
    assert model.infer("xyzzy").shape == (2,)


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (["good", 3], "text 1 is 3; expected a string"),
        (("good", None), "text 1 is None; expected a string"),
        (np.array(["good", 2.5], object), "text 1 is 2.5; expected a string"),
        (np.array(["good", b"\xff"], object), r"text 1 is b'\\xff'; expected text, or bytes of it in UTF-8"),
        ([["good"], ["bad"]], "x has dtype <U4"),
        (np.array([["good", "bad"]]), "x has dtype <U4"),
        (b"good", "x has dtype .S4"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(model, x, match):
    with pytest.raises(InputError, match=match):
        model.infer(x)


def test_texts_have_lengths_of_their_own(model):
    with pytest.raises(InputError, match="lengths is given with text"):
        model.infer(tuple(TEXTS), [1, 2, 1])


def test_a_model_of_numbers_takes_no_text(rng, make_model):
    model = make_model(rng)
    for x in (TEXTS, tuple(TEXTS), "a text"):
        with pytest.raises(InputError, match="x is text; this model has no vocabulary"):
            model.infer(x)
    with pytest.raises(InputError, match=r"x has dtype <U.*; expected real numbers"):
        model.infer(np.array(TEXTS))


def test_several_texts_are_told_from_all_else():
    for x in (["a"], ("a", "b"), np.array(["a"]), np.array([b"a"]), np.array([], "U1"), ["a", 3]):
        assert is_texts(x)
    for x in (
        "a",
        b"a",
        [],
        [1, 2],
        [["a"]],
        np.array([["a"]]),
        np.zeros(3),
        np.array([1, 2], object),
        None,
        3,
        {"a": 1},
    ):
        assert not is_texts(x)
