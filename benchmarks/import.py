"""What starting costs: importing the package, asking for help, and a worker that serves the flights package.

Run with ``make bench NAME=import``; the last line is one JSON object. The worker needs a shipped example
(``shipworthy ship examples/flights --yes``).
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from shipworthy.serving.launch import launch

HOME = Path(__file__).parents[1] / "examples" / "flights" / ".shipworthy"
ROUNDS = 15
GOALS = {"import_s": 0.1, "help_s": 0.3, "worker_mb": 100.0}


def main() -> None:
    """Measure in turn, so that a slow moment of the machine meets all of them."""
    bare, imported, helped = [], [], []
    for _ in range(ROUNDS):
        bare.append(timed("pass"))
        imported.append(timed("import shipworthy"))
        helped.append(timed("import shipworthy.cli.main as m\ntry: m.main(['--help'])\nexcept SystemExit: pass"))
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, shipworthy; print('numpy' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    with launch(HOME, ("flight-disruption",)) as running:
        worker_mb = running.rss_mb()
    figures = {
        "python_s": statistics.median(bare),
        "import_s": statistics.median(imported) - statistics.median(bare),
        "help_s": statistics.median(helped),
        "worker_mb": worker_mb,
        "loads_numpy": loaded.stdout.strip() == "True",
    }
    met = not figures["loads_numpy"] and all(figures[name] < goal for name, goal in GOALS.items())
    ratios = {"import_over_python": statistics.median(imported) / statistics.median(bare)}
    print(json.dumps({"name": "import", "ratios": ratios, "figures": figures, "goals": GOALS, "met": met}))


def timed(code: str) -> float:
    """Wall seconds of a fresh interpreter that runs ``code``."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
