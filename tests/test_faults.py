"""Processes that are killed, run out of memory or disk, or write to one path: nothing is lost, nothing half is read."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")

# Runs a fault many times, each in a child of a process that has imported all it needs, and prints what came of it.
PROGRAM = """
import collections, json, os, random, resource, signal, sys, time
import numpy as np
import hadamrnn_ext as hr

SMALL, LARGE = hr.load("smnist"), hr.load("sst2")
folder, random = sys.argv[2], random.Random(8)
path = os.path.join(folder, "m.safetensors")

def fork(body):
    child = os.fork()
    if not child:
        try:
            body()
            os._exit(0)
        except MemoryError:
            os._exit(10)
        except OSError as error:
            os._exit(error.errno)
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(200)
    return child

def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def save_forever(*models):
    while True:
        for model in models:
            model.save(path)

def known(path):
    return hr.load(path) in (SMALL, LARGE)

def left_behind():
    return sorted(set(os.listdir(folder)) - {"m.safetensors"})

def kill():
    "Killed while it saves: the file is one of the two, each time."
    SMALL.save(path)
    whole = 0
    for _ in range(40):
        child = fork(lambda: save_forever(LARGE, SMALL))
        time.sleep(random.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        assert ended(child) == -signal.SIGKILL
        whole += known(path)
    return {"whole": whole, "all temporary": all(name.endswith(".tmp") for name in left_behind())}

def share():
    "Two processes save to one path while a third reads it."
    SMALL.save(path)
    children = [fork(lambda model=model: save_forever(model)) for model in (SMALL, LARGE)]
    whole = sum(known(path) for _ in range(60))
    for child in children:
        os.kill(child, signal.SIGKILL)
        ended(child)
    return {"whole": whole}

def disk_full():
    "No room for the whole file: an error, the old file, and nothing beside it."
    SMALL.save(path)
    codes = collections.Counter()
    for size in (0, 1, 1000, len(LARGE.to_bytes()) - 1):
        def body():
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            LARGE.save(path)
        codes[ended(fork(body))] += 1
    return {"codes": codes, "old": hr.load(path) == SMALL, "left behind": left_behind()}

def read_only():
    os.mkdir(os.path.join(folder, "d"), 0o555)
    def body():
        if os.geteuid() == 0:
            os.chmod(folder, 0o755)
            os.seteuid(65534)
        LARGE.save(os.path.join(folder, "d", "m"))
    return {"code": ended(fork(body)), "left behind": os.listdir(os.path.join(folder, "d"))}

def memory():
    "Limits of memory from too little to enough, in threads of the pool as well: MemoryError or the right answer."
    x = {SMALL: np.zeros((64, 300, 1), np.float32), LARGE: np.zeros((64, 300), np.int64)}
    expected = {model: model.infer(values, num_threads=1) for model, values in x.items()}
    def body(model, extra, use):
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + extra, used + extra))
        if use == "infer":
            assert np.array_equal(model.infer(x[model], num_threads=16), expected[model])
        elif use == "stream":
            assert np.array_equal(model.stream(64).run(x[model]), expected[model])
        else:
            hr.Model.from_bytes(model.to_bytes())
    codes = collections.Counter()
    for number in range(120):
        model, use, extra = random.choice((SMALL, LARGE)), ("infer", "stream", "load")[number % 3], int(2 ** random.uniform(8, 26))
        codes[ended(fork(lambda: body(model, extra, use)))] += 1
    return {"codes": codes}

print(json.dumps(globals()[sys.argv[1]]()))
"""


@pytest.fixture
def result(tmp_path: Path) -> Any:
    def run(name: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, name, str(tmp_path)],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_killed_while_saving(result: Any) -> None:
    assert result("kill") == {"whole": 40, "all temporary": True}


def test_two_processes_save_to_one_path(result: Any) -> None:
    assert result("share") == {"whole": 60}


def test_a_full_disk(result: Any) -> None:
    assert result("disk_full") == {"codes": {str(errno.EFBIG): 4}, "old": True, "left behind": []}


def test_a_read_only_folder(result: Any) -> None:
    assert result("read_only") == {"code": errno.EACCES, "left behind": []}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_out_of_memory_is_a_memory_error(result: Any) -> None:
    codes = result("memory")["codes"]
    assert set(codes) == {"0", "10"}, codes
    assert sum(codes.values()) == 120
