"""The package in a subinterpreter: it refuses at once, and the main interpreter goes on."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
try:  # those that share the lock of the main one: others CPython itself refuses
    import _interpreters  # Python 3.13 and newer
    run, created = _interpreters.exec, _interpreters.create("legacy")
except ImportError:
    import _xxsubinterpreters
    run, created = _xxsubinterpreters.run_string, _xxsubinterpreters.create(isolated=False)

INSIDE = '''
import sys
try:
    import hadamrnn_ext
except ImportError as error:
    print(error, "numpy" in sys.modules, flush=True)
'''
if sys.argv[1] == "first":
    import hadamrnn_ext
run(created, INSIDE)
import hadamrnn_ext
print(hadamrnn_ext.infer([[0.0]] * 784).shape)
"""


@pytest.mark.parametrize("main", ["first", "second"])
def test_is_refused_and_the_main_interpreter_goes_on(main: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, main], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    refusal, answer = done.stdout.splitlines()
    # Loaded in a subinterpreter first, NumPy cannot be loaded in the main one any more.
    assert refusal.endswith(" False")
    assert "subinterpreters" in refusal
    assert answer == "(10,)"
