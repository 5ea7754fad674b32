"""Names that an exported C library may have: no words of C, C++ or Arduino, and no names of their headers (reserved.txt)."""

from __future__ import annotations

import re
import unicodedata
from importlib.resources import files

from ..errors import InputError

__all__ = ["derived", "identifier"]

MAX_NAME = 40
_FORM = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")

_LINES = (files(__package__) / "reserved.txt").read_text(encoding="utf-8").splitlines()
_RESERVED = {word for line in _LINES if not line.startswith("#") for word in line.split()}


def identifier(name: str) -> str:
    """Returns ``name`` if it may begin the identifiers of a C and C++ library and name its header.

    Raises:
        InputError: it is not a letter followed by letters, digits and single underscores; or it is a keyword or the
            name of a header.
    """
    if not isinstance(name, str) or not _FORM.fullmatch(name) or len(name) > MAX_NAME:
        raise InputError(
            f"name is {ascii(name)[:60]}; expected a letter, then letters, digits and single underscores, "
            f"at most {MAX_NAME} in all"
        )
    if _is_reserved(name):
        raise InputError(
            f"name is {name!r}, which is a word or a header of C, C++, POSIX or Arduino; expected another"
        )
    return name


def derived(text: str) -> str:
    """An identifier for any text, such as the name of a file; the text itself if it is an identifier.

    Accents are dropped, everything else that is not a letter or digit becomes an underscore, and a name that begins with a
    digit or is reserved gets the prefix ``model_``. Different texts may give the same name.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
    if not name:
        return "model"
    if name[0].isdigit() or _is_reserved(name):
        name = f"model_{name}"
    return identifier(name[:MAX_NAME].rstrip("_"))


def _is_reserved(name: str) -> bool:
    """Whether a name is reserved. Headers of intrinsics, such as immintrin.h and x86gprintrin.h, share their ending."""
    return name.lower() in _RESERVED or name.lower().endswith("intrin")
