"""What a good engineer writes by hand in an afternoon: FastAPI, pydantic, numpy, ONNX Runtime, one OIP route."""

import sys

import numpy as np
import onnxruntime as ort
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

options = ort.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = ort.InferenceSession(sys.argv[2], options, providers=["CPUExecutionProvider"])
app = FastAPI()


class Tensor(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Request(BaseModel):
    id: str = ""
    inputs: list[Tensor]


@app.get("/health")
async def health():
    return {}


@app.post("/v2/models/bench/infer")
async def infer(request: Request):
    tensor = request.inputs[0]
    rows = np.array(tensor.data, dtype=np.float32).reshape(tensor.shape)
    probability, decision = session.run(["probability", "decision"], {"numbers": rows})
    return {
        "model_name": "bench",
        "id": request.id,
        "outputs": [
            {"name": "probability", "datatype": "FP32", "shape": [len(rows)], "data": probability.tolist()},
            {"name": "decision", "datatype": "BOOL", "shape": [len(rows)], "data": decision.tolist()},
        ],
    }


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
