"""What a command line imports, and what it sets: nothing large before it is needed, and its own process alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import hadamrnn_ext as hr

HEAVY = ("torch", "matplotlib", "rich", "onnx", "pandas", "sklearn", "dask", "transformers", "soundfile")
SCRIPT = """
import contextlib, io, json, os, sys
from hadamrnn_ext import cli
for line in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as errors:
        try:
            code = cli.main(line.split())
        except SystemExit as end:
            code = end.code
    heavy = [name for name in HEAVY if name in sys.modules]
    print(json.dumps([line, code, heavy, errors.getvalue()]))
"""

#: Command lines in an order in which none imports more than the one before, each with its exit code.
LIGHT = {
    "--help": 0,
    "--version": 0,
    **{
        f"{name} --help": 0
        for name in ("fit", "train", "eval", "infer", "plot", "export", "report", "bench", "doctor")
    },
    "models": 0,
    "data": 0,
    "info smnist": 0,
    "infer": 0,
    "infer x.npy --model har6 --top 2": 0,
    "eval har6 --test own.npz": 0,
    "export har6 --c library": 0,
    "fit own.npz --hidden-size 16 --out fitted.safetensors": 0,
    "quantize har6 --train own.npz --calibrate 8 --out integer.safetensors": 0,
    "doctor": 0,
    # All that can be wrong with a run is found without torch.
    "train nothing": 1,
    "train smnist --epochs 0": 1,
    "train smnist --engine warp": 1,
    "train smnist --device tpu": 1,
    "train smnist --model rnn": 1,
    "train smnist --recurrence tanh": 1,
    "train smnist --hidden-size 35": 1,
    "train smnist --weight-bits 9": 1,
    "train smnist --seed -1": 1,
    "train smnist --data nowhere": 1,
    "train smnist --from nowhere": 1,
    "train smnist --tokenizer nowhere": 1,
    "train copy --length 3": 1,
    "train copy --out x.npy": 1,
    "train copy --out x.npy/run": 1,
    "train copy --resume --out nowhere": 1,
    "train copy --embedding-bits 8": 1,
    "train copy --time-shift 3": 1,
    "train copy --test own.npz": 1,
    "train custom": 1,
    "train custom --train nowhere.csv": 1,
    "train custom --train x.npy": 1,
    "train custom --train own.npz --test nowhere.csv": 1,
    "train custom --train own.npz --validation 2": 1,
    "train custom --train own.npz --hidden-size 35": 1,
    "train custom --train own.npz --id who": 1,
}


def run(lines, folder, script=SCRIPT, **variables):
    code = script.replace("HEAVY", repr(HEAVY))
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(list(lines)),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **variables},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.normal(size=(5, 9)))
    np.savez(
        tmp_path / "own.npz", X=rng.normal(size=(40, 5, 9)), y=np.resize(hr.load("har6").card.labels, 40)
    )
    return tmp_path


def test_nothing_large_is_imported_before_it_is_needed(folder):
    found = run(LIGHT, folder)
    assert [(line, code) for line, code, _, _ in found] == list(LIGHT.items()), found
    assert {line: heavy for line, _, heavy, _ in found if heavy} == {}
    assert set(folder.iterdir()) == {
        folder / name for name in ("x.npy", "own.npz", "library", "integer.safetensors", "fitted.safetensors")
    }


#: What takes milliseconds to import and neither the package nor a command needs before it is asked for it.
LATER = (
    *HEAVY,
    "argparse",
    "hashlib",
    "html",
    "importlib.metadata",
    "importlib.resources",
    "secrets",
    "ssl",
    "tarfile",
    "tempfile",
    "urllib.request",
    "zipfile",
    "hadamrnn_ext.closed_form",
    "hadamrnn_ext.data.task",
    "hadamrnn_ext.export",
    "hadamrnn_ext.golden",
    "hadamrnn_ext.integer.convert",
    "hadamrnn_ext.recipe",
)


@pytest.mark.parametrize(
    ("start", "needed"),
    [
        ("import hadamrnn_ext", set()),
        ("from hadamrnn_ext import cli", {"argparse"}),
        ("from hadamrnn_ext import cli; cli.main(['--help'])", {"argparse"}),
        ("from hadamrnn_ext import cli; cli.main(['--version'])", {"argparse", "importlib.metadata"}),
        (
            "from hadamrnn_ext import cli; cli.main(['models'])",
            {"argparse", "hashlib", "importlib.resources"},
        ),
    ],
)
def test_a_start_imports_what_it_needs(start, needed):
    """NumPy, and what NumPy imports itself, are there before."""
    code = f"""
import contextlib, io, json, sys
import numpy
before = set(sys.modules)
try:
    with contextlib.redirect_stdout(io.StringIO()):
        {start}
except SystemExit:
    pass
print(json.dumps(sorted(({set(LATER)!r} & sys.modules.keys()) - before)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    brought = {"importlib.resources", "tempfile", "zipfile"}  # with these, in some versions of Python
    allowed = needed | (brought if needed & {"importlib.metadata", "importlib.resources"} else set())
    assert needed <= set(json.loads(done.stdout)) <= allowed


def test_what_is_imported_later_is_there_as_an_attribute():
    code = "import hadamrnn_ext as hr; print(hr.export.c.__name__, hr.fit.__name__, {'export', 'fit'} <= set(dir(hr)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == ["c", "fit", "True"]


def test_a_picture_needs_no_torch(folder):
    pytest.importorskip("matplotlib")
    (line, code, heavy, errors), *_ = run(["plot spectrum copy --out picture.png"], folder)
    assert (code, "torch" in heavy, "matplotlib" in heavy) == (0, False, True), (line, errors)


POLICY = """
import os, sys
from hadamrnn_ext import cli
ARGUMENTS
print("code", code, os.environ.get("OMP_WAIT_POLICY"), "torch" in sys.modules, file=sys.__stdout__)
"""


@pytest.mark.parametrize(
    ("start", "given", "policy"),
    [
        ("sys.argv = ['hadamrnn', 'models']; code = cli.main()", None, "passive"),
        ("sys.argv = ['hadamrnn', 'models']; code = cli.main()", "active", "active"),
        ("code = cli.main(['models'])", None, None),  # called by a program of somebody's own
        ("import hadamrnn_ext.nn, hadamrnn_ext.train; code = 0", None, None),
    ],
)
def test_threads_of_the_command_lines_own_process_wait_without_spinning(start, given, policy):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if given is not None:
        environment["OMP_WAIT_POLICY"] = given
    code = POLICY.replace("ARGUMENTS", start)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120, check=True
    )
    assert done.stdout.splitlines()[-1].split()[:3] == ["code", "0", str(policy)]
