"""Writes a site of three bundled models that run in the browser; `make web` runs this. It needs the extra `web`.

python examples/web/build.py FOLDER
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import hadamrnn_ext as hr

#: One that reads what is drawn, one that hears words, and one that feels how a phone moves.
MODELS = ("smnist", "digits", "har6")


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    for name in MODELS:
        paths = hr.export.web(hr.load(name), folder / name, name)
        module = next(path for path in paths if path.suffix == ".wasm")
        total = sum(path.stat().st_size for path in paths)
        print(f"{name}: {module.stat().st_size:,} bytes of WebAssembly, {total:,} in all")
    shutil.copy(Path(__file__).parent / "index.html", folder)
    print(f"python3 -m http.server --directory {folder}   # serves it, also without a network")


if __name__ == "__main__":
    main()
