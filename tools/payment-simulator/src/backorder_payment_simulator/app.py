"""The simulator's HTTP server."""

from __future__ import annotations

from fastapi import FastAPI


def create_app() -> FastAPI:
    """The application."""
    app = FastAPI(title="Payment simulator", openapi_url=None)

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "pass"}

    return app
