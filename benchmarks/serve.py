"""One worker on one core, records and metrics on, against hand-written FastAPI, ``mlflow models serve`` and an echo.

Run: ``make bench NAME=serve``, or ``python benchmarks/serve.py [rounds] [seconds]``.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from _harness import (
    SERVER_CORE,
    Load,
    free_port,
    group_of,
    interleaved,
    load,
    metered,
    middle,
    pinned,
    python_of,
    report,
    server,
)
from _models import ENDPOINT, WIDTH, forest_onnx, workspace

from shipworthy.serving.launch import launch

CONNECTIONS = (1, 16, 64)
GOALS = {"fastapi": 5.0, "mlflow": 30.0, "echo": 0.45}
HERE = Path(__file__).parent
ROW = [round(0.37 * index - 3, 2) for index in range(WIDTH)]
OIP = json.dumps({"inputs": [{"name": "x", "shape": [1, WIDTH], "datatype": "FP32", "data": ROW}]})
INPUTS = json.dumps({"inputs": {"numbers": [ROW]}})
FASTAPI = ("fastapi==0.165.0", "uvicorn==0.54.0", "uvloop", "httptools", "numpy", "onnxruntime==1.31.1")
MLFLOW = ("mlflow==3.17.2", "onnx", "onnxruntime==1.31.1", "numpy")
Target = tuple[str, str, Callable[[], Iterable[int]]]  # url, body, process ids of the server
_SAVE = "import sys, onnx, mlflow.onnx; mlflow.onnx.save_model(onnx.load(sys.argv[1]), sys.argv[2])"


def start_peers(stack: ExitStack, model: Path, scratch: Path) -> dict[str, Target]:
    """Start every contender but ours."""
    base = "http://127.0.0.1:"
    echo, fastapi, mlflow = free_port(), free_port(), free_port()
    echoing = stack.enter_context(server([sys.executable, str(HERE / "_peer_echo.py"), str(echo)], f"{base}{echo}/"))
    python = python_of("fastapi", FASTAPI)
    command = [str(python), str(HERE / "_peer_fastapi.py"), str(fastapi), str(model)]
    by_hand = stack.enter_context(server(command, f"{base}{fastapi}/health"))
    python = python_of("mlflow", MLFLOW)
    saved = scratch / "mlflow-model"
    subprocess.run([str(python), "-c", _SAVE, str(model), str(saved)], check=True, capture_output=True)
    command = [str(python), "-m", "mlflow", "models", "serve", "-m", str(saved), "--env-manager", "local"]
    command += ["-p", str(mlflow), "-w", "1"]
    environment = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    scoring = stack.enter_context(server(command, f"{base}{mlflow}/ping", env=environment))
    return {
        "echo": (f"{base}{echo}/v2/models/{ENDPOINT}/infer", OIP, partial(group_of, echoing)),
        "fastapi": (f"{base}{fastapi}/v2/models/{ENDPOINT}/infer", OIP, partial(group_of, by_hand)),
        "mlflow": (f"{base}{mlflow}/invocations", INPUTS, partial(group_of, scoring)),
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
    scratch = Path(tempfile.mkdtemp(prefix="bench-serve-"))
    model = scratch / "model.onnx"
    model.write_bytes(forest_onnx())
    workspace(scratch / "home", model.read_bytes())
    with ExitStack() as stack:
        ours = stack.enter_context(launch(scratch / "home", [ENDPOINT], prefix=pinned(SERVER_CORE, [])))
        targets: dict[str, Target] = {
            "shipworthy": (f"{ours.url}/v2/models/{ENDPOINT}/infer", OIP, lambda: ours.worker_pids)
        }
        targets |= start_peers(stack, model, scratch)
        contenders: dict[str, Callable[[], Load]] = {}
        for connections in CONNECTIONS:
            for name, (url, body, pids) in targets.items():
                run = partial(load, url, body, connections=connections, seconds=seconds, scratch=scratch)
                contenders[f"{name}@{connections}"] = partial(metered, run, pids, seconds=seconds)
        found = {name: middle(loads) for name, loads in interleaved(contenders, rounds=rounds).items()}
        memory_mb = ours.rss_mb()
    shutil.rmtree(scratch, ignore_errors=True)
    figures: dict[str, object] = {"worker_rss_mb": round(memory_mb, 1)}
    for name, one in found.items():
        figures[name] = {
            "per_s": round(one.per_s),
            "p99_ms": round(one.p99_ms, 2),
            "cpu_us": round(one.cpu_us, 1),
            "failures": one.failures,
        }
    ratios = {
        name + suffix: round(found[f"shipworthy@{connections}"].per_s / found[f"{name}@{connections}"].per_s, 2)
        for name in GOALS
        for connections, suffix in ((16, ""), (1, "@1"), (64, "@64"))
    }
    met = report("serve", ratios=ratios, figures=figures, goals=GOALS)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
