"""Files of a base: the graph and its weights, default biases, tokenizer, configuration and manifest."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import safetensors.numpy
from onnx_ir.external_data import convert_tensors_to_external

from bitfit_exporters.checkpoint import Checkpoint
from bitfit_runtime.formats import Manifest, file_digest
from bitfit_runtime.formats.schema import (
    BIASES_FILE,
    CONFIG_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    TOKENIZER_FILE,
    WEIGHTS_DIGEST,
    WEIGHTS_FILE,
)

FILES = (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE, CONFIG_FILE, BIASES_FILE)
# Smaller tensors stay in the graph; each tensor of the weights' file begins on a page.
PAGE = 4096
Float32 = npt.NDArray[np.float32]


def write_files(
    folder: Path, model: ir.Model, checkpoint: Checkpoint, defaults: Mapping[str, Float32]
) -> dict[str, str]:
    """Write every file of a base but its manifest. Returns the SHA-256 of each in hexadecimal. Raises OSError."""
    write_graph(model, folder)
    (folder / BIASES_FILE).write_bytes(safetensors.numpy.save(dict(defaults)))
    (folder / TOKENIZER_FILE).write_text(checkpoint.tokenizer.to_str(), encoding="utf-8")
    (folder / CONFIG_FILE).write_text(checkpoint.config.to_json_string(), encoding="utf-8")
    return {name: file_digest(folder / name) for name in FILES}


def write_graph(model: ir.Model, folder: Path) -> None:
    """Write the graph to `model.onnx` and its large constants to `model.weights`, which ONNX Runtime then maps.

    Defaults of inputs stay in the graph. Its metadata hold the weights' SHA-256, so that the digest of the graph
    identifies the weights too. Equal models make equal files.
    """
    values = [
        value
        for value in model.graph.initializers.values()
        if not value.is_graph_input() and value.const_value is not None and value.const_value.nbytes >= PAGE
    ]
    tensors = [value.const_value for value in values if value.const_value is not None]
    external = convert_tensors_to_external(tensors, folder, WEIGHTS_FILE, alignment=PAGE, align_threshold=0)
    for value, tensor in zip(values, external, strict=True):
        value.const_value = tensor
    model.metadata_props[WEIGHTS_DIGEST] = file_digest(folder / WEIGHTS_FILE)
    ir.save(model, folder / MODEL_FILE)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `bitfit.json`, which makes the folder a base. Raises OSError."""
    (folder / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")


def graph_bytes(folder: Path) -> int:
    """Return the size of the graph and its weights together."""
    return sum((folder / name).stat().st_size for name in (MODEL_FILE, WEIGHTS_FILE))
