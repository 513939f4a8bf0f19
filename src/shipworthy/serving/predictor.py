"""The predictor: an opened package that answers rows. One session, one thread, verified bytes."""

import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import onnxruntime as ort

from shipworthy.core.errors import BackendFailed, InvalidPackage, InvalidRequest
from shipworthy.packaging.package import Package
from shipworthy.packaging.signature import Datatype, Field
from shipworthy.serving.fallback import Fallback
from shipworthy.serving.tensors import Packer, Rows, width_of

__all__ = ["Answer", "Predictor"]

Answer = list[list[Any]] | Exception

_PROBE_ROWS: Final = 64
_PROBES: Final = 3
_SLOW_S: Final = 0.1
_STEP: Final = 1.05


class Predictor:
    """Answers rows with one package.

    ``answer`` may run in another thread than the event loop's; two runs never overlap (the batcher's promise).

    Attributes:
        package: The package.
        run_s: Expected time of one run apart from its rows, in seconds.
        row_s: Expected time of one further row, in seconds.
        load_s: Time that loading took, in seconds.

    Raises:
        InvalidPackage: If ONNX Runtime refuses the graph, it does not fit the signature, or it cannot answer one row.
    """

    def __init__(self, package: Package) -> None:
        began = time.perf_counter()
        self.package = package
        self._packer = Packer(package.signature)
        self._outputs = [field.name for field in package.signature.outputs]
        self._widths = [width_of(field) for field in package.signature.outputs]
        self._is_flat = all(width == 1 for width in self._widths)
        self._floats = [field.datatype in {Datatype.FP32, Datatype.FP64} for field in package.signature.outputs]
        self._session = _session(package)
        self.fallback = _fallback(package)
        self.run_s, self.row_s = self._probe()
        self.load_s = time.perf_counter() - began

    def answer(self, batch: Sequence[Rows]) -> list[Answer]:
        """Values of each output for each of ``batch``: to each its own rows, or its own error."""
        try:
            return self._run(batch)
        except Exception as error:  # noqa: BLE001 - the request boundary: whatever a model raises is one caller's answer
            if len(batch) == 1:
                return [_explained(error)]
        middle = len(batch) // 2
        return self.answer(batch[:middle]) + self.answer(batch[middle:])

    def expect(self, seconds: float, rows: int) -> None:
        """Learn from a run of ``rows`` rows that took ``seconds`` in all.

        The estimate takes a small step towards each run, however far off the run was: so it follows the median,
        and a run that lost the processor for a while does not count as slow.
        """
        self.row_s = min(max(self.row_s, 1e-8) * (_STEP if seconds > self.run_s + rows * self.row_s else 1 / _STEP), 60)

    def _run(self, batch: Sequence[Rows]) -> list[Answer]:
        arrays = self._session.run(self._outputs, self._packer.pack(batch))
        total = batch[0].count if len(batch) == 1 else sum([rows.count for rows in batch])
        columns = [self._checked(index, array, total) for index, array in enumerate(arrays)]
        if len(batch) == 1:
            return [columns]
        if total == len(batch) and self._is_flat:
            return [[[value] for value in row] for row in zip(*columns, strict=True)]
        answers: list[Answer] = []
        start = 0
        for rows in batch:
            end = start + rows.count
            answers.append([c[start * w : end * w] for c, w in zip(columns, self._widths, strict=True)])
            start = end
        return answers

    def _checked(self, index: int, array: Any, rows: int) -> list[Any]:  # noqa: ANN401 - onnxruntime is untyped
        values: list[Any] = array.ravel().tolist()
        if len(values) != rows * self._widths[index]:
            raise BackendFailed(
                f"the model gave {len(values)} values of {self._outputs[index]!r} for {rows} rows",
                remedy="package the model again; its signature does not say what its graph does",
            )
        if self._floats[index]:
            total = sum(values)
            if total - total != 0:
                raise BackendFailed(
                    f"the model's {self._outputs[index]!r} is not finite",
                    remedy="look at the record's input; the model cannot answer it",
                )
        return values

    def _probe(self) -> tuple[float, float]:
        """Time of a run, and of a row within it, by answering plain rows; the first run is warm-up."""
        times: dict[int, float] = {}
        for rows in (1, _PROBE_ROWS):
            batch = [Rows(rows, [_plain(field, rows) for field in self.package.signature.inputs])]
            for _ in range(_PROBES):
                began = time.perf_counter()
                answer = self.answer(batch)[0]
                times[rows] = min(times.get(rows, 1e9), time.perf_counter() - began)
                if times[rows] > _SLOW_S:
                    break  # that it is slow is all that has to be known
            if isinstance(answer, Exception):
                raise _refused(self.package, f"it cannot answer {rows} plain rows: {answer}") from answer
        row_s = max(times[_PROBE_ROWS] - times[1], 0.0) / (_PROBE_ROWS - 1)
        return max(times[1] - row_s, 0.0), row_s


def _session(package: Package) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # batches vary in size: a pattern a size would only be kept, never used
    options.log_severity_level = 4  # what fails is raised and recorded, not printed
    try:
        session = ort.InferenceSession(package.model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise _refused(package, f"ONNX Runtime does not load its graph: {error}") from error
    wanted = {packing.tensor for packing in package.signature.packing}
    given = {node.name for node in session.get_inputs()}
    missing = {field.name for field in package.signature.outputs} - {node.name for node in session.get_outputs()}
    if wanted != given or missing:
        raise _refused(package, f"graph and signature differ: inputs {given} against {wanted}, no output {missing}")
    return session


def _fallback(package: Package) -> Fallback | None:
    if package.baseline is None or not Fallback.fits(package.signature):
        return None
    return Fallback(package.baseline, package.signature, package.goal.threshold)


def _plain(field: Field, rows: int) -> list[Any]:
    value: object = "" if field.datatype is Datatype.BYTES else 0
    return [value] * (rows * width_of(field))


def _explained(error: Exception) -> Exception:
    if isinstance(error, OverflowError):
        return InvalidRequest("a number is too large for 32-bit floats", remedy="send numbers below 3.4e38")
    if isinstance(error, (UnicodeEncodeError, msgspec.ValidationError)):
        return InvalidRequest(f"a string cannot be encoded: {error}", remedy="send valid Unicode text")
    return error


def _refused(package: Package, why: str) -> InvalidPackage:
    return InvalidPackage(
        f"package {package.digest[:12]}: {why}", remedy="package the model again", package=package.digest
    )
