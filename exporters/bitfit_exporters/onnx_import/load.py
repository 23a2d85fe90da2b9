"""Loading of a checkpoint from an ONNX model with its config.json and tokenizer.json."""

from dataclasses import replace
from pathlib import Path

import onnx_ir as ir
import torch
from transformers import AutoModel

from bitfit_exporters.checkpoint import Checkpoint, assemble, choose_pooling, needed
from bitfit_exporters.encoder_weights import make_skeleton
from bitfit_exporters.errors import OnnxModelError
from bitfit_exporters.model_config import load_config
from bitfit_exporters.model_files import quiet_transformers
from bitfit_exporters.model_source import check_revision
from bitfit_exporters.model_tokenizer import load_tokenizer
from bitfit_exporters.onnx_import.agreement import check_agreement
from bitfit_exporters.onnx_import.recover import recover_parameters
from bitfit_exporters.onnx_import.source import locate, read_model
from bitfit_exporters.options import ExportOptions
from bitfit_exporters.origin import Origin
from bitfit_exporters.sentence_settings import read_sentence_settings
from bitfit_runtime.formats.schema import CONFIG_FILE


@quiet_transformers()
def load_onnx(path: Path, options: ExportOptions) -> Checkpoint:
    """Load the encoder that the ONNX model at `path` (a file, or the folder that holds it) computes.

    Raises OnnxModelError, CheckpointError (config.json or the tokenizer), ArchitectureError, and VerificationError when
    the ONNX model does not compute what its config.json says; ExportError for a revision.
    """
    check_revision(path, options)
    source = locate(path)
    name = options.name or source.folder.name
    graph = read_model(source.model).graph
    config = load_config(source.folder, name)
    settings = read_sentence_settings(source.folder)
    tokenizer = load_tokenizer(source.folder)
    skeleton = make_skeleton(source.folder / CONFIG_FILE, config)
    parameters = _recover(graph, skeleton, choose_pooling(config, settings, options))
    model: torch.nn.Module = AutoModel.from_config(config, dtype=torch.float32)  # no larger than what was found
    model.load_state_dict(parameters, strict=False)
    checkpoint = assemble(name, config, model, tokenizer, settings, options)
    check_agreement(source.model, checkpoint)
    return replace(checkpoint, origin=Origin.of(source.folder))


def _recover(graph: ir.Graph, skeleton: torch.nn.Module, pooling: str) -> dict[str, torch.Tensor]:
    """Return the parameters in the graph, those that the model needs among them. Raises OnnxModelError."""
    shapes = {name: tuple(parameter.shape) for name, parameter in skeleton.named_parameters()}
    found = recover_parameters(graph, shapes)
    missing = needed((name for name in shapes if name not in found), pooling)
    if missing:
        raise OnnxModelError(
            f"{len(missing)} of the model's {len(shapes)} parameters are not in the ONNX model, {missing[0]} first; "
            "export it with dynamic axes and without optimization, and keep the names"
        )
    return {name: torch.from_numpy(array) for name, array in found.items()}
