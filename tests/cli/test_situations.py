"""Every command in situations that users and their machines bring about: one line on stderr, or the answer; no traceback.

Each case is a process of its own. `HADAMRNN_TRACEBACK` (tests/conftest.py) lets through what nobody has foreseen.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import hadamrnn_ext as hr
from hadamrnn_ext import cli

HIDDEN = """
import sys
NAMES = ("torch", "rich", "matplotlib", "onnx", "transformers")
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in NAMES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in NAMES else find_spec(name, package)
"""

RUN = Path(__file__).parents[2] / "docs" / "runs" / "har2-0"
#: A quick call of every command, all of which print; it is given the folder of `files` as {}.
COMMANDS = {
    "train": "train copy --length 20 --hidden-size 8 --batch-size 8 --limit-train 8 --epochs 1 --out {}/run --restart",
    "fit": "fit {}/own.npz --out {}/fitted.safetensors --hidden-size 16",
    "eval": "eval {}/model.safetensors --test {}/own.npz",
    "infer": "infer {}/x.npy --model {}/model.safetensors",
    "samples": "infer --model har6",
    "follow": "infer - --follow --model {}/model.safetensors",
    "info": "info {}/model.safetensors",
    "models": "models",
    "plot": "plot spectrum {}/model.safetensors --out {}/picture.png",
    "quantize": "quantize {}/copy.safetensors --data copy --length 20 --calibrate 8 --out {}/integer.safetensors",
    "export": "export {}/model.safetensors --c {}/library --name net",
    "onnx": "export {}/model.safetensors --onnx {}/net.onnx",
    "web": "export {}/model.safetensors --web {}/page",
    "data": "data",
    "report": f"report {RUN}",
    "bench": "bench --seconds 0 --threads 1",
    "doctor": "doctor",
    "help": "--help",
    "usage": "infer --help",
    "version": "--version",
}


class Done(NamedTuple):
    code: int
    stdout: str
    stderr: str


class Situation(NamedTuple):
    """A change of the environment and of how a process is started, by a shell: `sh` holds the command as {}."""

    sh: str
    expected: Callable[[str, Done], object]  # a check, by the name of a command
    variables: dict[str, str]
    names: Sequence[str]


def failed(done: Done, *said: str) -> bool:
    """Whether it ended with one line on stderr that says this."""
    last = done.stderr.splitlines()[-1]
    lines = [line for line in done.stderr.splitlines() if line.startswith("hadamrnn")]
    return done.code == 1 and lines == [last] and all(part in last for part in said)


def well(name: str, done: Done) -> bool:
    return done.code == 0


def cannot_print(why: str) -> Callable[[str, Done], bool]:
    return lambda name, done: failed(done, why)


def escaped(name: str, done: Done) -> bool:
    """Answers come, and characters that the terminal lacks as escapes."""
    return (
        done.code == 0
        and done.stdout.isascii()
        and ("\\xfc" in done.stdout or name not in ("infer", "follow"))
    )


def wrong_isa(name: str, done: Done) -> bool:
    needed = name not in ("data", "help", "usage", "version")
    return failed(done, "HADAMRNN_ISA", "'mmx'") if needed else done.code == 0


def wrong_threads(name: str, done: Done) -> bool:
    needed = name in ("train", "fit", "eval", "infer", "samples", "follow", "quantize")
    return failed(done, "HADAMRNN_NUM_THREADS is 'two'") if needed else done.code == 0


def without_extras(name: str, done: Done) -> bool:
    extra = {"train": "train", "report": "train", "plot": "plot", "onnx": "export"}.get(name)
    return well(name, done) if extra is None else failed(done, f"pip install '.[{extra}]'")


def without_stdin(name: str, done: Done) -> bool:
    return failed(done, "Bad file descriptor") if name == "follow" else done.code == 0


#: All that may be odd and does no harm, at once.
ODD = {
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONIOENCODING": "ascii",
    "HOME": "/nonexistent",
    "XDG_CACHE_HOME": "/dev/null",
    "HADAMRNN_DATA": "/nonexistent",
    "HADAMRNN_NUM_THREADS": " 2 ",
    "COLUMNS": "0",
    "LINES": "0",
    "TERM": "",
}
QUICK = [name for name in COMMANDS if name not in ("train", "report", "bench")]  # the others import torch
STREAMS = ("infer", "samples", "follow", "info", "help", "version")  # what the streams are is the same to all
SITUATIONS = {
    "odd": Situation("{}", escaped, ODD, tuple(COMMANDS)),
    "closed": Situation("{} >&-", cannot_print("stdout: Bad file descriptor"), {}, STREAMS),
    "full": Situation("{} >/dev/full", cannot_print("No space left on device"), {}, QUICK),
    "unbuffered": Situation(
        "{} >/dev/full", cannot_print("No space left on device"), {"PYTHONUNBUFFERED": "1"}, STREAMS
    ),
    "reader gone": Situation(
        "({}; echo $? >&2) | true", lambda name, done: done.stderr == "141\n", {}, STREAMS
    ),
    "no stderr": Situation("{} 2>&-", well, {}, STREAMS),
    "no stdin": Situation("{} <&-", without_stdin, {}, ("infer", "follow", "info")),
    "isa": Situation("{}", wrong_isa, {"HADAMRNN_ISA": "mmx"}, (*QUICK, "train")),
    "threads": Situation("{}", wrong_threads, {"HADAMRNN_NUM_THREADS": "two"}, (*QUICK, "train")),
    "extras": Situation("{}", without_extras, {"PYTHONPATH": "HIDDEN"}, tuple(COMMANDS)),
    # Of the others torch's own mathematics ends the process.
    "nowhere": Situation(
        "mkdir gone && cd gone && rmdir ../gone && {}", well, {}, ("infer", "info", "export")
    ),
    "no width": Situation(
        'script -qec "stty cols 0 rows 0; {}" /dev/null', well, {"TERM": "xterm"}, ("train", "eval", "help")
    ),
}
CASES = [
    pytest.param(situation, name, id=f"{situation}-{name}")
    for situation in SITUATIONS
    for name in SITUATIONS[situation].names
]


@pytest.fixture(scope="module")
def files(tmp_path_factory, make_model):
    """A folder with small models, one of whose classes has a name beyond ASCII, their data, and hidden extras."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    make_model(rng, labels=("grün", "türkis", "übrige")).save(folder / "model.safetensors")
    tokens = {"input": "tokens", "output": "all", "input_size": 10, "output_size": 9}
    make_model(rng, **tokens).save(folder / "copy.safetensors")
    x = rng.normal(size=(6, 4, 2)).astype(np.float32)
    np.save(folder / "x.npy", x)
    np.savez(folder / "own.npz", X=x, y=["grün", "türkis", "übrige"] * 2)
    (folder / "hidden").mkdir()
    (folder / "hidden" / "sitecustomize.py").write_text(HIDDEN)
    return folder


@pytest.fixture(scope="module")
def outcomes(files, tmp_path_factory, request):
    """What every case that is asked for leads to; as many at a time as there are CPUs."""

    def run(situation: str, name: str) -> Done:
        sh, _, variables, _ = SITUATIONS[situation]
        folder = tmp_path_factory.mktemp("case")
        own = folder / "files"  # so that no two write the same file
        own.mkdir()
        for path in files.iterdir():
            (own / path.name).symlink_to(path)
        command = f"{shlex.quote(sys.executable)} -m hadamrnn_ext {COMMANDS[name].replace('{}', str(own))}"
        paths = [str(Path(hr.__file__).parents[1])]
        if variables.get("PYTHONPATH") == "HIDDEN":
            paths.insert(0, str(files / "hidden"))
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        environment = {**kept, "OMP_NUM_THREADS": "1", **variables, "PYTHONPATH": os.pathsep.join(paths)}
        done = subprocess.run(
            sh.replace("{}", command),
            shell=True,
            cwd=folder,
            env=environment,
            input=b"0.5 1\n2,3\n",
            capture_output=True,
            timeout=300,
            check=False,
        )
        return Done(
            done.returncode, *(stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
        )

    asked = [item.callspec.params for item in request.session.items if "situation" in item.fixturenames]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = {(one["situation"], one["name"]): pool.submit(run, **one) for one in asked}
        return {case: future.result() for case, future in found.items()}


def test_every_command_is_called():
    called = {line.split()[0] for line in COMMANDS.values()}
    assert called >= set(cli.COMMANDS)


@pytest.mark.parametrize(("situation", "name"), CASES)
def test_a_command_answers_or_says_why_not(outcomes, situation, name):
    done = outcomes[situation, name]
    assert "Traceback" not in done.stderr + done.stdout
    assert "Exception ignored" not in done.stderr
    assert SITUATIONS[situation].expected(name, done), done
