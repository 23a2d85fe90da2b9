"""Changes to a model's folder, each a function of the folder, and what is loaded from it then."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from bitfit_exporters import ExportOptions
from bitfit_exporters.checkpoint import Checkpoint, load_checkpoint
from bitfit_exporters.parity import check_runs

OFFLINE = ExportOptions(offline=True)
Change = Callable[[Path], object]


def load(folder: Path, options: ExportOptions = OFFLINE) -> Checkpoint:
    loaded = load_checkpoint(str(folder), options)
    check_runs(loaded)
    return loaded


def document(name: str, **fields: object) -> Change:
    """Set fields of a JSON file, which is made if need be."""

    def change(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | fields))

    return change


def config(**fields: object) -> Change:
    return document("config.json", **fields)


def weights(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Change:
    def apply(folder: Path) -> None:
        path = folder / "model.safetensors"
        save_file(change(load_file(path)), path, metadata={"format": "pt"})

    return apply


def prefixed(prefix: str) -> Change:
    return weights(lambda state: {prefix + name: tensor for name, tensor in state.items()})


def with_weight(name: str, *shape: int) -> Change:
    return weights(lambda state: state | {name: torch.ones(shape)})


def write(name: str, content: str | bytes) -> Change:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return change


def cut(name: str, size: int) -> Change:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def remove(*patterns: str) -> Change:
    return lambda folder: [path.unlink() for pattern in patterns for path in folder.glob(pattern)]


def both(*changes: Change) -> Change:
    return lambda folder: [change(folder) for change in changes]


def tokenizer(**parts: object) -> Change:
    return document("tokenizer.json", **parts)
