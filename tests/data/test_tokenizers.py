"""Texts by a tokenizer of transformers: a small one, made here and saved where its own are."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hadamrnn_ext.data import tasks, tokenizers
from hadamrnn_ext.errors import DataError


def test_the_last_pieces_of_a_text_are_read_and_short_ones_filled_on_the_left(tokenizer_dir):
    size, training, test = tokenizers.tokenize(
        str(tokenizer_dir), ["a fine film", "", "unfine fine fine fine a"], ["A dull FILM"], 4
    )
    vocabulary = (tokenizer_dir / "words.txt").read_text().split()
    assert size == len(vocabulary)
    assert [[vocabulary[token] for token in row] for row in (*training, *test)] == [
        ["[PAD]", "a", "fine", "film"],
        ["[PAD]"] * 4,
        ["fine", "fine", "fine", "a"],
        ["[PAD]", "a", "[UNK]", "film"],
    ]
    assert training.dtype == test.dtype == np.int32
    _, (whole,), _ = tokenizers.tokenize(str(tokenizer_dir), ["unfine"], ["a"], 3)
    assert [vocabulary[token] for token in whole] == ["[PAD]", "un", "##fine"]


def test_an_unknown_tokenizer_is_refused_without_a_download(tmp_path):
    with pytest.raises(
        DataError, match=r"no tokenizer nobody/has-it in the cache of transformers or in a folder"
    ):
        tokenizers.tokenize("nobody/has-it", [], [], 3)
    with pytest.raises(DataError, match="no tokenizer"):
        tokenizers.tokenize(str(tmp_path), [], [], 3)


def test_padding_has_to_be_token_0(make_tokenizer):
    folder = make_tokenizer(["[UNK]", "[PAD]", "a"])
    with pytest.raises(DataError, match=r"padding of the tokenizer .* is token 1, expected 0"):
        tokenizers.tokenize(str(folder), ["a"], [], 3)


def test_without_transformers_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(DataError, match="needs transformers, which is not installed"):
        tokenizers.tokenize("bert-base-uncased", [], [], 3)


def test_other_tasks_have_no_texts():
    for name in ("copy", "har6"):
        with pytest.raises(DataError, match=f"a tokenizer is for the tasks imdb, sst2, qqp, not {name}"):
            tasks.load(name, tokenizer="bert-base-uncased")
