"""How long the whole way takes: ``shipworthy ship examples/flights`` from nothing but installed packages and data.

Run with ``make bench NAME=ship``; the last line is one JSON object. Set-up (installing, preparing the data) is left
out. Memory is the largest sum of resident memory of the command and its children, looked at ten times a second.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "flights"
GOALS = {"ship_s": 180.0, "peak_mb": 3000.0}


def main() -> None:
    """Ship a fresh copy of the example once."""
    subprocess.run([sys.executable, str(EXAMPLE / "prepare.py")], check=True, stdout=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "flights"
        shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns(".shipworthy", "__pycache__"))
        command = [sys.executable, "-m", "shipworthy.cli.main", "ship", str(copy), "--yes"]
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=sys.stderr)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, resident_mb(process.pid))
            time.sleep(0.1)
        took = time.perf_counter() - begun
    figures = {"ship_s": took, "peak_mb": peak, "status": process.returncode, "cores": os.cpu_count()}
    met = process.returncode == 0 and all(figures[name] < goal for name, goal in GOALS.items())
    ratios = {"of_goal_time": took / GOALS["ship_s"], "of_goal_memory": peak / GOALS["peak_mb"]}
    print(json.dumps({"name": "ship", "ratios": ratios, "figures": figures, "goals": GOALS, "met": met}))


def resident_mb(pid: int) -> float:
    """Resident memory of a process and its descendants, in MB; 0 once it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6 + sum(resident_mb(int(child)) for child in children)


if __name__ == "__main__":
    main()
