"""One worker on one core against hand-written FastAPI, ``mlflow models serve`` and an echo, with records and metrics on.

Run: ``make bench NAME=serve``, or ``python benchmarks/serve.py [rounds] [seconds]``.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from _harness import SERVER_CORE, Load, free_port, interleaved, middle, pinned, python_of, report, server, wrk
from _models import ENDPOINT, WIDTH, forest_onnx, workspace

from shipworthy.serving.launch import launch

CONNECTIONS = (1, 16, 64)
GOALS = {"fastapi": 5.0, "mlflow": 30.0, "echo": 0.45}
HERE = Path(__file__).parent
ROW = [round(0.37 * index - 3, 2) for index in range(WIDTH)]
OIP = json.dumps({"inputs": [{"name": "x", "shape": [1, WIDTH], "datatype": "FP32", "data": ROW}]})
MLFLOW = json.dumps({"inputs": {"numbers": [ROW]}})
_SAVE = "import sys, onnx, mlflow.onnx; mlflow.onnx.save_model(onnx.load(sys.argv[1]), sys.argv[2])"


def start_peers(stack: ExitStack, model: Path, scratch: Path) -> dict[str, tuple[str, str]]:
    """Start every contender but ours; returns url and body of each."""
    echo, fastapi, mlflow = free_port(), free_port(), free_port()
    fastapi_python = python_of(
        "fastapi", ["fastapi==0.165.0", "uvicorn==0.54.0", "uvloop", "httptools", "numpy", "onnxruntime==1.31.1"]
    )
    mlflow_python = python_of("mlflow", ["mlflow==3.17.2", "onnx", "onnxruntime==1.31.1", "numpy"])
    stack.enter_context(server([sys.executable, str(HERE / "_peer_echo.py"), str(echo)], f"http://127.0.0.1:{echo}/"))
    command = [str(fastapi_python), str(HERE / "_peer_fastapi.py"), str(fastapi), str(model)]
    stack.enter_context(server(command, f"http://127.0.0.1:{fastapi}/health"))
    saved = scratch / "mlflow-model"
    subprocess.run([str(mlflow_python), "-c", _SAVE, str(model), str(saved)], check=True, capture_output=True)
    command = [str(mlflow_python), "-m", "mlflow", "models", "serve", "-m", str(saved), "--env-manager", "local"]
    path = f"{mlflow_python.parent}{os.pathsep}{os.environ['PATH']}"
    command += ["-p", str(mlflow), "-w", "1"]
    stack.enter_context(server(command, f"http://127.0.0.1:{mlflow}/ping", env={**os.environ, "PATH": path}))
    return {
        "echo": (f"http://127.0.0.1:{echo}/v2/models/{ENDPOINT}/infer", OIP),
        "fastapi": (f"http://127.0.0.1:{fastapi}/v2/models/{ENDPOINT}/infer", OIP),
        "mlflow": (f"http://127.0.0.1:{mlflow}/invocations", MLFLOW),
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
        targets = {
            "shipworthy": (f"{ours.url}/v2/models/{ENDPOINT}/infer", OIP),
            **start_peers(stack, model, scratch),
        }
        contenders: dict[str, Callable[[], Load]] = {
            f"{name}@{connections}": partial(wrk, url, body, connections=connections, seconds=seconds, scratch=scratch)
            for connections in CONNECTIONS
            for name, (url, body) in targets.items()
        }
        found = {name: middle(loads) for name, loads in interleaved(contenders, rounds=rounds).items()}
        memory_mb = ours.rss_mb()
    shutil.rmtree(scratch, ignore_errors=True)
    figures: dict[str, object] = {"worker_rss_mb": round(memory_mb, 1)}
    for name, load in found.items():
        figures[name] = {"per_s": round(load.per_s), "p99_ms": round(load.p99_ms, 2), "failures": load.failures}
    ratios = {
        name + suffix: round(found[f"shipworthy@{connections}"].per_s / found[f"{name}@{connections}"].per_s, 2)
        for name in GOALS
        for connections, suffix in ((16, ""), (1, "@1"), (64, "@64"))
    }
    met = report("serve", ratios=ratios, figures=figures, goals=GOALS)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
