"""The bill of materials and the look-up of vulnerabilities, without asking anybody."""

import importlib.machinery
import importlib.util
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


def package(name: str, **said: object) -> dict[str, object]:
    return {"name": name, "version": "1.0", "vulns": [], **said}


@pytest.mark.parametrize(
    ("packages", "words", "known"),
    [
        ([package("a"), package("b")], "none known of 2 packages", False),
        ([package("a", vulns=[{"id": "CVE-1"}]), package("b")], "known vulnerabilities:\n  a 1.0: CVE-1", True),
        ([package("a"), package("b", skip_reason="not found")], "none known of 1 packages; not looked up: b", False),
        (
            [package("a", skip_reason="not found")],
            "not run: the index has no advisories (it knows none of 1 packages)",
            False,
        ),
    ],
)
def test_packages_that_could_not_be_looked_up_are_not_called_free_of_vulnerabilities(packages, words, known):
    loader = importlib.machinery.SourceFileLoader("audit", str(ROOT / "scripts/audit"))
    spec = importlib.util.spec_from_loader("audit", loader)
    assert spec is not None
    audit = importlib.util.module_from_spec(spec)
    loader.exec_module(audit)
    assert audit.verdict({"dependencies": packages}) == (words, known)
