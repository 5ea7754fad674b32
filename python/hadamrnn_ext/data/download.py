"""Downloads from several mirrors, with a size limit and a check of the content."""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Callable, Sequence

from ..errors import DataError

__all__ = ["fetch"]

CHUNK = 1 << 16
TIMEOUT = 30.0  # seconds without receiving a byte


def fetch(
    urls: Sequence[str],
    *,
    max_bytes: int,
    check: Callable[[bytes], object],
    progress: Callable[[int, int | None], object] = lambda received, total: None,
) -> bytes:
    """The content of the first of `urls` that `check` accepts; it raises `DataError` to refuse some.

    `progress` is called with the number of bytes received and their total, or None if the server does not state it.
    Raises a `DataError` that lists the failure of each URL if all of them fail.
    """
    failures: list[str] = []
    for url in urls:
        try:
            content = _get(url, max_bytes, progress)
            check(content)
            return content
        except (OSError, http.client.HTTPException, DataError) as error:  # URLError and timeouts are OSErrors
            failures.append(f"{url}: {error}")
    raise DataError("; ".join(failures))


def _get(url: str, max_bytes: int, progress: Callable[[int, int | None], object]) -> bytes:
    content = bytearray()
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        length = response.headers.get("Content-Length")
        total = int(length) if length and length.isdigit() else None
        while chunk := response.read(CHUNK):
            content += chunk
            if len(content) > max_bytes:
                raise DataError(f"more than the {max_bytes} bytes it can have")
            progress(len(content), total)
    if total is not None and len(content) != total:
        raise DataError(f"the connection ended after {len(content)} of {total} bytes")
    return bytes(content)
