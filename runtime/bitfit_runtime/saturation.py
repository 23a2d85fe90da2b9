"""Whether this machine's products of uint8 and int8 saturate: x86 without VNNI adds them by pairs in int16."""

from functools import cache
from typing import Final

import onnxruntime as ort

# An ONNX graph: y = MatMulInteger(a, b) with a = uint8 [[255, 255]] and b = int8 [[127], [127]]. Only ONNX Runtime
# knows which kernels it takes on this processor, and it has no means to build graphs; so here is one as bytes.
PROBE: Final = (
    b'\x08\x08:T\n\x18\n\x01a\n\x01b\x12\x01y"\rMatMulInteger\x12\x05probe'
    b"*\r\x08\x01\x08\x02\x10\x02B\x01aJ\x02\xff\xff*\r\x08\x02\x08\x01\x10\x03B\x01bJ\x02\x7f\x7f"
    b"b\x13\n\x01y\x12\x0e\n\x0c\x08\x06\x12\x08\n\x02\x08\x01\n\x02\x08\x01B\x04\n\x00\x10\r"
)
EXACT: Final = 2 * 255 * 127  # an int16 ends at 32,767


@cache
def products_saturate() -> bool:
    """Multiply the largest magnitudes with this machine's kernels: some tenths of a millisecond, once a process."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    found = ort.InferenceSession(PROBE, options, providers=["CPUExecutionProvider"]).run(None, {})[0]
    return bool(found.item() != EXACT)
