"""Write the vectors: `python -m vectors.make`, perhaps with names; the base by `python -m vectors.base` alone."""

import gzip
import json
import sys
import unicodedata
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from vectors.answers import answer_cases
from vectors.malformed import malformed_cases
from vectors.packs import cases as pack_cases
from vectors.packs import write_packs
from vectors.tokens import codepoints, token_cases
from vectors.unsupported import unsupported_cases
from vectors.vocabularies import tokenizers_of_vectors
from vectors.windows import join_cases, window_cases

VECTORS: Final = Path(__file__).parent
MAKERS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "tokens": lambda: {"cases": list(token_cases())},
    "codepoints": codepoints,
    "windows": lambda: {"cases": list(window_cases())},
    "joins": lambda: {"cases": list(join_cases())},
    "answers": lambda: {"cases": list(answer_cases())},
    "packs": pack_cases,
    "malformed": malformed_cases,
    "unsupported": lambda: {"cases": list(unsupported_cases())},
}


def document(name: str) -> bytes:
    """Return the JSON of a file of vectors."""
    made_with = {package: version(package) for package in ("tokenizers", "onnxruntime", "numpy")}
    head = {"format": "bitfit-vectors", "kind": name, "schema_version": 1}
    made = head | {"made_with": made_with | {"unicode": unicodedata.unidata_version}} | MAKERS[name]()
    return json.dumps(made, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()


def read(name: str) -> Any:
    """Return a file of vectors, as it was written."""
    return json.loads(gzip.decompress((VECTORS / f"{name}.json.gz").read_bytes()))


def write_tokenizers() -> None:
    """Write the tokenizers of the vectors."""
    (VECTORS / "tokenizers").mkdir(exist_ok=True)
    for name, tokenizer in tokenizers_of_vectors().items():
        (VECTORS / "tokenizers" / f"{name}.json").write_text(tokenizer.to_str(), encoding="utf-8")


def main(names: list[str]) -> None:
    """Write the files of these names, or all."""
    write_tokenizers()
    if "packs" in names or not names:
        write_packs()
    for name in names or MAKERS:
        (VECTORS / f"{name}.json.gz").write_bytes(gzip.compress(document(name), 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1:])
