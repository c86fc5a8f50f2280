"""The certificates that `make-secrets` makes: each server's fits its key and the authority, whatever was deleted."""

import runpy
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "deploy/docker/make-secrets"))
SERVERS: tuple[str, ...] = SCRIPT["SERVERS"]
make: Any = SCRIPT["make"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    make(tmp_path, "postgres:5432")
    return tmp_path


def check(place: Path) -> None:
    """Every server's certificate is signed by the authority and belongs to its key, and Kafka's file has both."""
    for server in SERVERS:
        key, certificate = place / f"{server}_key.pem", place / f"{server}_certificate.pem"
        done = subprocess.run(
            ["openssl", "verify", "-CAfile", place / "ca.pem", certificate],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert _public("pkey", "-in", key, "-pubout") == _public("x509", "-in", certificate, "-noout", "-pubkey")
        assert (place / f"{server}.pem").read_text() == key.read_text() + certificate.read_text()


def _public(*arguments: str | Path) -> bytes:
    return subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout


def test_the_first_run_makes_certificates_that_fit(place: Path) -> None:
    check(place)


@pytest.mark.parametrize("deleted", ["kafka_certificate.pem", "kafka_key.pem", "kafka.pem", "ca.pem"])
def test_what_is_deleted_is_made_anew_and_fits_with_what_is_there(place: Path, deleted: str) -> None:
    before = (place / "kafka_certificate.pem").read_text()
    (place / deleted).unlink()
    make(place, "postgres:5432")
    check(place)
    assert ((place / "kafka_certificate.pem").read_text() == before) == (deleted == "kafka.pem")


@pytest.mark.parametrize("deleted", ["kafka_certificate.pem", "kafka_key.pem", "ca.pem"])
def test_a_run_that_ends_early_is_completed_by_the_next(
    place: Path, deleted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends before each of the files that it writes, one time after the other."""
    directory, keep = SCRIPT["SecretDirectory"], SCRIPT["SecretDirectory"].keep
    for written in range(9):
        (place / deleted).unlink(missing_ok=True)
        left = [written]

        def ends(self: Any, name: str, value: str | None = None, left: list[int] = left) -> str:
            if name.endswith(".pem") and not (self.path / name).exists():
                if not left[0]:
                    raise KeyboardInterrupt
                left[0] -= 1
            return str(keep(self, name, value))

        with monkeypatch.context() as patch:
            patch.setattr(directory, "keep", ends)
            with suppress(KeyboardInterrupt):
                make(place, "postgres:5432")
        make(place, "postgres:5432")
        check(place)
