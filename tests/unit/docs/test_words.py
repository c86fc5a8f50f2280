"""Names in code are made of the glossary's words: those that docs/glossary.md lists as not used are refused."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.unit.docs.pages import ROOT, page

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_PLACES = {"everywhere": "", "services": "services/", "allocation": "services/allocation-service/"}
_KINDS = {"modules and classes": frozenset({"module", "class"})}


class Name(NamedTuple):
    """A name that a source file gives to something of its own."""

    name: str
    kind: str
    file: str


class Refused(NamedTuple):
    """A word of the table, as the words of a name that it consists of, and the names that it counts in."""

    word: str
    parts: tuple[str, ...]
    counts_in: str

    def is_in(self, name: Name) -> bool:
        """Whether the name contains the word, and is one of those that are meant."""
        words, length = words_of(name.name), len(self.parts)
        if not any(words[at : at + length] == self.parts for at in range(len(words) - length + 1)):
            return False
        if self.counts_in in _KINDS:
            return name.kind in _KINDS[self.counts_in]
        return name.file.startswith(_PLACES[self.counts_in])


@cache
def words_of(name: str) -> tuple[str, ...]:
    """The words of a snake_case or CamelCase name, in lower case."""
    return tuple(word.lower() for part in name.split("_") for word in _WORD.findall(part))


def refused_words() -> list[Refused]:
    """The rows of the glossary's last table."""
    table = page("docs/glossary.md").split("\n## Words not used\n")[1]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines() if line[:3] == "| `"]
    return [
        Refused(word, words_of(word), counts_in.strip(" |"))
        for words, _, counts_in in rows
        for word in re.findall(r"`([^`]+)`", words)
    ]


def source_folders() -> list[Path]:
    """The source trees of services, shared packages, tools and deployment."""
    return sorted(path for folder in ("services", "shared", "tools", "deploy") for path in ROOT.glob(f"{folder}/*/src"))


def names_of(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names that a module gives: classes, functions, arguments, variables, attributes; not those it only uses."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name):
                yield name, "class"
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, "function"
            case ast.arg(arg=name):
                yield name, "argument"
            case ast.Name(id=name, ctx=ast.Store()):
                yield name, "variable"
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, "attribute"
            case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name, "variable"
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name, "variable"


def all_names() -> Iterator[Name]:
    """The names of all source trees, each once for a file."""
    for folder in source_folders():
        for file in sorted(folder.rglob("*.py")):
            place = str(file.relative_to(ROOT))
            modules = {(part, "module") for part in file.relative_to(folder).with_suffix("").parts}
            given = set(names_of(ast.parse(file.read_text(encoding="utf-8"))))
            yield from (Name(name, kind, place) for name, kind in sorted(modules | given))


def found_in(names: Iterable[Name], refused: list[Refused]) -> dict[str, dict[str, str]]:
    """Word → name → a file that has it."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        for word in refused:
            if word.parts[0] in words_of(name.name) and word.is_in(name):
                found[word.word].setdefault(name.name, name.file)
    return dict(found)


def test_no_name_has_a_word_that_the_glossary_lists_as_not_used():
    found = found_in(all_names(), refused_words())
    new = {f"{word} in {name} ({file})" for word, names in found.items() for name, file in names.items()}
    assert not new, "docs/glossary.md says what to say instead"


def test_the_table_is_read_whole():
    words = {refused.word for refused in refused_words()}
    assert {"Book", "newcomers", "short_way", "base"} <= words
    assert {refused.counts_in for refused in refused_words()} <= _PLACES.keys() | _KINDS.keys()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class _Standing: ...", {"standing": {"_Standing"}}),
        ("def settle_newcomers(waiter): ...", {"newcomers": {"settle_newcomers"}, "waiter": {"waiter"}}),
        ("import x as short_way", {"short_way": {"short_way"}}),
        ("class RunDesk: ...", {"RunDesk": {"RunDesk"}, "desk": {"RunDesk"}}),
        ("class Helper:\n  base = 1", {"helper": {"Helper"}}),
        ("outstanding = bookshelf = short.way = 1", {}),
        ("text('SELECT standing FROM waiter').base", {}),
    ],
)
def test_words_are_found_in_what_a_module_names(source, expected):
    names = (Name(name, kind, "tools/x.py") for name, kind in names_of(ast.parse(source)))
    found = {word: set(of) for word, of in found_in(names, refused_words()).items()}
    assert found == expected
