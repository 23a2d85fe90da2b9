"""Storage of frozen weights: int8, or int4 that a session unpacks to int8 when it is made."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from bitfit_exporters.passes.build import Builder

INT8_MAX = 127
BLOCK = 16
PIECE = 4096  # rows that are encoded at once, which takes ten times their memory
INT4_MIN, INT4_MAX = -8, 7
# int4 code × int4 multiplier reaches 64, so that a pair of products with uint8 fits into int16 on any x86. A scale of
# max|x| / 60 lets the largest value round to -8 × -8 or fall a little short, which had the least squared error.
INT4_REACH = 60
TINY = np.finfo(np.float32).tiny
Float32 = npt.NDArray[np.float32]
Int8 = npt.NDArray[np.int8]
# Turns the initializer `[rows, columns]`, whose axes are swapped if the flag says so, into codes in place. Returns the
# int8 matrix, in the orientation that the initializer had, and the scales `[rows]`.
Store = Callable[[Builder, ir.Value, bool], tuple[ir.Value, Float32]]


def quantize_rows(weight: Float32) -> tuple[Int8, Float32]:
    """Quantize `[rows, columns]` to symmetric int8. Returns the int8 array and one scale for each row, `[rows]`."""
    scale = np.maximum(np.abs(weight).max(axis=1), TINY * INT8_MAX) / np.float32(INT8_MAX)
    return np.rint(weight / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def quantize_blocks(weight: Float32) -> tuple[Int8, Int8, Float32]:
    """Quantize `[rows, columns]` to int4, with an int4 multiplier for each 16 columns and a scale for each row.

    Returns codes `[blocks, 16]`, multipliers `[blocks, 1]` (both within -8 … 7) and scales `[rows]`: a weight is code ×
    multiplier × scale. Of three multipliers a block gets the one of least squared error; its sign gives the largest
    value of the block the code -8, which has no positive counterpart.
    """
    scale = np.maximum(np.abs(weight).max(axis=1), TINY * INT4_REACH) / np.float32(INT4_REACH)
    blocks = (weight / scale[:, None]).reshape(-1, BLOCK)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(1, keepdims=True), 1)
    sign, enough = np.where(largest > 0, -1, 1), np.ceil(np.abs(largest) / -INT4_MIN)
    codes, multipliers = np.zeros_like(blocks), np.ones_like(largest)
    least = np.full_like(largest, np.inf)
    for nearby in (-1, 0, 1):
        multiplier = np.clip(sign * np.maximum(enough + nearby, 1), INT4_MIN, INT4_MAX)
        tried = np.clip(np.rint(blocks / multiplier), INT4_MIN, INT4_MAX)
        error = np.square(blocks - tried * multiplier).sum(1, keepdims=True)
        better = error < least
        least, multipliers = np.where(better, error, least), np.where(better, multiplier, multipliers)
        codes = np.where(better, tried, codes)
    return codes.astype(np.int8), multipliers.astype(np.int8), scale.astype(np.float32)


def store_int8(build: Builder, weight: ir.Value, transposed: bool) -> tuple[ir.Value, Float32]:
    """Store `weight` as int8 with a scale for each row. See `Store`."""
    del build  # int8 needs no unpacking
    codes, scale = quantize_rows(_rows(weight, transposed))
    _set(weight, np.ascontiguousarray(codes.T) if transposed else codes, ir.DataType.INT8)
    return weight, scale


def store_int4(build: Builder, weight: ir.Value, transposed: bool) -> tuple[ir.Value, Float32]:
    """Store `weight` as int4 by blocks if its rows divide into them, else as int8. See `Store`.

    ONNX Runtime folds the nodes that unpack it: `QLinearConv` multiplies the codes of a block, as a channel, by its
    multiplier. It is the only standard operator that does so in int8; in floats, loading takes nearly twice the memory.
    """
    rows = _rows(weight, transposed)
    if rows.shape[1] % BLOCK:
        return store_int8(build, weight, transposed)
    pieces = [quantize_blocks(rows[first : first + PIECE]) for first in range(0, len(rows), PIECE)]
    codes, multipliers, scale = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    factors = build.constant(f"{weight.name}.multiplier", multipliers)
    _set(weight, codes.reshape(1, -1, 1, BLOCK), ir.DataType.INT4)
    _set(factors, multipliers.reshape(-1, 1, 1, 1), ir.DataType.INT4)
    one = build.constant("unpack.one", np.ones((), np.float32))
    zero = build.constant("unpack.zero", np.zeros((), np.int8))
    data, kernel = (
        build("Cast", value, attributes={"to": ir.DataType.INT8}, name=f"{value.name}.int8")
        for value in (weight, factors)
    )
    product = build("QLinearConv", data, one, zero, kernel, one, zero, one, zero, attributes={"group": len(codes)})
    shape = build.constant(f"unpack.{'x'.join(map(str, rows.shape))}", np.array(rows.shape, np.int64))
    matrix = build("Reshape", product, shape)
    if transposed:
        matrix = build("Transpose", matrix, attributes={"perm": [1, 0]})
    matrix.name, matrix.shape = unpacked(weight), ir.Shape(rows.T.shape if transposed else rows.shape)
    return matrix, scale


def unpacked(weight: ir.Value) -> str:
    """Return the name of the int8 matrix that a session makes of an int4 weight."""
    return f"{weight.name}.unpacked"


def _rows(weight: ir.Value, transposed: bool) -> Float32:
    assert weight.const_value is not None
    values: Float32 = weight.const_value.numpy()
    return values.T if transposed else values


def _set(value: ir.Value, codes: Int8, dtype: ir.DataType) -> None:
    value.const_value = ir.tensor(codes.astype(dtype.numpy()), dtype=dtype, name=value.name)
    value.dtype, value.shape = dtype, ir.Shape(codes.shape)
