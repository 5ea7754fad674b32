from __future__ import annotations

import subprocess
import sys

HIDE_TORCH = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
import hadamrnn_ext
try:
    import hadamrnn_ext.nn
except ImportError as error:
    print(error)
assert "torch" not in sys.modules
"""


def test_the_error_names_the_extra() -> None:
    result = subprocess.run([sys.executable, "-c", HIDE_TORCH], capture_output=True, text=True, check=True)
    assert "PyTorch, which is not installed: pip install '.[train]'" in result.stdout


def test_the_package_itself_never_imports_torch() -> None:
    code = "import sys, hadamrnn_ext; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
