"""Tokens of texts by a tokenizer of the transformers package, which must be installed and have the tokenizer in its cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

__all__ = ["tokenize"]


def tokenize(
    name: str, training: list[str], test: list[str], length: int
) -> tuple[int, NDArray[np.int32], NDArray[np.int32]]:
    """The number of different tokens, and the tokens (N, length) of the training and test texts.

    `name` is a name for `AutoTokenizer.from_pretrained` that is in its cache, or a folder; nothing is downloaded. The last
    `length` tokens of a text are read. Token 0, which must be the padding of the tokenizer, fills shorter texts on the left.
    No special tokens are added at the beginning or the end. Raises `DataError`.
    """
    tokenizer = _load(name)
    return len(tokenizer), _tokens(tokenizer, training, length), _tokens(tokenizer, test, length)


def _load(name: str) -> Any:
    try:
        from transformers import AutoTokenizer  # imported here because it takes a second
    except ImportError:
        raise DataError(
            f"the tokenizer {name} needs transformers, which is not installed (pip install transformers)"
        ) from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError) as error:
        raise DataError(
            f"no tokenizer {name} in the cache of transformers or in a folder of this name; nothing is downloaded "
            f"({str(error).splitlines()[0]})"
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
