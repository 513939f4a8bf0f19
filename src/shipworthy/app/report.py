"""Report: the project on one page that opens anywhere, without a server and without a connection."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jinja2 import Environment
from plotly.offline import get_plotlyjs

from shipworthy.app.opened import Opened
from shipworthy.app.pictures.picture import Picture
from shipworthy.app.views.endpoint import view_endpoint
from shipworthy.app.views.gate import gate_of_project
from shipworthy.app.views.pictures import pictures_of_endpoint, pictures_of_findings, pictures_of_run
from shipworthy.app.views.run import view_run
from shipworthy.core.errors import BackendFailed, NotFound
from shipworthy.core.findings import Finding

__all__ = ["draw_project", "write_report"]

_PAGE: Final = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ name }}: report</title>
<style>
:root { color-scheme: light dark } body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
padding: 0 1rem } table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100% }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; vertical-align: top }
h2 { margin-top: 2.5rem } .plot { min-height: 24rem } .passed { color: #1a7f4b } .warned { color: #8a5a00 }
.failed, .errored { color: #b3261e } small { color: #777 } details { margin-bottom: 2rem }
</style>
<script>{{ plotly | safe }}</script></head><body>
<h1>{{ name }}</h1><p>{{ question }}</p>
<p><small>Written {{ now }} UTC. Estimates carry their 95 % interval, drawn by whole days.</small></p>
{% for picture in pictures %}<h2>{{ picture.title }}</h2><div class="plot" id="p{{ loop.index }}"></div>
<p><small>{{ picture.note }}</small></p><details><summary>Numbers</summary><table><tr>
{% for column in picture.columns %}<th>{{ column }}</th>{% endfor %}</tr>
{% for row in picture.rows %}<tr>{% for cell in row %}<td>{{ "" if cell is none else cell }}</td>{% endfor %}</tr>
{% endfor %}</table></details>
{% endfor %}{% if findings %}<h2>What the gate found</h2><table><tr><th>check</th><th>status</th><th>finding</th></tr>
{% for one in findings %}<tr><td>{{ one.check }}</td><td class="{{ one.status }}">{{ one.status }}</td>
<td>{{ one.message }}{% if one.remedy %}<br><small>try: {{ one.remedy }}</small>{% endif %}</td></tr>
{% endfor %}</table>{% endif %}
<script type="application/json" id="figures">{{ figures | safe }}</script>
<script>JSON.parse(document.getElementById("figures").textContent).forEach((f, i) =>
Plotly.newPlot("p" + (i + 1), f.data, f.layout, {responsive: true, displayModeBar: false}));</script>
</body></html>
"""
_TEMPLATE: Final = Environment(autoescape=True).from_string(_PAGE)


def draw_project(opened: Opened) -> tuple[Picture, ...]:
    """Every picture there is of the project: its run, its gate, its endpoint; those of a notebook draw themselves."""
    return tuple(picture for part in (_of_run, _of_gate, _of_endpoint) for picture in part(opened))


def write_report(opened: Opened, file: Path) -> Path:
    """Write the project's pictures and findings as one HTML file.

    Args:
        opened: A project with at least one run.
        file: Where to write; replaced if it is there.

    Raises:
        NotFound: If nothing was trained yet.
        BackendFailed: If the file cannot be written.
    """
    opened.workspace.require("read")
    if opened.newest("run") is None:
        raise NotFound(
            f"project {opened.project.name!r} has no run to report on", remedy="make one with `shipworthy train`"
        )
    pictures = draw_project(opened)
    text = _TEMPLATE.render(
        name=opened.project.name,
        question=opened.project.goal.question,
        now=opened.workspace.clock.now().strftime("%Y-%m-%d %H:%M"),
        pictures=pictures,
        findings=_findings(opened),
        figures=_embedded(pictures),
        plotly=get_plotlyjs(),
    )
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        file.unlink(missing_ok=True)
        raise BackendFailed(
            f"the report could not be written to {file}: {error.strerror}",
            remedy="free some disk space, or name another file",
            file=str(file),
        ) from error
    return file


def _of_run(opened: Opened) -> Sequence[Picture]:
    run = opened.newest("run")
    return pictures_of_run(opened.workspace, view_run(opened.workspace, run.id)) if run else ()


def _of_gate(opened: Opened) -> Sequence[Picture]:
    return tuple(pictures_of_findings(_findings(opened)).values())


def _of_endpoint(opened: Opened) -> Sequence[Picture]:
    try:
        view = view_endpoint(opened.workspace, opened.project.serving.endpoint)
    except NotFound:
        return ()
    return pictures_of_endpoint(opened.workspace, view)


def _findings(opened: Opened) -> tuple[Finding, ...]:
    judged = gate_of_project(opened.workspace, opened.project.name)
    return judged.verdict.findings if judged else ()


def _embedded(pictures: Sequence[Picture]) -> str:
    """Figures as JSON inside HTML; no text in them can end the element."""
    text = json.dumps([picture.figure for picture in pictures], allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
