"""Opens every page of the built documentation in a browser: nothing is missing or fetched from elsewhere, and the search
finds.

    python tools/check_site.py build/docs
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from browser import browser, chromium, served


def check(folder: Path) -> int:
    """The number of pages, all of which are good."""
    pages = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html"))
    with served(folder) as address, browser() as page:
        for name in pages:
            page.call("Page.navigate", url=f"{address}/{name}")
            page.wait(f"document.readyState === 'complete' && location.pathname === '/{name}'")
            broken = page.evaluate(
                "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
            )
            assert not [*broken, *page.problems], (name, broken, page.problems)
        page.call("Page.navigate", url=f"{address}/index.html?q=quantize")
        page.wait("document.querySelectorAll('.md-search-result__item').length > 0")
        assert not page.problems, page.problems
    return len(pages)


if __name__ == "__main__":
    if chromium() is not None:
        print(
            f"{check(Path(sys.argv[1]))} pages, nothing missing or fetched from elsewhere; the search finds"
        )
    elif os.environ.get("HADAMRNN_CI"):
        sys.exit("error: no chromium to look at the site with")
    else:
        print("not looked at in a browser: there is no chromium")
