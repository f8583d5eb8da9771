"""Where the desk begins."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from ordercast.services.gateway.desk.access import Watching
from ordercast.services.gateway.desk.frame import PLACES, go_to, page

router = APIRouter()


@router.get("/")
def start(request: Request, viewer: Watching) -> Response:
    """Lead to the first place that there is."""
    paths = request.app.state.paths
    for path, _title in PLACES:
        if path in paths:
            return go_to(request, f"/desk{path}")
    return page(request, viewer, "start.html")
