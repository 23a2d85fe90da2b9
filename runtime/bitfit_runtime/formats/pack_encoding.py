"""Pack encodings: a pack stores deltas from the base's biases, in floats or in a few bits.

A tensor in bits is integer codes with a float32 scale for each group; a group is one bias, or one label of the head.
value = default + code × scale, rounded to float32 after each of the two operations (IEEE 754), so every platform
decodes the same bits. The head's default is zero. Codes are int8, deflated (RFC 1951) by their frequencies alone.
"""

import itertools
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bitfit_runtime.errors import PackFormatError
from bitfit_runtime.formats.manifest import BiasSpec, Manifest
from bitfit_runtime.formats.schema import BIASES, CENTRES
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT

Float32 = npt.NDArray[np.float32]
Stored = npt.NDArray[Any]
SCALE = ".scale"
CENTRE_MAX_CODE = 15
# Shares of the largest magnitude that are tried as the end of the code range: clipping a few outliers makes every
# other step finer.
CLIPS = np.linspace(0.4, 1.0, 25)


class Encoding(NamedTuple):
    """`dtype` is that of floats; `bias_max_code` and `head_max_code` are the largest codes, 0 where there are none."""

    dtype: npt.DTypeLike
    bias_max_code: int = 0
    head_max_code: int = 0


# From the smallest to the most exact. The head keeps eight bits: it has fewer numbers, and rounding them costs more.
ENCODINGS: Mapping[str, Encoding] = {
    "int2": Encoding(np.float32, 1, 127),
    "int3": Encoding(np.float32, 3, 127),
    "int4": Encoding(np.float32, 7, 127),
    "int8": Encoding(np.float32, 127, 127),
    "float16": Encoding(np.float16),
    "float32": Encoding(np.float32),
}


def encode(
    values: Mapping[str, Float32], defaults: Mapping[str, Float32], base: Manifest, encoding: str
) -> dict[str, Stored]:
    """Return the tensors of a pack file for biases `[size]` and a head, by name; `decode` is its inverse.

    `values` holds all biases of some terms, and `head.weight [hidden, labels]` with `head.bias [labels]` or neither.
    `defaults` holds the base's biases.
    """
    how = ENCODINGS[encoding]
    stored: dict[str, Stored] = {}
    names = [spec.name for spec in base.biases if spec.name in values]
    if names:
        deltas = [values[name] - defaults[name] for name in names]
        stored |= _encode_groups(BIASES, deltas, how.bias_max_code, how.dtype)
    if HEAD_WEIGHT in values:
        weight = values[HEAD_WEIGHT]
        stored |= _encode_groups(HEAD_WEIGHT, list(weight.T), how.head_max_code, how.dtype)
        stored[HEAD_BIAS] = _cast(values[HEAD_BIAS], how.dtype)
    return stored


def decode(
    stored: Mapping[str, Stored],
    biases: Sequence[BiasSpec],
    labels: int,
    defaults: Mapping[str, Float32],
    hidden_size: int,
) -> dict[str, Float32]:
    """Return the float32 `biases` `[size]` by name, and `head.weight [hidden, labels]`, `head.bias [labels]`.

    The biases are views of one vector, so that a pack decodes in a few operations however many biases it has.
    Nothing larger than the base's own biases and head is allocated. Raises PackFormatError when a tensor does not
    have the size that `biases` and `labels` give, or a value is not finite.
    """
    values: dict[str, Float32] = {}
    if biases:
        sizes = [spec.size for spec in biases]
        vector = _decode_groups(stored, BIASES, sizes)
        with np.errstate(over="ignore"):  # what overflows is refused below
            vector += np.concatenate([defaults[spec.name] for spec in biases])
        _check_finite(BIASES, vector)
        ends = itertools.accumulate(sizes)
        values = {spec.name: vector[end - spec.size : end] for spec, end in zip(biases, ends, strict=True)}
    if HEAD_WEIGHT in stored:
        weight = _decode_groups(stored, HEAD_WEIGHT, [hidden_size] * labels)
        values[HEAD_WEIGHT] = np.ascontiguousarray(weight.reshape(labels, hidden_size).T)
        values[HEAD_BIAS] = stored[HEAD_BIAS].astype(np.float32)
        _check_finite(HEAD_WEIGHT, weight)
        _check_finite(HEAD_BIAS, values[HEAD_BIAS])
    return values


def encode_centres(centres: Float32) -> Stored:
    """Return class centres `[labels, width]` as codes: of each only the direction matters, so there are no scales."""
    largest = np.abs(centres).max(1, keepdims=True)
    codes = np.rint(centres / np.where(largest > 0, largest, 1) * CENTRE_MAX_CODE).astype(np.int8)
    return _deflate(codes.tobytes())


def decode_centres(stored: Stored, labels: int, width: int) -> Float32:
    """Return class centres `[labels, width]`, at length 1; one without any code is 0. Raises PackFormatError."""
    codes = np.frombuffer(_inflate(stored.tobytes(), labels * width, CENTRES), np.int8)
    centres = codes.reshape(labels, width).astype(np.float32)
    lengths = np.linalg.norm(centres, axis=1, keepdims=True)
    found: Float32 = (centres / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return found


def _check_finite(name: str, values: Float32) -> None:
    if not np.isfinite(values).all():
        raise PackFormatError(f"{name} holds a value that is not finite; train the pack again")


def _encode_groups(name: str, groups: list[Float32], max_code: int, dtype: npt.DTypeLike) -> dict[str, Stored]:
    if not max_code:
        return {name: _cast(np.concatenate(groups), dtype)}
    scales = np.array([_best_scale(group, max_code) for group in groups], np.float32)
    codes = [_codes(group, scale, max_code) for group, scale in zip(groups, scales, strict=True)]
    return {name: _deflate(np.concatenate(codes).tobytes()), name + SCALE: scales}


def _deflate(codes: bytes) -> Stored:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    return np.frombuffer(deflater.compress(codes) + deflater.flush(), np.uint8)


def _decode_groups(stored: Mapping[str, Stored], name: str, sizes: list[int]) -> Float32:
    """Return the numbers of all groups, end to end: float32 `[sum of sizes]`, the caller's own."""
    tensor, scales, size = stored[name], stored.get(name + SCALE), sum(sizes)
    if scales is not None:
        if scales.shape != (len(sizes),):
            raise PackFormatError(f"{name}{SCALE} should have {len(sizes)} elements, found {scales.shape}")
        tensor = np.frombuffer(_inflate(tensor.tobytes(), size, name), np.int8)
    if tensor.shape != (size,):
        raise PackFormatError(f"{name} should have {size} elements for this base, found {tensor.shape}; train it again")
    numbers: Float32 = tensor.astype(np.float32)
    if scales is not None:
        with np.errstate(over="ignore"):
            numbers *= np.repeat(scales, sizes)
    return numbers


def _inflate(stream: bytes, size: int, name: str) -> bytes:
    inflater = zlib.decompressobj(-15)
    try:
        data = inflater.decompress(stream, size + 1)  # one more than expected, to notice a longer stream
    except zlib.error as error:
        raise PackFormatError(f"{name} cannot be inflated ({error}); get the pack again") from None
    if len(data) != size or not inflater.eof or inflater.unused_data:
        raise PackFormatError(
            f"{name} should inflate to {size} codes for this base, found another number; train it again"
        )
    return data


def _best_scale(group: Float32, max_code: int) -> np.float32:
    """Return the scale of least squared error."""
    largest = float(np.abs(group).max(initial=0))
    if largest == 0 or not np.isfinite(largest):
        return np.float32(largest)
    scales = (largest * CLIPS / max_code).astype(np.float32)
    errors = [float(np.square(group - _codes(group, scale, max_code) * scale).sum()) for scale in scales]
    return np.float32(scales[int(np.argmin(errors))])


def _codes(group: Float32, scale: np.float32, max_code: int) -> npt.NDArray[np.int8]:
    if scale == 0 or not np.isfinite(scale):
        return np.zeros(group.shape, np.int8)
    codes: npt.NDArray[np.int8] = np.clip(np.rint(group / scale), -max_code, max_code).astype(np.int8)
    return codes


def _cast(values: Float32, dtype: npt.DTypeLike) -> Stored:
    with np.errstate(over="ignore"):  # an overflow to infinity is refused where the pack is written
        return np.ascontiguousarray(values, dtype=dtype)
