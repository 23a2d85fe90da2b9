"""Manifest of an export, made once everything that it says is known."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from bitfit_exporters.capture import Captured
from bitfit_exporters.checkpoint import Checkpoint
from bitfit_exporters.families import Family
from bitfit_exporters.parity import sentences
from bitfit_exporters.passes import StaticScale
from bitfit_exporters.redundant_biases import find_redundant_terms
from bitfit_runtime.formats import BiasSpec, Manifest, SelfTest, WeightSpec
from bitfit_runtime.formats.schema import CREATED_BY
from bitfit_runtime.graph import HEAD_BIAS

Float32 = npt.NDArray[np.float32]
DTYPES: dict[ir.DataType | None, str] = {
    ir.DataType.FLOAT: "float32",
    ir.DataType.INT8: "int8",
    ir.DataType.INT4: "int4",
}


def default_biases(graph: ir.Graph) -> dict[str, Float32]:
    """Return the default `[n]` of every bias input, in the order of the inputs. Heads and branches are no biases."""
    return {
        str(value.name): value.const_value.numpy().reshape(-1).copy()
        for value in graph.inputs
        if value.const_value is not None and str(value.name).endswith(".bias") and value.name != HEAD_BIAS
    }


def bias_specs(family: Family, defaults: Mapping[str, Float32]) -> tuple[BiasSpec, ...]:
    """Describe the bias inputs, in the order of `defaults`."""
    specs = []
    for name, bias in defaults.items():
        term, layer = family.term(name) or ("", -1)
        specs.append(BiasSpec(name, bias.size, term, layer))
    return tuple(specs)


def make_manifest(
    checkpoint: Checkpoint,
    captured: Captured,
    precision: str,
    branches: tuple[int, ...],
    defaults: Mapping[str, Float32],
    self_test: SelfTest,
    files: Mapping[str, str],
    scales: Sequence[StaticScale] = (),
) -> Manifest:
    """Return the manifest of a base whose graph is finished and written.

    `defaults` holds the default biases `[n]` by name; `files` maps each other file of the base to its SHA-256 in
    hexadecimal; `scales` are those of static activations.
    """
    biases, weights = bias_specs(checkpoint.family, defaults), _weight_specs(checkpoint, captured, defaults, scales)
    ids = tuple(sentences(checkpoint)[0].ids.tolist())
    terms = find_redundant_terms(checkpoint.model, checkpoint.family, checkpoint.inputs, ids)
    return Manifest(
        name=checkpoint.name,
        architecture=checkpoint.config.model_type,
        precision=precision,
        pooling=checkpoint.pooling,
        max_length=checkpoint.max_length,
        hidden_size=checkpoint.hidden_size,
        pad_token_id=checkpoint.pad_token_id,
        parameters=sum(bias.size for bias in biases) + sum(math.prod(weight.shape) for weight in weights),
        inputs=checkpoint.inputs,
        files=files,
        biases=biases,
        weights=weights,
        redundant_terms=terms.redundant,
        foldable_terms=terms.foldable,
        self_test=self_test,
        created_by=CREATED_BY,
        branches=branches,
        activations="static" if scales else "dynamic",
    )


def _weight_specs(
    checkpoint: Checkpoint, captured: Captured, defaults: Mapping[str, Float32], scales: Sequence[StaticScale]
) -> tuple[WeightSpec, ...]:
    """Describe the frozen parameters as the finished graph stores them."""
    transposed = dict(captured.transposed)
    if checkpoint.pooling == "pooler":  # whose layer the head brought in
        transposed[f"{checkpoint.family.pooler}.weight"] = True
    parameters = dict(checkpoint.model.named_parameters())
    initializers = captured.model.graph.initializers
    static = {weight: scale.name for scale in scales for weight in scale.weights}
    return tuple(
        WeightSpec(name, tuple(parameters[name].shape), DTYPES[initializers[name].dtype], swapped, static.get(name))
        for name, swapped in transposed.items()
        if name not in defaults
    )
