"""The live page at `/`: files of its own, no build step, nothing from other hosts."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import Response

_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page/icon.svg": ("icon.svg", "image/svg+xml"),
    "/page/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page/page.js": ("page.js", "text/javascript; charset=utf-8"),
}


def page_router() -> APIRouter:
    """Return the page and what it is made of. It holds no data: its script asks for it, with the reader's token."""
    router = APIRouter(include_in_schema=False)
    for path, (name, media_type) in _FILES.items():
        router.add_api_route(path, _serving(name, media_type), methods=["GET"])
    return router


def _serving(name: str, media_type: str) -> Callable[[], Response]:
    def serve_file() -> Response:
        return Response(_content(name), media_type=media_type, headers={"Cache-Control": "no-cache"})

    return serve_file


@cache
def _content(name: str) -> bytes:
    return (files("salesboost_tools.service.page") / name).read_bytes()
