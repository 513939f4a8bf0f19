"""The few files that pages load, held in memory: what is not in this list cannot be asked for."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from plotly.offline import get_plotlyjs

__all__ = ["Asset", "asset", "asset_address"]

_TYPES = {
    "site.css": "text/css; charset=utf-8",
    "theme.js": "text/javascript; charset=utf-8",
    "site.js": "text/javascript; charset=utf-8",
    "plots.js": "text/javascript; charset=utf-8",
    "mark.svg": "image/svg+xml",
    "plotly.js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One static file.

    Attributes:
        version: Begin of its digest; a part of its address, so that it may be cached for ever.
    """

    content: bytes
    media_type: str
    version: str


@cache
def asset(name: str) -> Asset | None:
    """A static file by name; None when there is no such file."""
    if name not in _TYPES:
        return None
    if name == "plotly.js":
        content = get_plotlyjs().encode()
    else:
        content = files("shipworthy.console").joinpath("static", name).read_bytes()
    return Asset(content=content, media_type=_TYPES[name], version=hashlib.sha256(content).hexdigest()[:12])


def asset_address(name: str) -> str:
    """The address of a static file, with its version.

    Raises:
        KeyError: If there is no such file.
    """
    found = asset(name)
    if found is None:
        raise KeyError(name)
    return f"/static/{name}?v={found.version}"
