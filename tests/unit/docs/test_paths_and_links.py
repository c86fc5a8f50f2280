"""Pages name files that exist, and their links lead somewhere."""

import re

import pytest
from tests.unit.docs.pages import ROOT, page

PAGES_WITH_PATHS = ("docs/architecture.md", "docs/glossary.md", "CONTRIBUTING.md", "README.md")
_TOP = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
_LAYERS = {"domain", "application", "adapters", "entrypoints", "migrations", "simulation", "wording"}
"""Paths that begin with one of these are within the source of some service."""
_PATH = re.compile(r"`([\w.-]+(?:/[\w.*{},<>-]+)*/?)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _paths(text: str) -> list[str]:
    """What stands in code quotes and begins like a path; patterns with <...> are no paths."""
    return [path for path in _PATH.findall(text) if path.split("/")[0] in _TOP | _LAYERS and "<" not in path]


def _exists(path: str) -> bool:
    places = ROOT.glob("services/*/src/*") if path.split("/", maxsplit=1)[0] in _LAYERS else [ROOT]
    return any((place / path).exists() for place in places)


def _anchors(text: str) -> set[str]:
    """Anchors that GitHub makes of headings."""
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES_WITH_PATHS)
def test_every_path_that_a_page_names_exists(name):
    missing = [path for path in _paths(page(name)) if not _exists(path)]
    assert missing == []


def test_the_pages_name_paths_at_all():
    assert len(_paths(page("docs/architecture.md"))) > 10
    assert len(_paths(page("docs/glossary.md"))) > 30


@pytest.mark.parametrize(
    "name", sorted(str(file.relative_to(ROOT)) for file in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
def test_every_relative_link_leads_to_a_file_and_a_heading_that_exist(name):
    broken = []
    for link in _LINK.findall(page(name)):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = ((ROOT / name).parent / target).resolve() if target else ROOT / name
        if not file.exists() or (anchor and anchor not in _anchors(file.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


def test_every_page_is_reached_from_the_readme():
    """Following relative links from README.md reaches every page of docs and CONTRIBUTING.md."""
    reached, waiting = set(), ["README.md"]
    while waiting:
        name = waiting.pop()
        if name in reached or not name.endswith(".md"):
            continue
        reached.add(name)
        for link in _LINK.findall(page(name)):
            target = link.partition("#")[0]
            if target and not re.match(r"[a-z]+:", link):
                waiting.append(str(((ROOT / name).parent / target).resolve().relative_to(ROOT)))
    every = {str(file.relative_to(ROOT)) for file in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]}
    assert reached == every
