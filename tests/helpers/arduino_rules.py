"""What Arduino's specification of libraries asks for."""

#: The fields of library.properties without which a library is refused.
from __future__ import annotations

FIELDS = [
    "name",
    "version",
    "author",
    "maintainer",
    "sentence",
    "paragraph",
    "category",
    "url",
    "architectures",
]
