"""A pack and its base as a folder of one model, written whole or not at all."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import onnx_ir as ir

from bitfit_exporters.plain.card import card, notes
from bitfit_exporters.plain.graph import plain_graph
from bitfit_exporters.plain.layout import write_config, write_sentence_files
from bitfit_exporters.plain.tokenizer import write_tokenizer
from bitfit_exporters.staging import staged
from bitfit_runtime import Base, Pack
from bitfit_runtime.arguments import as_path
from bitfit_runtime.formats.schema import CONFIG_FILE

QUANTIZED: Final = "onnx/model_quantized.onnx"
FLOAT: Final = "onnx/model.onnx"


@dataclass(frozen=True, slots=True)
class PlainModel:
    """What was written: the `folder`, its `model` file with so many `bytes`, and `notes` on what it cannot carry."""

    folder: str
    model: str
    task_type: str
    bytes: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self) | {"notes": list(self.notes)}


def write_plain_model(base: Base, pack: Pack, output: str | Path) -> PlainModel:
    """Write one task as a model that needs none of this package, to the folder `output`.

    An earlier such model there is replaced when the new one is whole. Raises BaseError, PackError, OutputError.
    """
    output = as_path(output, "output")
    file = FLOAT if base.manifest.precision == "fp32" else QUANTIZED
    model = plain_graph(base, pack)
    with staged(output, _is_plain, "a model that 'bitfit convert' wrote") as folder:
        path = folder / file
        path.parent.mkdir()
        ir.save(model, path)
        write_config(base, pack, folder)
        write_tokenizer(base, pack.info.max_length, folder)
        if pack.info.task_type == "embedding":
            write_sentence_files(base, pack, folder)
        (folder / "README.md").write_text(card(base, pack, file), encoding="utf-8")
        size = path.stat().st_size
    return PlainModel(str(output), file, pack.info.task_type, size, notes(base, pack.info))


def _is_plain(folder: Path) -> bool:
    try:
        return "bitfit" in json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False
