"""Every route of the gateway, walked as the application matches them."""

from fastapi.routing import iter_route_contexts

from tests.gateway import gateway

DESK = "/desk"
"""The desk has its own sign-in, and its own tests of who may come to what."""

DESCRIPTION = {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"}


def routes() -> list[tuple[str, str]]:
    """Methods and paths that a program may come to, but for the description of the API."""
    app = gateway()
    found = {
        (method, route.path or "")
        for route in iter_route_contexts(app.routes)
        for method in route.methods or {"any"}
    }
    described = {
        (method.upper(), path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }
    assert found > described
    return sorted(
        (method, path)
        for method, path in found
        if path not in DESCRIPTION and not path.startswith(DESK)
    )
