"""What is fuzzed: functions of bytes that return whether the input was accepted.

A refusal is an error of the HadamRNNError family. Any other exception is a finding, `Wrong` among them: something was
accepted that should not have been, or two ways to one result differ.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import re
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as serialize

import hadamrnn_ext as hr
from hadamrnn_ext.data import archive, custom, glue, idx, inputs, source, wav
from hadamrnn_ext.data import files as own
from hadamrnn_ext.errors import HadamRNNError
from hadamrnn_ext.file import format
from hadamrnn_ext.file.card import Card
from hadamrnn_ext.file.data_card import DataCard
from hadamrnn_ext.file.record import conform

__all__ = ["TARGETS", "Wrong", "seeds"]

HERE = Path(__file__).parent
MODELS = HERE.parent / "tests" / "golden_files"
NUMBERS = (
    0,
    1,
    -1,
    2,
    3,
    7,
    8,
    12,
    15,
    16,
    17,
    255,
    256,
    1 << 16,
    1 << 20,
    1 << 24,
    1 << 31,
    1 << 40,
    1 << 63,
    1 << 64,
)
VALUES: tuple[Any, ...] = (
    *NUMBERS,
    0.5,
    -0.0,
    1e-45,
    1e300,
    "",
    "linear",
    "sign",
    "relu",
    "tokens",
    "all",
    "integer",
    "é*/\n",
    None,
    True,
    [],
    {},
    [1],
    ["a", "b", "c"],
    {"x": 1},
)


class Wrong(Exception):
    """A promise is broken."""


class Choices:
    """Decisions read off the input, so that whoever mutates bytes mutates decisions; zeros when they end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def below(self, count: int) -> int:
        size = max(1, (count - 1).bit_length() + 7 >> 3)
        part = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(part, "little") % count

    def of(self, items: Any) -> Any:
        return items[self.below(len(items))]

    def floats(self, *shape: int) -> Any:
        """Mostly ordinary numbers, some of them special."""
        count = int(np.prod(shape))
        words = np.frombuffer(self._data[self._at : self._at + count].ljust(count, b"\x55"), np.uint8)
        self._at += count
        values = (words.astype(np.float32) - 128) / 16
        for byte, special in ((255, np.nan), (254, np.inf), (253, 1e-42), (252, 3e38)):
            values[words == byte] = special
        return values.reshape(shape)


def check(holds: bool, what: str) -> None:
    if not holds:
        raise Wrong(what)


@cache
def _golden_files() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(MODELS.glob("*.safetensors")))


@cache
def _golden_models() -> tuple[hr.Model, ...]:
    return tuple(map(hr.Model.from_bytes, _golden_files()))


def model_bytes(data: bytes) -> bool:
    """Bytes of a model file. Nobody forges a SHA-256: what is accepted is one of the seeds."""
    card, tensors = format.loads(data)
    check(hr.Model(card, tensors) in _golden_models(), "a damaged model was accepted")
    return True


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in [(*path, key), *_places(item, (*path, key))]]


def _edit(choices: Choices, document: Any) -> None:
    path = choices.of(_places(document) or [("card",)])
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    match choices.below(6):
        case 0 if isinstance(inner, dict):
            inner.pop(path[-1], None)
        case 1 if isinstance(inner, dict):
            inner[choices.of(("x", "integer", "embedding_bits", "colour"))] = choices.of(VALUES)
        case 2 if isinstance(inner, list):
            inner.append(copy.deepcopy(inner[choices.below(len(inner))]))
        case 3 if isinstance(inner[path[-1]], (int, float)):
            inner[path[-1]] += choices.of((1, -1, 0.5, 8, 1 << 20))
        case _:
            inner[path[-1]] = copy.deepcopy(choices.of(VALUES))


def _edit_tensor(choices: Choices, tensors: dict[str, Any]) -> None:
    name = choices.of(sorted(tensors) or [""])
    tensor = tensors.get(name, np.zeros(1, np.float32)).copy()
    match choices.below(6):
        case 0:
            tensors.pop(name, None)
            return
        case 1:
            tensor = tensor.reshape(-1)[: choices.below(tensor.size + 1)]
        case 2:
            tensor = tensor.astype(
                choices.of((np.float32, np.float64, np.int8, np.uint8, np.int32, np.float16))
            )
        case 3 if tensor.dtype == np.float32 and tensor.size:
            tensor.reshape(-1)[choices.below(tensor.size)] = choices.floats(1)[0]
        case _ if tensor.size:
            raw = tensor.reshape(-1).view(np.uint8)
            raw[choices.below(raw.size)] = choices.below(256)
    tensors[name] = tensor


def forged_model(data: bytes) -> bool:
    """A model file whose digest is right and whose card and tensors were edited. What is accepted has to work."""
    choices = Choices(data)
    model = choices.of(_golden_models())
    document = copy.deepcopy(format.document(model.card, model.tensors))
    tensors = {name: tensor.copy() for name, tensor in model.tensors.items()}
    for _ in range(1 + choices.below(3)):
        with np.errstate(all="ignore"):
            _edit(choices, document) if choices.below(2) else _edit_tensor(choices, tensors)
    try:
        document["digest"] = format.digest(document, tensors)
    except (KeyError, ValueError):  # a dtype that no digest is defined for, a number that JSON lacks
        document["digest"] = "0" * 64
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    made = hr.Model.from_bytes(serialize(tensors, {"hadamrnn": text}))
    check(hr.Model.from_bytes(made.to_bytes()) == made, "an accepted model does not survive its own file")
    _answers(made, _sequence(choices, made.card))
    return True


def _sequence(choices: Choices, card: Card) -> Any:
    steps = 1 + choices.below(5) if card.preprocess.permutation is None else card.preprocess.permutation.size
    if steps * card.input_size > 1 << 20:
        return None
    if card.input == "tokens":
        return np.array([choices.below(card.input_size) for _ in range(min(steps, 64))], np.int32)
    return np.nan_to_num(choices.floats(steps, card.input_size), posinf=1, neginf=-1)


def _answers(model: hr.Model, x: Any) -> None:
    """Whole and in chunks, alone and in a batch: the same bits."""
    if x is None:
        return
    with np.errstate(all="ignore"):
        try:
            whole = model.infer(x, check_finite=False)
        except HadamRNNError:  # a normalization that overflows, a permutation of another length
            return
        batch = model.infer(np.stack([x, x, x]), check_finite=False, num_threads=2)
        check(all(_same(row, whole) for row in batch), "a batch differs from its sequences")
        if model.card.preprocess.permutation is not None:
            return
        stream = model.stream(check_finite=False)
        parts = [stream.run(x[:1]), *[stream.step(step) for step in x[1:]]]
        last = whole[-1] if model.card.output == "all" else whole
        check(_same(np.asarray(parts[-1]).reshape(-1)[-last.size :], last), "a stream differs from infer")


def _same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True))


def infer(data: bytes) -> bool:
    """Arguments of `infer` of all dtypes, layouts, ranks and values."""
    choices = Choices(data)
    model = choices.of(_golden_models())
    d = model.card.input_size if model.card.input == "features" else None
    shape = [choices.below(5) for _ in range(choices.below(4))] + ([d] if d and choices.below(8) else [])
    x = choices.floats(*shape)
    dtype = choices.of(
        ("f4", ">f4", "f2", "f8", "i1", "u1", "i4", ">i8", "u8", "?", "c8", "O", "U3", "M8[s]")
    )
    with np.errstate(all="ignore"):
        try:
            x = x.astype(dtype)
        except (TypeError, ValueError, OverflowError):
            return False
        match choices.below(6):
            case 0:
                x = np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x
            case 1:
                x = x[::-1] if x.ndim else x
            case 2:
                x = np.asfortranarray(x)
            case 3:
                x = x.tolist()
            case 4 if x.dtype.kind not in "OUM":
                x = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)
        lengths = choices.of((None, None, None, 1, [1, 2], [0], [2**40], 1.5, "1", [[1]]))
        threads = choices.of((None, 1, 2, 3, 0, -1, 2**40, True, "2"))
        out = choices.of(
            (None, None, None, np.empty(3, np.float32), np.empty((2, 3), np.float32)[:, ::-1], x)
        )
        finite = bool(choices.below(4))
        y = model.infer(x, lengths, threads, finite, out)
        again = model.infer(np.ascontiguousarray(x), lengths, 1, finite)
        check(_same(y, again), "layout or threads change the result")
    return True


def stream(data: bytes) -> bool:
    """Steps, chunks, resets and states set; after them a sequence in chunks is what it is whole."""
    choices = Choices(data)
    model = choices.of(_golden_models())
    if model.card.preprocess.permutation is not None:
        return False
    size = choices.of((None, 1, 2, 5))
    stream = model.stream(size, check_finite=bool(choices.below(4)))
    lead = () if size is None else (size,)
    inner = (model.card.input_size,) if model.card.input == "features" else ()
    accepted = False
    for _ in range(choices.below(8)):
        kind, steps = choices.below(5), choices.below(4)
        shape = (*lead, *inner) if kind < 2 else (*lead, steps, *inner)
        shape = shape if choices.below(8) else (*shape, 2)
        x = choices.floats(*shape) if inner else choices.floats(*shape).astype(np.int32)
        before = _states(stream)
        try:
            with np.errstate(all="ignore"):
                match kind:
                    case 0 | 1:
                        stream.step(x)
                    case 2:
                        stream.run(x)
                    case 3:
                        many = [*before[:-1], before[-1] * 2.0 ** choices.below(64)]  # steps, of a mean
                        stream.state = choices.of((before, many, [x]))
                    case 4:
                        stream.reset()
            accepted = True
        except HadamRNNError:
            check(all(map(_same, before, _states(stream))), "a refused call changed the state")
    return accepted


def _states(stream: hr.Stream) -> list[Any]:
    return list(stream.state)


#: A label in C: what needs no escape, and bytes of three octal digits.
LABEL = re.compile(r'^ *"(?:[ !#->@-\[\]-~]|\\[0-7]{3})*",$', re.MULTILINE)


def export_c(data: bytes) -> bool:
    """Labels and names of any text: the C is that of other labels but for a comment and strings, which end where they should."""
    choices = Choices(data)
    model = choices.of([m for m in _golden_models() if m.card.kind == "float"])
    text = data[1:].decode("utf-8", "replace")
    count = 2 if model.card.output_size == 1 else model.card.output_size
    card = json.loads(json.dumps(format.document(model.card, model.tensors)))["card"]
    labelled, plainly = (
        model.with_card(
            conform({**format._upgraded({"card": card, "format_version": 1}), "labels": labels}, Card, "card")
        )
        for labels in ([text] * count, ["a"] * count)
    )
    name = "net" if choices.below(2) else text
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        paths = hr.export.c(labelled, folder, name)
        others = hr.export.c(plainly, Path(folder) / "plainly", name)
        for path, other in zip(paths, others, strict=True):
            check(path.resolve().is_relative_to(Path(folder).resolve()), "a path leads out")
            code, plain = (LABEL.sub("", _without_comments(p.read_text())) for p in (path, other))
            check(code == plain, "labels change the code")
    return True


def _without_comments(code: str) -> str:
    """C as a compiler reads it: the first end of a comment is its end."""
    return re.sub(r"/\*.*?\*/", " ", code.replace("\\\n", ""), flags=re.DOTALL)


def _scratch() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@cache
def _scratch_file() -> Path:
    """One file of this process, in memory where the system has that."""
    descriptor, path = tempfile.mkstemp(dir=_scratch())
    os.close(descriptor)
    return Path(path)


def read_idx(data: bytes) -> bool:
    array = idx.parse(io.BytesIO(data), "x")
    check(
        array.size <= idx.MAX_ELEMENTS and array.ndim <= idx.MAX_DIMENSIONS, "an IDX array beyond the limits"
    )
    return True


def _archive(read: Callable[[Path], dict[str, bytes]]) -> Callable[[bytes], bool]:
    def target(data: bytes) -> bool:
        path = _scratch_file()
        path.write_bytes(data)
        found = read(path)
        check(all(len(content) <= 4096 for content in found.values()), "a member above the limit")
        return True

    return target


def read_wav(data: bytes) -> bool:
    wave = wav.parse("x", data)
    check(wave.samples.size * wave.width <= len(data), "samples that are not in the file")
    if wave.width != 4 and wave.width != 8:  # those of floats are anything
        check(bool((abs(wave.samples) <= 1).all()), "samples beyond full scale")
    return True


def read_tsv(data: bytes) -> bool:
    texts = glue._texts(Path("x"), data, ("sentence",), "label")
    check(len(texts.texts) == len(texts.classes) <= len(data), "examples that are not in the file")
    return True


def read_table(data: bytes) -> bool:
    numbers = archive.table("x", data, ",")
    check(bool(np.isfinite(numbers).all()) and numbers.size <= len(data), "numbers that are not in the file")
    return True


def read_own(data: bytes) -> bool:
    """Tables and .ts files of own data, to train on and for models with and without names; what is read is in the file."""
    text = source.text("x", data)
    readers = (None, own.Known(DataCard(), 2), own.Known(DataCard("steps", ("x", "y"), "label", "id"), 2))
    read = False
    for known in readers:
        with contextlib.suppress(HadamRNNError):
            found = own.parsed("x", text, known=known, labelled=known is None)
            check(sum(map(np.size, found.x)) <= len(text), "numbers that are not in the file")
            check(found.ids is None or len({*found.ids}) <= len(found.x), "ids of no sequences")
            if known is None:
                custom.task(found, None, custom.Options(impute="last"))
            read = True
    return read


def read_sequences(data: bytes) -> bool:
    """What `hadamrnn infer` is given: .npy, .npz, IDX or text."""
    path = _scratch_file()
    path.write_bytes(data)
    array = inputs.load(str(path), _golden_models()[0].card).x
    check(isinstance(array, list) or array.dtype.kind != "O", "an array of objects")
    return True


TARGETS: dict[str, Callable[[bytes], bool]] = {
    "model": model_bytes,
    "forged": forged_model,
    "infer": infer,
    "stream": stream,
    "export_c": export_c,
    "idx": read_idx,
    "zip": _archive(lambda path: archive.read_zip(path, ["a.txt", "b/c.txt"], max_bytes=4096)),
    "tar": _archive(lambda path: archive.read_tar(path, r".*\.txt", max_bytes=4096, max_members=50)),
    "wav": read_wav,
    "tsv": read_tsv,
    "table": read_table,
    "own": read_own,
    "sequences": read_sequences,
}


def seeds(name: str) -> list[bytes]:
    """The corpus of a target: small files, those that once were findings among them; else a few bytes of decisions."""
    if name == "model":
        return list(_golden_files())
    files = sorted((HERE / "corpus" / name).glob("*"))
    return [path.read_bytes() for path in files] or [bytes(64), bytes(range(256)), b"\x11" * 256]
