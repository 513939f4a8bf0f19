"""The numbers behind every picture, as CSV."""

from collections.abc import Iterable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from shipworthy.app.views.pictures import find_picture
from shipworthy.app.views.table import to_csv
from shipworthy.console import query
from shipworthy.console.site import site_of

__all__ = ["csv_response", "picture_csv"]


def picture_csv(request: Request) -> Response:
    """The numbers of one picture of a project, run, verdict or endpoint."""
    asked, path = request.query_params, request.path_params
    picture = find_picture(
        site_of(request).workspace,
        path["kind"],
        path["name"],
        path["picture"],
        start=query.instant(asked, "from"),
        end=query.instant(asked, "to"),
    )
    return csv_response(f"{path['name']}-{picture.name}", picture.columns, picture.rows)


def csv_response(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A CSV file that a browser keeps under a harmless name."""
    safe = "".join(character if character.isascii() and character.isalnum() else "-" for character in name)[:80]
    return Response(
        to_csv(columns, rows),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{safe}.csv"'},
    )
