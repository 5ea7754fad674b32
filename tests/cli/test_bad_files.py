"""Files of every odd kind, and numbers of every odd size, into every command: one line that names them, or an answer."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import numpy as np
import pytest

import hadamrnn_ext as hr
from commands import parsers

ROWS = "label,a,b\n" + "u,ROW\nv,1,2\n" * 20
TEXTS: dict[str, bytes | str] = {
    "empty": b"",
    "empty.csv": b"",
    "empty.npz": b"",
    "empty.wav": b"",
    "blank.txt": "\n\n",
    "bytes.csv": bytes(range(256)) * 4,
    "utf16.csv": "a,b\n1,2\n".encode("utf-16"),
    "latin.csv": "é,b\n1,2\n".encode("latin-1"),
    "ragged.txt": "1 2 3\n4 5\n6\n",
    "ragged.csv": "1,2,3\n4,5\n6,7,8,9\n",
    "ragged_steps.csv": "id,time,x,label\na,1,2,p\na,2,3,4,p\nb,1,2,q\nb,2,2,q\n",
    "header.csv": "x,y,label\n",
    "class.csv": "label,a,b\n" + "u,2,3\n" * 20,
    "nan.csv": ROWS.replace("ROW", ",3"),
    "infinite.csv": ROWS.replace("ROW", "inf,3"),
    "huge.csv": ROWS.replace("ROW", "1e300,3"),
    "long.csv": "9" * 5000 + "\n",
    "returns.csv": "label,a\ru,1\rv,2\r",
    "texts.csv": "text,label\n,1\na,0\n",
    "idx": b"\0\0\x08\x03",
    "half.gz": b"\x1f\x8b",
    "half.zip.npz": b"PK\3\4junk",
    "half.wav": b"RIFF\0\0\0\0WAVEfmt ",
    "header.safetensors": (8).to_bytes(8, "little") + b'{"a":1} ',
}
X = np.linspace(-1, 1, 120).reshape(20, 6)
Y = np.arange(20) % 2
ARRAYS: dict[str, dict[str, Any]] = {
    "nothing.npz": {},
    "no_x.npz": {"y": Y},
    "no_y.npz": {"X": X},
    "objects.npz": {"X": np.array([[1], [1, 2]], object), "y": [0, 1]},
    "short.npz": {"X": X[:3], "y": [0, 1]},
    "none.npz": {"X": X[:0], "y": []},
    "number.npz": {"X": 1.0, "y": 1.0},
    "complex.npz": {"X": X.astype(complex), "y": Y},
    "dates.npz": {"X": np.zeros((20, 4), "M8[s]"), "y": Y},
    "four.npz": {"X": X.reshape(20, 3, 2, 1), "y": Y},
    "words.npz": {"X": np.array([["a", "b"]] * 20), "y": Y},
    "nan_y.npz": {"X": X, "y": np.full(20, np.nan)},
    "complex_y.npz": {"X": X, "y": Y.astype(complex)},
    "pairs_y.npz": {"X": X, "y": np.stack([Y, Y], 1)},
    "single_y.npz": {"X": X, "y": np.arange(20)},
    "lengths.npz": {"X": X, "y": [0, 1], "lengths": [5, 6]},
    "negative.npz": {"X": X, "y": [0, 1], "lengths": [-1, 21]},
}
PLAIN = {
    "nan.npy": np.full((784, 1), np.nan, np.float32),
    "huge.npy": np.full((784, 1), 1e300),
    "complex.npy": np.zeros((784, 1), complex),
    "words.npy": np.array(["a"]),
    "number.npy": np.array(1.0),
    "none.npy": np.zeros((0, 784, 1)),
    "records.npy": np.zeros(3, "i4,f4"),
    "five.npy": np.zeros((1, 2, 3, 4, 5)),
}
OTHERS = (
    "folder",
    "folder.csv",
    "missing.csv",
    "dangling.npy",
    "loop.npy",
    "x" * 5000,
    "part.npy",
    "part.npz",
)
NAMES = (
    *TEXTS,
    *ARRAYS,
    *PLAIN,
    *OTHERS,
    "part.safetensors",
    "damaged.safetensors",
    "/proc/self/mem",
    "/dev/null",
    "-",
)

QUICK = "--hidden-size 8 --epochs 1 --threads 1 --restart --out run"
CALLS = (
    "infer {}",
    "infer {} --model sst2",
    "infer {} --model copy --logits --format csv",
    "infer {} --model har6 --impute last",
    "infer {} --model digits --id 0 --label -1",
    "info {}",
    "eval smnist --test {}",
    "eval har6 --test {} --impute mean",
    "eval sst2 --test {}",
    "quantize {}",
    "plot reading smnist {} --out picture.png",
    "export {} --c library",
    "export {} --onnx net.onnx",
    "report {}",
    "train custom --train {} " + QUICK,
    "train custom --train {} --impute last --balanced --tokens " + QUICK,
    "train custom --train {} --no-tokens --targets values " + QUICK,
    "train custom --train {} --id 0 --time 1 " + QUICK,
    "train custom --train good.npz --test {} " + QUICK,
    "train copy --from {} " + QUICK,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    for name, content in TEXTS.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    for name, arrays in ARRAYS.items():
        np.savez(folder / name, **arrays)
    for name, array in PLAIN.items():
        np.save(folder / name, array)
    np.savez(folder / "good.npz", X=X, y=Y)
    model = hr.load("har6").to_bytes()
    (folder / "part.npy").write_bytes((folder / "nan.npy").read_bytes()[:-5])
    (folder / "part.npz").write_bytes((folder / "good.npz").read_bytes()[:-50])
    (folder / "part.safetensors").write_bytes(model[:-10])
    (folder / "damaged.safetensors").write_bytes(model[:-10] + bytes(10))
    (folder / "folder").mkdir()
    (folder / "folder.csv").mkdir()
    (folder / "dangling.npy").symlink_to("nowhere")
    (folder / "loop.npy").symlink_to("loop.npy")
    return folder


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", [*NAMES], ids=lambda name: name[:20])
def test_a_bad_file_is_one_line_or_an_answer(run, folder, monkeypatch, name):
    monkeypatch.chdir(folder)
    for call in CALLS:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1 2\n3\n")))
        code, stdout, stderr = run(*call.format(name).split())
        told = [line for line in stderr.splitlines() if line.startswith("hadamrnn")]
        assert (code, len(told)) in ((0, 0), (1, 1)), (call, stderr)
        assert len(told) == 0 or told[0] == stderr.splitlines()[-1]
        assert code == 0 or stdout == "" or call.startswith("infer"), (call, stdout)


NONSENSE = (
    "0",
    "-1",
    "nan",
    "inf",
    "1e400",
    "99999999999999999999",
    "9223372036854775807",
    "1e-320",
    "0x10",
    "",
)
BASES = {
    "train": "train copy --length 20 --hidden-size 8 --batch-size 8 --limit-train 8 --epochs 1 --threads 1 --restart",
    "eval": "eval har6 --test good.npz",
    "infer": "infer good.npz --model har6",
    "info": "info har6",
    "plot": "plot reading har6 --out picture.png",
    "quantize": "quantize copy --length 20 --calibrate 1 --out copy.safetensors",
    "export": "export copy --c library",
    "bench": "bench --seconds 0 --threads 1",
}
#: What these mean is a name, not a number.
NAMED = (
    "--out",
    "--from",
    "--train",
    "--test",
    "--data",
    "--c",
    "--onnx",
    "--output",
    "--plot",
    "--directory",
)
NUMBERS = [
    pytest.param(command, action.option_strings[0], id=f"{command} {action.option_strings[0]}")
    for command, parser in parsers().items()
    for action in parser._actions
    if command in BASES
    and action.option_strings
    and action.nargs is None
    and action.option_strings[0] not in NAMED
    # A billion of these is as good as a hundred, and takes as long as it takes.
    and action.option_strings[0] not in ("--epochs", "--limit-train", "--calibrate", "--checkpoint-seconds")
]


@pytest.mark.parametrize(("command", "option"), NUMBERS)
def test_a_number_that_makes_no_sense_is_one_line_or_does_no_harm(
    run, folder, monkeypatch, tmp_path, capsys, command, option
):
    monkeypatch.chdir(folder)
    base = BASES[command].split()
    if option in base:
        del base[base.index(option) : base.index(option) + 2]
    if command == "train":
        base += ["--out", str(tmp_path)]
    for value in NONSENSE:
        try:
            code, _, stderr = run(*base, f"{option}={value}")
        except SystemExit as error:  # argparse says that it is no number
            code, stderr = error.code, capsys.readouterr().err
        told = [line for line in stderr.splitlines() if line.startswith("hadamrnn")]
        assert (code, len(told)) in ((0, 0), (1, 1), (2, 1)), (option, value, stderr)


def test_what_may_not_be_read_or_written(run, folder, monkeypatch, tmp_path):
    """As the system says it, with the name of the file; to root nothing is forbidden but what the kernel keeps."""
    monkeypatch.chdir(folder)
    closed = tmp_path / "closed"
    closed.mkdir()
    hr.load("har6").save(closed / "model.safetensors")
    (closed / "model.safetensors").chmod(0)
    closed.chmod(0o500)
    refused = os.geteuid() != 0
    read = closed / "model.safetensors"
    for call in (f"info {read}", f"infer {read}", f"export copy --onnx {closed / 'x.onnx'}"):
        code, _, stderr = run(*call.split())
        assert (code == 1, stderr.count("\n")) == (
            (True, 1) if refused or call.startswith("infer") else (False, 0)
        )
    for call in (
        "export copy --c /proc/library",
        "export copy --onnx /proc/net.onnx",
        "plot spectrum copy --out /proc/picture.png",
        "infer nan.npy --out /proc/answers.csv",
        "train copy --out /proc/run",
        "train copy --out /dev/null/run",
        "report run --output /proc/page.md",
        "quantize copy --length 20 --calibrate 1 --out /proc/model.safetensors",
    ):
        code, stdout, stderr = run(*call.split())
        assert (code, stdout, stderr.count("\n")) == (1, "", 1), (call, stderr)
