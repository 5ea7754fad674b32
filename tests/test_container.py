"""The container against the safetensors library, whose format it is."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import safetensors.numpy as library
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hadamrnn_ext import container
from hadamrnn_ext.errors import ModelFormatError

shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
arrays = st.sampled_from(list(container.DTYPES.values())).flatmap(lambda dtype: hnp.arrays(dtype, shapes))
texts = st.text(st.characters(codec="utf-8"), max_size=9)
names = texts.filter(lambda name: name != container.METADATA)


def split(data: bytes) -> tuple[dict[str, Any], memoryview]:
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), memoryview(data)[end:]


@given(st.dictionaries(names, arrays, max_size=4), texts)
@settings(max_examples=200)
def test_the_bytes_are_those_of_the_library(tensors: Any, text: str) -> None:
    data = container.serialize(tensors, {"key": text})
    assert data == library.save(tensors, {"key": text})
    again = container.deserialize(*split(data))
    assert again.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert again[name].dtype == tensor.dtype
        assert again[name].shape == tensor.shape
        assert again[name].tobytes() == tensor.tobytes()
        assert not again[name].flags.writeable


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        ({"dtype": "F64"}, "'b' is 'F64'; expected one of F32, I32, I8, U8"),
        ({"dtype": ["F32"]}, r"'b' is \['F32'\]"),
        ({"shape": [3]}, "has the bytes 4 to 12 of 12; expected 12 bytes in the file"),
        ({"shape": [1 << 62, 4]}, "expected .* bytes in the file"),
        ({"shape": [-2]}, "expected lists of sizes"),
        ({"shape": [True, 2]}, "expected lists of sizes"),
        ({"shape": [1] * 9}, "expected lists of sizes, at most 8"),
        ({"shape": 2}, "expected lists of sizes"),
        ({"data_offsets": [4, 12, 12]}, "the first byte and the end"),
        ({"data_offsets": [4.0, 12]}, "the first byte and the end"),
        ({"data_offsets": [12, 4]}, "has the bytes 12 to 4"),
        ({"data_offsets": [4, 20], "shape": [4]}, "has the bytes 4 to 20 of 12"),
        ({"data_offsets": [0, 8]}, "'b' begins at byte 0 of the data; expected 4|'a' begins at byte 0"),
        ({"data_offsets": [4, 8], "shape": [1]}, "the tensors end at byte 8 of the data; the file has 12"),
        ({"more": 1}, "expected an object with data_offsets, dtype, shape"),
        (None, "expected an object with"),
    ],
)
def test_other_headers_are_refused(entry: Any, match: str) -> None:
    data = library.save({"a": np.zeros(1, np.float32), "b": np.zeros(2, np.float32)}, {})
    header, body = split(data)
    header["b"] = None if entry is None else {**header["b"], **entry}
    with pytest.raises(ModelFormatError, match=match):
        container.deserialize(header, body)


def test_gaps_and_overlaps_are_refused() -> None:
    header, body = split(library.save({"a": np.zeros(4, np.uint8), "b": np.zeros(4, np.uint8)}, {}))
    for begin in (3, 5):
        moved = {**header, "b": {"dtype": "U8", "shape": [8 - begin], "data_offsets": [begin, 8]}}
        with pytest.raises(ModelFormatError, match=f"'b' begins at byte {begin} of the data; expected 4"):
            container.deserialize(moved, body)
