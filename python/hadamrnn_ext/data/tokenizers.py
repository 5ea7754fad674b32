"""Texts as the word pieces of a tokenizer of transformers, which has to be installed and to have it in its cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

__all__ = ["tokenize"]


def tokenize(
    name: str, training: list[str], test: list[str], length: int
) -> tuple[int, NDArray[np.int32], NDArray[np.int32]]:
    """The number of different tokens, and the tokens (N, length) of the training and of the test texts.

    `name` is what `AutoTokenizer.from_pretrained` takes: a name in its cache, or a folder; nothing is downloaded. The last
    `length` tokens of a text are read; shorter ones are filled with token 0 on the left, which has to be the tokenizer's
    own padding. No tokens are added at the beginning and the end. Raises `DataError`.
    """
    tokenizer = _load(name)
    return len(tokenizer), _tokens(tokenizer, training, length), _tokens(tokenizer, test, length)


def _load(name: str) -> Any:
    try:
        from transformers import AutoTokenizer  # here: a second to import, and few need it
    except ImportError:
        raise DataError(
            f"the tokenizer {name} wants transformers, which is not installed (pip install transformers)"
        ) from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError) as error:
        raise DataError(
            f"no tokenizer {name} is a folder or in the cache of transformers, from where it is taken "
            f"without a download ({str(error).splitlines()[0]})"
        ) from None
    if tokenizer.pad_token_id != 0:
        raise DataError(f"padding of the tokenizer {name} is token {tokenizer.pad_token_id}, expected 0")
    return tokenizer


def _tokens(tokenizer: Any, texts: list[str], length: int) -> NDArray[np.int32]:
    tokens = np.zeros((len(texts), length), np.int32)
    for row, found in zip(
        tokens, tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"], strict=True
    ):
        row[max(length - len(found), 0) :] = found[-length:]
    return tokens
