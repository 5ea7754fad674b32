"""What the package index is told: a page that needs no files beside it, and known classifiers."""

from __future__ import annotations

import re
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import hadamrnn_ext

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def metadata(tmp_path, monkeypatch) -> Message:
    """What a wheel says of itself, without building one."""
    pytest.importorskip("hatch_fancy_pypi_readme")
    build = pytest.importorskip("scikit_build_core.build")
    monkeypatch.chdir(ROOT)
    folder = build.prepare_metadata_for_build_wheel(str(tmp_path))
    return Parser().parsestr((tmp_path / folder / "METADATA").read_text(encoding="utf-8"))


def targets(text: str) -> list[str]:
    """Where the links and pictures of Markdown and of HTML within it lead."""
    text = re.sub(r"^```.*?^```$|`[^`\n]+`", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)", text) + re.findall(r'(?:src|srcset|href)="([^"\s]+)', text)


def test_links_of_the_page_need_no_files_beside_it(metadata):
    here, there = targets((ROOT / "README.md").read_text(encoding="utf-8")), targets(metadata.get_payload())
    assert len(here) == len(there) > 20
    for path, address in zip(here, there, strict=True):
        assert address.startswith(("https://", "#")), address
        if "://" not in path and not path.startswith("#"):
            assert address.endswith(path)
            assert (ROOT / path.split("#")[0]).exists()
        if path.endswith((".png", ".gif", ".svg")):
            assert address.startswith("https://raw.githubusercontent.com/"), address
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_urls_lead_to_one_repository(metadata):
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL"))
    assert {"Homepage", "Documentation", "Issues", "Changelog", "Repository"} <= urls.keys()
    assert all(url.startswith(urls["Repository"]) for url in urls.values())
    assert f"repository-code: {urls['Repository']}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_classifiers_are_known_and_name_every_python(metadata):
    known = pytest.importorskip("trove_classifiers").classifiers
    said = metadata.get_all("Classifier")
    assert set(said) <= known
    minor = int(metadata["Requires-Python"].removeprefix(">=3."))
    assert f"Programming Language :: Python :: 3.{minor}" in said
    assert f"Programming Language :: Python :: 3.{minor - 1}" not in said


def test_the_notice_names_every_bundled_model():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for name in hadamrnn_ext.models():
        assert re.search(rf"\b{re.sub('-int(8|12)$', '', name)}\b(?!-)", notice), name
