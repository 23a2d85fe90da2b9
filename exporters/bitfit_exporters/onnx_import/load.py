"""Loading of a checkpoint from an ONNX model with its config.json and tokenizer.json."""

from pathlib import Path

import onnx_ir as ir
import torch
from transformers import AutoConfig, AutoModel

from bitfit_exporters.checkpoint import Checkpoint, assemble, family_of, load_tokenizer, needed
from bitfit_exporters.errors import CheckpointError, OnnxModelError
from bitfit_exporters.families import Family
from bitfit_exporters.onnx_import.agreement import check_agreement
from bitfit_exporters.onnx_import.recover import recover_parameters
from bitfit_exporters.onnx_import.source import locate, read_model
from bitfit_exporters.options import ExportOptions
from bitfit_runtime.errors import first_line


def load_onnx(path: Path, options: ExportOptions) -> Checkpoint:
    """Load the encoder that the ONNX model at `path` (a file, or the folder that holds it) computes.

    Raises OnnxModelError, CheckpointError (config.json or the tokenizer), ArchitectureError, and VerificationError when
    the ONNX model does not compute what its config.json says.
    """
    source = locate(path)
    name = options.name or source.folder.name
    graph = read_model(source.model).graph
    try:
        config = AutoConfig.from_pretrained(source.folder, local_files_only=True)
        family = family_of(config, name)
        tokenizer = load_tokenizer(source.folder, local_files_only=True)
        model: torch.nn.Module = AutoModel.from_config(config, dtype=torch.float32)
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError) as error:
        reason = first_line(error).rstrip(".: ")
        raise CheckpointError(f"{source.folder} should hold config.json and tokenizer.json ({reason})") from None
    _load_parameters(model, graph, family, options)
    checkpoint = assemble(name, family, config, model, tokenizer, options)
    check_agreement(source.model, checkpoint)
    return checkpoint


def _load_parameters(model: torch.nn.Module, graph: ir.Graph, family: Family, options: ExportOptions) -> None:
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    found = recover_parameters(graph, shapes)
    missing = needed((name for name in shapes if name not in found), family, options)
    if missing:
        raise OnnxModelError(
            f"{len(missing)} of the model's {len(shapes)} parameters are not in the ONNX model, {missing[0]} first; "
            "export it with dynamic axes and without optimization, and keep the names"
        )
    model.load_state_dict({name: torch.from_numpy(array) for name, array in found.items()}, strict=False)
