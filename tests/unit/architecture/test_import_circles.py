"""No modules of the repository import each other in a circle.

Every import counts: at the top of a module, inside a function, and under TYPE_CHECKING. A circle that only type
checkers or late calls go round is one for readers all the same: none of its modules can be understood alone.
"""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

Graph = Mapping[str, frozenset[str]]


def test_no_modules_of_the_workspace_import_each_other_in_a_circle():
    circles = sorted(circles_of(import_graph(*source_folders())))
    assert not circles, "modules import each other in circles:\n" + "\n".join(map(" - ".join, circles))


def test_the_graph_has_the_modules_of_every_member():
    graph = import_graph(*source_folders())
    assert {name.partition(".")[0] for name in graph} >= {"event_contracts", "service_kit", "order_service"}
    assert "event_contracts" in graph["service_kit.messaging.decoding"]


def test_circles_are_found_through_functions_type_checking_and_relative_imports(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    for name, source in {
        "__init__": "",
        "first": "import package.second",
        "second": "def late():\n    from package import third",
        "third": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .first import name",
        "apart": "from package.first import name",
    }.items():
        (package / f"{name}.py").write_text(source)
    assert circles_of(import_graph(tmp_path)) == [("package.first", "package.second", "package.third")]


def source_folders() -> list[Path]:
    """The ``src`` folders of all members of the workspace."""
    members = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
    return [folder for member in members for folder in sorted(ROOT.glob(f"{member}/src"))]


def import_graph(*folders: Path) -> dict[str, frozenset[str]]:
    """Which modules of the folders each of them imports.

    A module's packages, which Python imports before it, do not count: only what a module names does.
    """
    files = {_module_name(path, folder): path for folder in folders for path in folder.rglob("*.py")}
    return {name: frozenset(_imported_by(name, path, files) & files.keys() - {name}) for name, path in files.items()}


def circles_of(graph: Graph) -> list[tuple[str, ...]]:
    """The strongly connected components of more than one module, by Tarjan's algorithm; the names sorted."""
    found: list[tuple[str, ...]] = []
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        path.append(module)
        for imported in graph[module]:
            if imported not in order:
                visit(imported)
            if imported in path:
                lowest[module] = min(lowest[module], lowest[imported])
        if lowest[module] == order[module]:
            component = path[path.index(module) :]
            del path[path.index(module) :]
            if len(component) > 1:
                found.append(tuple(sorted(component)))

    for module in graph:
        if module not in order:
            visit(module)
    return found


def _module_name(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported_by(module: str, path: Path, files: Mapping[str, Path]) -> set[str]:
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    return {name for node in ast.walk(ast.parse(path.read_text())) for name in _names(node, package, files)}


def _names(node: ast.AST, package: str, files: Mapping[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        source = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            # ``from package import module`` is about the module, ``from module import name`` about the module too.
            within = f"{source}.{alias.name}"
            yield within if within in files else source
