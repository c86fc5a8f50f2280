"""A defect that can be planted, and the tests that must find it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class NotPlantable(ValueError):
    """The text that a mutant replaces does not stand exactly once in its file."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defect: in ``file`` (a path in the repository), ``find`` becomes ``replace``.

    ``tests`` are pytest's arguments that select the tests which must fail. ``what`` says what the defect does, as a
    sentence without its full stop.
    """

    name: str
    what: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]

    @property
    def source_root(self) -> str:
        """The folder of the repository that is on Python's path for the file: ``.../src``."""
        root, found, _ = self.file.partition("/src/")
        if not found:
            raise NotPlantable(f"{self.name}: {self.file} is not below a folder src")
        return f"{root}/src"

    def mutated(self, source: str) -> str:
        """The file's text with the defect in it. Raises NotPlantable unless ``find`` stands there exactly once."""
        found = source.count(self.find)
        if found != 1:
            raise NotPlantable(f"{self.name}: {self.file} has {found} times: {self.find!r}")
        return source.replace(self.find, self.replace)

    def plant(self, repository: Path, copy_of_root: Path) -> None:
        """Write the mutated file into a copy of its source root."""
        inside = self.file.removeprefix(f"{self.source_root}/")
        mutated = self.mutated((repository / self.file).read_text())
        (copy_of_root / inside).write_text(mutated)
