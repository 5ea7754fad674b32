"""Hooks of mkdocs, for the pages that do not lie in docs/: README and others of the repository, and the reference.

In the files, links are relative to where a file lies, as GitHub reads them. Here they lead to the page of the site that
shows the file, and to the repository where there is none.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parents[1]
#: Files of the repository and the pages that show them, where their names differ; others keep their names.
PAGES = {"README.md": "index.md", "docs/README.md": "pages.md"}
OUTSIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "bench/README.md",
    "cpp/README.md",
    "fuzz/README.md",
)
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]*)(#[^)\s]*)?(?=\))")
BLOCK = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def repository() -> str:
    """The address of the repository, which pyproject.toml says."""
    said = re.search(
        r'^Repository = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert said is not None, "pyproject.toml has no URL named Repository"
    return said[1]


def page_of(path: str) -> str:
    """The page of the site that shows a file of the repository; a file of docs/ is one by its name there."""
    return PAGES.get(path, path.removeprefix("docs/"))


def file_of(page: str) -> str:
    """The file of the repository that a page shows."""
    shown = {shows: path for path, shows in PAGES.items()}
    return shown.get(page, page if page in OUTSIDE else f"docs/{page}")


def on_files(files: Files, config: Any) -> Files:
    readme = files.get_file_from_path("README.md")
    if readme is not None:
        files.remove(readme)
    pictures = (str(path.relative_to(ROOT)) for path in sorted((ROOT / "bench").glob("*.png")))
    for path in (*PAGES, *OUTSIDE, *pictures):
        files.append(File.generated(config, page_of(path), abs_src_path=str(ROOT / path)))
    for name in re.findall(r"reference/([\w.]+)\.md", str(config.nav)):
        files.append(File.generated(config, f"reference/{name}.md", content=f"::: {name}\n"))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    here = page.file.src_uri
    if here.startswith("reference/"):
        return markdown
    source, start = file_of(here), posixpath.dirname(here)

    def target(match: re.Match[str]) -> str:
        link, anchor = match[1], match[2] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        to = files.get_file_from_path(page_of(path))
        if to is not None and to.inclusion is not InclusionLevel.EXCLUDED:
            return posixpath.relpath(to.src_uri, start or ".") + anchor
        if not (ROOT / path).exists():
            return match[0]  # which mkdocs warns of
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{repository()}/{kind}/main/{path}{anchor}"

    parts = BLOCK.split(markdown)
    return "".join(part if i % 2 else LINK.sub(target, part) for i, part in enumerate(parts))
