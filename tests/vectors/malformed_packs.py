"""Packs that every implementation refuses, with what is wrong with each."""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from vectors.malformed_fields import Malformed, malformed_fields, pack
from vectors.raw_pack import Tensor, changed, deflated, inflated, with_header

NAN, INFINITY = struct.pack("<f", float("nan")), struct.pack("<f", float("inf"))
MEBIBYTE: Final = 1 << 20
Tensors = dict[str, Tensor]
Change = Callable[[Tensors], object]


def malformed_packs() -> Iterator[Malformed]:
    """Yield them."""
    yield from _files()
    yield from _headers()
    yield from malformed_fields()
    yield from _tensors()
    yield from _codes()
    yield from _documents()


def _files() -> Iterator[Malformed]:
    whole = pack("classification-int4").data()
    length = int.from_bytes(whole[:8], "little")
    header, body = whole[8 : 8 + length].decode(), whole[8 + length :]
    yield Malformed("empty", "no byte", b"")
    yield Malformed("short", "ends within the length of the header", whole[:5])
    yield Malformed("cut-header", "ends within the header", whole[: length // 2])
    yield Malformed("cut-tensors", "a byte is missing at the end", whole[:-1])
    yield Malformed("longer", "a byte follows the tensors", whole + b"\0")
    yield Malformed("long-header", "a header of more than 2 MiB", with_header(header + " " * (2 * MEBIBYTE), body))
    yield Malformed("huge-header", "claims a header of 2⁶³ bytes", struct.pack("<Q", 1 << 63) + whole[8:])
    yield Malformed("large-file", "more than 64 MiB", whole, 64 * MEBIBYTE)
    yield Malformed("no-json", "the header is no JSON", with_header("bitfit", body))
    yield Malformed("list", "the header is a list", with_header("[]", b""))
    yield Malformed("deep", "the header is nested a thousand times", with_header("[" * 1000 + "]" * 1000, b""))
    text = whole.replace(b"K\xc3\xb6che".lower(), b"k\xff\xfeche")
    yield Malformed("not-utf8", "the header is not UTF-8", text)
    twice = header.replace('"__metadata__":', '"__metadata__": {"bitfit": "{}"}, "__metadata__":', 1)
    yield Malformed("metadata-twice", "the header has __metadata__ twice", with_header(twice, body))


def _headers() -> Iterator[Malformed]:
    def one(name: str, why: str, change: Callable[[dict[str, Any]], object]) -> Malformed:
        raw = pack("classification-int4")
        raw.header = change
        return Malformed(name, why, raw.data())

    def moved(header: dict[str, Any], tensor: str, by: int) -> None:
        header[tensor]["data_offsets"] = [place + by for place in header[tensor]["data_offsets"]]

    scale = "biases.scale"
    yield one("no-metadata", "no metadata", lambda header: header.pop("__metadata__"))
    yield one("no-key", "metadata without bitfit", lambda header: header.update(__metadata__={"other": "{}"}))
    yield one("key-no-string", "bitfit is no string", lambda header: header.update(__metadata__={"bitfit": {}}))
    yield one("overlap", "two tensors overlap", lambda header: moved(header, scale, -4))
    yield one("gap", "bytes between tensors belong to none", lambda header: moved(header, scale, 4))
    yield one("beyond", "a tensor ends behind the file", lambda header: moved(header, scale, 1 << 40))
    yield one("backwards", "a tensor ends before it begins", lambda header: header[scale]["data_offsets"].reverse())
    yield one("negative", "a negative offset", lambda header: moved(header, scale, -(1 << 40)))
    yield one("other-shape", "shape and bytes differ", lambda header: header[scale].update(shape=[3]))
    yield one("wide-shape", "a shape that overflows", lambda header: header[scale].update(shape=[1 << 62, 1 << 62]))
    yield one("strange-dtype", "a dtype that is none", lambda header: header[scale].update(dtype="F33"))
    yield one("bfloat16", "a dtype that packs have not", lambda header: header[scale].update(dtype="BF16"))
    yield one("no-offsets", "a tensor without offsets", lambda header: header[scale].pop("data_offsets"))
    yield one("text-offsets", "offsets are strings", lambda header: header[scale].update(data_offsets=["0", "4"]))


def _tensors() -> Iterator[Malformed]:
    def one(name: str, why: str, of: str, change: Change) -> Malformed:
        raw = pack(of)
        change(raw.tensors)
        return Malformed(name, why, raw.data())

    plain, int4, learned = "classification-float32", "classification-int4", "token-classification-learned"
    extra, logits = Tensor("F32", [1], b"\0\0\0\0"), "classification-outliers-logits"
    for name in ("biases", "head.weight", "head.bias"):
        yield one(f"nan-{name}", f"NaN in {name}", plain, _begin(name, NAN))
        yield one(f"no-{name}", f"{name} is missing", plain, _without(name))
        yield one(f"few-{name}", f"{name} lacks a number", plain, _cut(name, 4))
        yield one(f"more-{name}", f"{name} has a number too many", plain, _longer(name, 4))
    for name in ("biases.scale", "head.weight.scale", "canary"):
        yield one(f"infinite-{name}", f"infinity in {name}", int4, _begin(name, INFINITY))
    yield one("nan-float16", "NaN in float16", "classification-float16", _begin("head.weight", b"\xff\x7f"))
    yield one("overflow", "delta and default overflow", int4, _begin("biases.scale", struct.pack("<f", 3e38)))
    yield one("stranger", "a tensor that packs have not", int4, _with("other", extra))
    yield one("scale-stranger", "a scale of floats", plain, _with("biases.scale", extra))
    yield one("head-of-embedding", "an embedding with a head", "embedding-float32", _with("head.bias", extra))
    yield one("two-dimensions", "a matrix", int4, lambda tensors: tensors["biases.scale"].shape.insert(0, 1))
    yield one("float64", "another dtype", int4, _with("biases.scale", Tensor("F64", [1], bytes(8))))
    yield one("int8-codes", "codes that are int8", int4, lambda tensors: setattr(tensors["biases"], "dtype", "I8"))
    yield one("few-scales", "a scale is missing", int4, _cut("biases.scale", 4))
    yield one("scores-21", "a transition of more than 20", learned, _begin("transitions", struct.pack("<e", 21)))
    yield one("scores-few", "a transition is missing", learned, _cut("transitions", 2))
    yield one("scores-none", "learned transitions without scores", learned, _without("transitions"))
    yield one("canary-none", "a canary without its tensor", int4, _without("canary"))
    yield one(
        "canary-other", "answers that the pack does not give", int4, _begin("canary", struct.pack("<4f", 9, 9, -9, 9))
    )
    yield one("canary-shorter", "a canary that lacks an answer", int4, _cut("canary", 4))
    yield one("centres-none", "outliers without centres", logits, _without("outlier.centres"))


def _with(name: str, tensor: Tensor) -> Change:
    return lambda tensors: tensors.update({name: tensor})


def _without(name: str) -> Change:
    return lambda tensors: tensors.pop(name)


def _begin(name: str, data: bytes) -> Change:
    return lambda tensors: tensors.update({name: changed(tensors, name, data + tensors[name].data[len(data) :])})


def _cut(name: str, size: int) -> Change:
    return lambda tensors: tensors.update({name: changed(tensors, name, tensors[name].data[size:])})


def _longer(name: str, size: int) -> Change:
    return lambda tensors: tensors.update({name: changed(tensors, name, tensors[name].data + bytes(size))})


def _codes() -> Iterator[Malformed]:
    def one(name: str, why: str, tensor: str, change: Callable[[bytes], bytes]) -> Malformed:
        raw = pack(outliers if tensor == centres else "classification-int4")
        stream = change(inflated(raw.tensors[tensor]))
        raw.tensors[tensor] = Tensor("U8", [len(stream)], stream)
        return Malformed(f"{name}-{tensor}", why, raw.data())

    outliers, centres = "classification-outliers-pooled", "outlier.centres"
    for tensor in ("biases", "head.weight", centres):
        yield one("codes-few", "a code is missing", tensor, lambda codes: deflated(codes[1:]))
        yield one("codes-more", "a code too many", tensor, lambda codes: deflated(codes + b"\0"))
        yield one("bomb", "inflates to 64 MiB", tensor, lambda codes: deflated(bytes(64 * MEBIBYTE)))
        yield one("stream-cut", "the stream ends early", tensor, lambda codes: deflated(codes)[:-2])
        yield one("stream-tail", "a byte follows the stream", tensor, lambda codes: deflated(codes) + b"\0")
        yield one("stream-none", "no stream", tensor, lambda codes: b"\xff" * 8)
        yield one("stream-empty", "no byte of a stream", tensor, lambda codes: b"")
        yield one("stream-zlib", "a zlib stream instead of a raw one", tensor, zlib.compress)


def _documents() -> Iterator[Malformed]:
    for name, why, old, new in (
        ("key-twice", "a field is there twice", '"encoding"', '"encoding": "int2", "encoding"'),
        ("nested-key-twice", "an inner field twice", '"kernels"', '"kernels": "0123456789abcdef", "kernels"'),
        ("nan-metric", "a metric is NaN", '"metrics": {}', '"metrics": {"loss": NaN}'),
        ("infinite-metric", "a metric is Infinity", '"metrics": {}', '"metrics": {"loss": Infinity}'),
        ("large-metric", "a metric that float64 has not", '"metrics": {}', '"metrics": {"loss": 1e999}'),
        ("half-a-character", "half a surrogate pair", '"task": "', '"task": "\\ud800'),
        ("trailing-comma", "a comma too many", '"metrics": {}', '"metrics": {},'),
        ("trailing-text", "text behind the document", "}", "}"),
    ):
        raw = pack("classification-int4")

        def change(text: str, old: str = old, new: str = new, name: str = name) -> str:
            assert old in text
            return text + "{}" if name == "trailing-text" else text.replace(old, new, 1)

        raw.text = change
        yield Malformed(name, why, raw.data())
