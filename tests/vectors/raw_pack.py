"""Packs taken apart, so that what no writer writes can be written."""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

KEY: Final = "bitfit"
Document = dict[str, Any]


@dataclass(slots=True)
class Tensor:
    """A tensor of a safetensors file."""

    dtype: str
    shape: list[int]
    data: bytes


@dataclass(slots=True)
class RawPack:
    """A pack's document and tensors; `header` is changed last, and `tail` follows the tensors."""

    document: Document
    tensors: dict[str, Tensor]
    header: Callable[[Document], object] = field(default=lambda header: None)
    text: Callable[[str], str] = field(default=lambda text: text)
    tail: bytes = b""

    @classmethod
    def of(cls, data: bytes) -> "RawPack":
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        document = json.loads(header.pop("__metadata__")[KEY])
        body = data[8 + length :]
        tensors = {
            name: Tensor(item["dtype"], item["shape"], body[slice(*item["data_offsets"])])
            for name, item in header.items()
        }
        return cls(document, tensors)

    def data(self) -> bytes:
        """Return the bytes of the file; `text` changes the document's JSON before it becomes a string."""
        text = self.text(json.dumps(self.document, ensure_ascii=False, sort_keys=True))
        header: Document = {"__metadata__": {KEY: text}}
        end, body = 0, b""
        for name, tensor in self.tensors.items():
            header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [end, end + len(tensor.data)]}
            end += len(tensor.data)
            body += tensor.data
        self.header(header)
        return with_header(json.dumps(header, ensure_ascii=False), body + self.tail)


def with_header(header: str, body: bytes) -> bytes:
    """Return a file of this header, padded with spaces as safetensors does it."""
    raw = header.encode("utf-8", "surrogatepass")
    raw += b" " * (-len(raw) % 8)
    return len(raw).to_bytes(8, "little") + raw + body


def deflated(codes: bytes) -> bytes:
    """Return a raw deflate stream."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(codes) + deflater.flush()


def inflated(tensor: Tensor) -> bytes:
    """Return what a coded tensor holds."""
    return zlib.decompress(tensor.data, -15)


def changed(tensors: Mapping[str, Tensor], name: str, data: bytes) -> Tensor:
    """Return a tensor of the same dtype with other data, a vector."""
    size = {"U8": 1, "F16": 2, "F32": 4}[tensors[name].dtype]
    return Tensor(tensors[name].dtype, [len(data) // size], data)
