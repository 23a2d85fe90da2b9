"""Files on disk: bases, their manifests, and packs."""

from bitfit_runtime.formats.base import Base, file_digest
from bitfit_runtime.formats.json_fields import Fields, read_document
from bitfit_runtime.formats.manifest import BiasSpec, Manifest, SelfTest, WeightSpec
from bitfit_runtime.formats.pack import Canary, Pack, PackInfo, Windows
from bitfit_runtime.formats.pack_encoding import ENCODINGS, encode
from bitfit_runtime.formats.pack_file import parse_pack, read_pack, serialize, write_pack
from bitfit_runtime.formats.schema import ACTIVATIONS, LIMITS, PRECISIONS

__all__ = [
    "ACTIVATIONS",
    "ENCODINGS",
    "LIMITS",
    "PRECISIONS",
    "Base",
    "BiasSpec",
    "Canary",
    "Fields",
    "Manifest",
    "Pack",
    "PackInfo",
    "SelfTest",
    "WeightSpec",
    "Windows",
    "encode",
    "file_digest",
    "parse_pack",
    "read_document",
    "read_pack",
    "serialize",
    "write_pack",
]
