"""The bill of materials and the look-up of vulnerabilities, without asking anybody."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NOBODY = "http://127.0.0.1:1/"


@pytest.mark.skipif(not (ROOT / ".tools/bin/uv").exists(), reason="uv is installed by scripts/bootstrap")
def test_the_bill_of_materials_names_what_is_locked_and_a_silent_index_is_no_failure(tmp_path):
    sbom = tmp_path / "made" / "sbom.json"
    command = [sys.executable, ROOT / "scripts/audit", "--sbom", sbom, "--index", NOBODY]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"vulnerabilities: not run: {NOBODY} cannot be reached" in done.stdout
    document = json.loads(sbom.read_text())
    assert document["bomFormat"] == "CycloneDX"
    named = {component["name"] for component in document["components"]}
    assert {"cryptography", "uvicorn", "asyncpg", "aiokafka"} <= named
    assert not {"pytest", "mypy", "ruff"} & named, "what only developers use is not delivered"
