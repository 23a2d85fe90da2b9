"""Capture of a torch encoder as an ONNX graph whose initializers carry the checkpoint's parameter names."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import torch

from bitfit_exporters.checkpoint import Checkpoint
from bitfit_exporters.errors import CaptureError
from bitfit_exporters.passes.build import add_initializer, replace
from bitfit_runtime.errors import first_line
from bitfit_runtime.graph import BATCH, LAST_HIDDEN_STATE, SEQUENCE

OPSET = 23
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Captured:
    """The graph, and for each parameter in it whether its initializer has the two axes swapped."""

    model: ir.Model
    transposed: Mapping[str, bool]


class _Encoder(torch.nn.Module):
    """Names the outputs that the graph needs; its one attribute prefixes every parameter's name."""

    def __init__(self, encoder: torch.nn.Module, inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.encoder = encoder
        self._inputs = inputs

    def forward(self, *tokens: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.encoder(**dict(zip(self._inputs, tokens, strict=True))).last_hidden_state
        return hidden


def capture(checkpoint: Checkpoint) -> Captured:
    """Capture the encoder at opset 23 with dynamic batch and sequence.

    The graph has one output, `last_hidden_state`. Initializers that are parameters carry the parameter's name and
    value; weights that the exporter transposed are in `transposed`. Raises CaptureError.
    """
    values = {name: p.detach().numpy().copy() for name, p in checkpoint.model.named_parameters()}
    with _distinct_values(checkpoint.model):
        model = _export(checkpoint)
        _transpose_weights(model.graph)
        transposed = _restore_names(model.graph, checkpoint.model)
    for name, swapped in transposed.items():
        initializer = model.graph.initializers[name]
        array = np.ascontiguousarray(values[name].T) if swapped else values[name]
        initializer.const_value = ir.tensor(array, name=name)
    _check_parameters(transposed, values)
    return Captured(model, transposed)


@contextlib.contextmanager
def _distinct_values(model: torch.nn.Module) -> Iterator[None]:
    """Give every parameter random values inside the block: the exporter merges initializers of equal content."""
    generator = torch.Generator().manual_seed(0)
    saved = {name: p.detach().clone() for name, p in model.named_parameters()}
    try:
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.randn(p.shape, generator=generator) * 0.02)
        yield
    finally:
        with torch.no_grad():
            for name, p in model.named_parameters():
                p.copy_(saved[name])


def _export(checkpoint: Checkpoint) -> ir.Model:
    ids = torch.full((2, 7), 5, dtype=torch.int64)
    ids[:, 5:] = checkpoint.pad_token_id
    mask = (torch.arange(7) < 5).to(torch.int64).repeat(2, 1)
    tokens = (ids, mask, torch.zeros_like(ids))[: len(checkpoint.inputs)]
    dims = {0: torch.export.Dim(BATCH), 1: torch.export.Dim(SEQUENCE)}
    wrapper = _Encoder(checkpoint.model, checkpoint.inputs).eval()
    ignored = io.StringIO()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(ignored), contextlib.redirect_stderr(ignored):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                wrapper,
                tokens,
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes=((dims,) * len(tokens),),
                input_names=list(checkpoint.inputs),
                output_names=[LAST_HIDDEN_STATE],
                verbose=False,
            )
    except Exception as error:  # the exporter's errors share no base class
        raise CaptureError(
            f"torch {torch.__version__} cannot capture {checkpoint.name} ({first_line(error)})"
        ) from None
    if program is None:
        raise CaptureError(f"torch {torch.__version__} captured no graph of {checkpoint.name}")
    model: ir.Model = program.model
    return model


def _transpose_weights(graph: ir.Graph) -> None:
    """Store weights the way they are used: the exporter leaves a `Transpose` after a large one that layers share."""
    for node in list(graph):
        weight = node.inputs[0] if node.op_type == "Transpose" else None
        if weight is None or weight.const_value is None or weight.const_value.numpy().ndim != 2:
            continue
        name = f"{weight.name}.transposed"
        transposed = graph.initializers.get(name) or add_initializer(graph, name, weight.const_value.numpy().T)
        replace(graph, node, transposed)
        if not weight.uses():
            del graph.initializers[str(weight.name)]


def _restore_names(graph: ir.Graph, encoder: torch.nn.Module) -> dict[str, bool]:
    """Name initializers after the parameters whose values they hold. Returns name → transposed."""
    by_content: dict[tuple[tuple[int, ...], bytes], tuple[str, bool]] = {}
    for name, p in encoder.named_parameters():
        array = p.detach().numpy()
        by_content[_fingerprint(array)] = (name, False)
        if array.ndim == 2:
            by_content[_fingerprint(array.T)] = (name, True)
    found: dict[str, bool] = {}
    for initializer in list(graph.initializers.values()):
        if initializer.const_value is None or initializer.dtype != ir.DataType.FLOAT:
            continue
        match = by_content.get(_fingerprint(initializer.const_value.numpy()))
        if match is None:
            continue
        name, swapped = match
        del graph.initializers[str(initializer.name)]
        if name in found:  # the exporter gave layers that share a weight a copy each
            if found[name] != swapped:
                raise CaptureError(f"parameter {name} occurs both as it is and transposed in the captured graph")
            initializer.replace_all_uses_with(graph.initializers[name])
            continue
        initializer.name = name
        graph.initializers[name] = initializer
        found[name] = swapped
    return found


def _fingerprint(array: Array) -> tuple[tuple[int, ...], bytes]:
    return array.shape, array.reshape(-1)[:16].tobytes() if array.flags.c_contiguous else array.flatten()[:16].tobytes()


def _check_parameters(found: Mapping[str, bool], values: Mapping[str, Array]) -> None:
    missing = sorted(name for name in values.keys() - found.keys() if not name.startswith("pooler."))
    if missing:
        raise CaptureError(f"the captured graph lacks {len(missing)} parameters, {missing[0]} first")
