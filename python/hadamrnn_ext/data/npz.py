"""Arrays of .npz and .npy files, arrays of objects included, without running code that a file brings."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ..errors import DataError

__all__ = ["array", "read"]

#: All that a pickle of arrays, lists, numbers and strings names; any other name could run code.
KNOWN = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    *(
        (f"numpy.{core}.multiarray", name)
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    ),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}


def read(path: str | Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name. Raises DataError naming the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): array(io.BytesIO(archive.read(name)), f"{path}: {name}")
                for name in archive.namelist()
            }
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{path}: cannot be read as .npz ({error})") from None


def array(file: IO[bytes], name: str) -> NDArray[Any]:
    """The array of an .npy file; one of objects may hold arrays, lists, numbers and strings. Raises DataError."""
    try:
        version = npy.read_magic(file)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = header(file)
        if not dtype.hasobject:
            file.seek(0)
            return np.asarray(np.load(file, allow_pickle=False))
        objects = _Unpickler(file).load()
        return np.asarray(objects, object).reshape(shape)
    except (
        ValueError,
        EOFError,
        OSError,
        KeyError,
        TypeError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        raise DataError(f"{name}: cannot be read as .npy ({error})") from None


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise pickle.UnpicklingError(
                f"it names {module}.{name}; expected arrays of numbers and strings only"
            )
        return super().find_class(module, name)
