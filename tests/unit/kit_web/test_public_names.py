"""The code stands on the public API of FastAPI, Starlette and pydantic, so that their internals may change.

A private name is one that begins with an underscore, a name in a private module, or one that FastAPI keeps for itself
without saying so in the name (``INTERNAL``).
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FRAMEWORKS = frozenset({"fastapi", "starlette", "pydantic", "pydantic_core"})
INTERNAL = frozenset(
    {
        "fastapi.datastructures.DefaultPlaceholder",
        "fastapi.dependencies",
        "fastapi.params",
        "fastapi.routing.RouteContext",
        "fastapi.routing.get_request_handler",
        "fastapi.routing.iter_route_contexts",
        "fastapi.routing.request_response",
        "fastapi.routing.serialize_response",
        "fastapi.security.base",
        "fastapi.security.utils",
        "fastapi.utils",
        "pydantic.v1",
        "starlette.convertors",
    }
)
INTERNAL_ATTRIBUTES = frozenset({"body_field", "dependant", "response_field"})
"""Of FastAPI's routes: how they were analysed."""
STATE_KEYS = ("fastapi.", "fastapi_", "starlette.")
"""How keys begin under which the frameworks keep their own state in an ASGI scope."""
PUBLIC_UNDERSCORES = frozenset({"_asdict", "_exit", "_field_defaults", "_fields", "_make", "_mapping", "_replace"})
"""Documented names of namedtuples, SQLAlchemy rows and ``os``."""


def sources() -> list[Path]:
    folders = [folder for place in ("services", "shared", "tools", "deploy") for folder in ROOT.glob(f"{place}/**/src")]
    return sorted(file for folder in folders for file in folder.rglob("*.py"))


def private_names(tree: ast.Module) -> Iterator[str]:
    """What a module takes of a framework's internals, each with its line."""
    imported = dict(_imports(tree))
    yield from filter(_is_private, imported.values())
    if not imported:
        return
    known = _own_names(tree) | PUBLIC_UNDERSCORES
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = _dotted(node, imported)
            if name is not None and _is_private(name):
                yield f"{node.lineno}: {name}"
            elif node.attr in INTERNAL_ATTRIBUTES or (_hidden(node.attr) and node.attr not in known):
                yield f"{node.lineno}: .{node.attr}"
        elif isinstance(node, ast.Constant) and _is_state_key(node.value):
            yield f"{node.lineno}: {node.value!r}"


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The frameworks' names: as bound in the module, and in full."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in FRAMEWORKS:
                    yield alias.asname or alias.name, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in FRAMEWORKS:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _own_names(tree: ast.Module) -> set[str]:
    """Names that the module itself defines, as functions, classes or attributes of ``self``."""
    defined = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("self", "cls")
    }
    fields = {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return defined | attributes | fields


def _dotted(node: ast.expr, imported: dict[str, str]) -> str | None:
    """The framework's name that an expression such as ``Request.headers`` or ``FastAPI().router`` begins with."""
    if isinstance(node, ast.Attribute):
        within = _dotted(node.value, imported)
        return None if within is None else f"{within}.{node.attr}"
    if isinstance(node, ast.Call):
        return _dotted(node.func, imported)
    return imported.get(node.id) if isinstance(node, ast.Name) else None


def _hidden(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _is_state_key(value: object) -> bool:
    return isinstance(value, str) and value.startswith(STATE_KEYS) and " " not in value


def _is_private(name: str) -> bool:
    parts = name.split(".")
    return any(map(_hidden, parts)) or any(".".join(parts[:end]) in INTERNAL for end in range(1, len(parts) + 1))


def test_no_private_name_of_a_web_framework_is_used():
    files = sources()
    assert ROOT / "shared/service-kit/src/service_kit/http/fast_path.py" in files
    found = {str(file.relative_to(ROOT)): list(private_names(ast.parse(file.read_text()))) for file in files}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "text",
    [
        "from fastapi._compat import ModelField",
        "import pydantic._internal._fields",
        "from starlette import _utils",
        "from fastapi.dependencies.utils import solve_dependencies",
        "from fastapi.routing import iter_route_contexts as contexts",
        "import fastapi\nfastapi.routing._IncludedRouter",
        "from starlette.requests import Request\ndef f(request: Request): return request._receive",
        "from fastapi import FastAPI\nFastAPI()._telemetry",
        "from fastapi.routing import APIRoute\ndef f(route: APIRoute): return route.dependant",
        "from starlette.types import Scope\ndef f(scope: Scope): return scope['fastapi.telemetry']",
    ],
)
def test_private_names_are_found(text):
    assert list(private_names(ast.parse(text))) != []


@pytest.mark.parametrize(
    "text",
    [
        "from fastapi import APIRouter, FastAPI\nFastAPI().include_router(APIRouter())",
        "from pydantic import BaseModel\nclass A(BaseModel):\n  def f(self): self._x = 1; return self._x",
        "from starlette.responses import Response\nprint(Response().raw_headers, Response.__name__)",
        "class A:\n  def f(self, other): return other._of_another_package",
    ],
)
def test_public_names_are_left_alone(text):
    assert list(private_names(ast.parse(text))) == []
