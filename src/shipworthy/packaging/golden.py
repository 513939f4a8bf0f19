"""Golden rows: inputs with the outputs that they must give, the same today and in a year."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shipworthy.core.errors import InvalidPackage
from shipworthy.packaging.signature import Signature

__all__ = ["Golden", "encode_golden", "golden_table", "read_golden"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """Golden rows in their two halves.

    Attributes:
        inputs: A column per input of the signature; plain Python values, None for null.
        outputs: A column per output of the signature, shape (n_rows,).
    """

    inputs: Mapping[str, list[object]]
    outputs: Mapping[str, NDArray[np.generic]]


def golden_table(inputs: pa.Table, outputs: Mapping[str, NDArray[np.generic]]) -> pa.Table:
    """Put expected outputs beside their inputs, as :func:`read_golden` expects them.

    Raises:
        InvalidPackage: If an input has the name of an output.
    """
    table = inputs
    for name, values in outputs.items():
        if name in table.column_names:
            raise InvalidPackage(
                f"golden rows: {name!r} is the name of an input and of an output",
                remedy=f"rename the feature {name!r}",
                field=name,
            )
        table = table.append_column(name, pa.array(values))
    return table


def encode_golden(table: pa.Table, signature: Signature) -> bytes:
    """The bytes of ``golden.arrow``: equal rows give equal bytes.

    Raises:
        InvalidPackage: If the table has no row, or its columns are not the signature's inputs and outputs.
    """
    names = [field.name for field in (*signature.inputs, *signature.outputs)]
    if sorted(table.column_names) != sorted(names) or not table.num_rows:
        raise InvalidPackage(
            f"golden rows: {table.num_rows} rows of {sorted(table.column_names)}, "
            f"but the signature has {sorted(names)}",
            remedy="give at least one row with a column per input and output of the signature",
            columns=table.column_names,
        )
    table = table.select(names).replace_schema_metadata(None).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def read_golden(content: bytes, signature: Signature) -> Golden:
    """Read what :func:`encode_golden` wrote.

    Raises:
        InvalidPackage: If the bytes are no Arrow file, or lack a column of the signature.
    """
    try:
        table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
        inputs = {field.name: table.column(field.name).to_pylist() for field in signature.inputs}
        outputs = {field.name: np.asarray(table.column(field.name).to_pylist()) for field in signature.outputs}
    except (pa.ArrowException, KeyError) as error:
        raise InvalidPackage(
            f"golden.arrow cannot be read: {error}",
            remedy="write the package again; its golden rows are damaged",
            file="golden.arrow",
        ) from error
    return Golden(inputs=inputs, outputs=outputs)
