"""The fuzzers of fuzz/, for a moment: their corpora hold what was once found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[1] / "fuzz"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="inputs are tried in forked processes")


def test_nothing_is_found_in_a_moment() -> None:
    command = [sys.executable, str(FUZZ / "run.py"), "--tries", "100", "--seconds", "900", "--seed", "11"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1300 tried" in done.stdout


def test_findings_are_found(tmp_path: Path) -> None:
    """With a target that breaks in each of the ways that there are."""
    (tmp_path / "broken.py").write_text(
        """
import os, sys
sys.path.insert(0, sys.argv.pop(1))
import run, targets
from pathlib import Path
ways = [lambda: os.abort(), lambda: 1 / 0, lambda: bytes(1 << 40), lambda: any(iter(int, 1))]
campaign = None
def target(data):
    way = campaign.counts[0] - 1
    return ways[way]() if way < 4 else True
targets.TARGETS["tsv"] = target
run.SECONDS_EACH, run.FINDINGS = 1, Path(sys.argv.pop(1))
campaign = run.Campaign("tsv", 0)
campaign.run(60, 5)
print([finding.split(":")[0] for finding in campaign.findings], campaign.counts)
"""
    )
    command = [sys.executable, str(tmp_path / "broken.py"), str(FUZZ), str(tmp_path / "findings")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "['crash (-6)', 'wrong', 'over-allocation', 'hang'] (5, 1, 0)" in done.stdout, (
        done.stdout + done.stderr
    )
    assert len(list((tmp_path / "findings").iterdir())) == 4
