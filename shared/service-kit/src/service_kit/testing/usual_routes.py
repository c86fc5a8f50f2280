"""Applications whose hot routes are answered by FastAPI's own routes, to compare both paths."""

from __future__ import annotations

from fastapi import FastAPI

from service_kit.http.fast_path import FastPath


def without_fast_path(app: FastAPI) -> FastAPI:
    """``app`` itself, from now on without its fast path."""
    fast_path: object = FastPath
    app.user_middleware = [each for each in app.user_middleware if each.cls is not fast_path]
    app.middleware_stack = None  # it is built again at the next request
    return app
