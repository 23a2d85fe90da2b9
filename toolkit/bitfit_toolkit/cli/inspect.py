"""`bitfit inspect`: show a base or a pack."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from bitfit_runtime import Base, read_pack
from bitfit_toolkit.cli.options import Json
from bitfit_toolkit.cli.output import print_json, print_pairs, print_table

EXAMPLES = "Examples: `bitfit inspect base` · `bitfit inspect intents.safetensors --json`"


def command(
    path: Annotated[Path, typer.Argument(help="Folder of a base, or a pack file.")],
    json: Json = False,
) -> None:
    """Show what a base or a pack holds."""
    facts, table = _base(path) if path.is_dir() else _pack(path)
    if json:
        print_json(facts)
        return
    print_pairs([(key.replace("_", " "), _readable(value)) for key, value in facts.items() if key != "tensors"])
    print_table(*table)


Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


def _base(path: Path) -> tuple[dict[str, Any], Table]:
    base = Base.open(path)
    base.verify()
    manifest = base.manifest
    parameters, inputs = Counter[str](), Counter[str]()
    for spec in manifest.biases:
        parameters[spec.term] += spec.size
        inputs[spec.term] += 1
    facts: dict[str, Any] = {
        "kind": "base",
        "name": manifest.name,
        "digest": manifest.digest,
        "tokenizer": manifest.tokenizer_digest,
        "architecture": manifest.architecture,
        "precision": manifest.precision,
        "pooling": manifest.pooling,
        "max_length": manifest.max_length,
        "hidden_size": manifest.hidden_size,
        "parameters": manifest.parameters,
        "bias_parameters": manifest.bias_parameters,
        "bias_share": manifest.bias_parameters / manifest.parameters,
        "bytes": {name: (path / name).stat().st_size for name in manifest.files},
        "terms": dict(parameters),
        "created_by": manifest.created_by,
    }
    return facts, (("term", "inputs", "parameters"), [(t, str(inputs[t]), f"{n:,}") for t, n in parameters.items()])


def _pack(path: Path) -> tuple[dict[str, Any], Table]:
    pack = read_pack(path)
    facts: dict[str, Any] = {"kind": "pack"} | _known(asdict(pack.info)) | {"bytes": path.stat().st_size}
    if pack.canary is not None:
        facts["canary"] = [text if pair is None else f"{text} | {pair}" for text, pair in pack.canary.texts]
    facts["tensors"] = {name: {"dtype": str(t.dtype), "bytes": t.nbytes} for name, t in pack.tensors.items()}
    rows: list[tuple[str, ...]] = [
        (name, str(tensor.dtype), f"{tensor.nbytes:,}") for name, tensor in pack.tensors.items()
    ]
    return facts, (("tensor", "stored as", "bytes"), rows)


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _readable(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4%}" if value < 1 else f"{value:.4f}"
    if isinstance(value, dict):
        return ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v:.4f}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
