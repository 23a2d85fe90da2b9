"""Calibration of static activations: how far those that are multiplied reach, channel by channel, over some texts."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx_ir as ir

from bitfit_exporters.checkpoint import Checkpoint
from bitfit_exporters.errors import VerificationError
from bitfit_exporters.passes.build import products
from bitfit_exporters.passes.smoothing import ChannelRange
from bitfit_runtime.formats.schema import MODEL_FILE, WEIGHTS_FILE
from bitfit_runtime.graph import INPUT_IDS
from bitfit_runtime.session import open_session
from bitfit_runtime.tokenizer import Tokenizer, collate


def measure_ranges(
    model: ir.Model, checkpoint: Checkpoint, texts: Sequence[str], folder: Path
) -> dict[str, ChannelRange]:
    """Return the range of each activation that a constant weight multiplies, by the name of the value.

    Only what depends on the tokens is listed. `model` is the graph before it is quantized; each text is run by itself,
    so that padding does not count. `folder` takes a temporary copy. Raises VerificationError on a value that is not
    finite.
    """
    names = [name for name in _multiplied(model.graph) if name]
    with TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary, MODEL_FILE)
        _save_with_outputs(model, names, path)
        session = open_session(path)
    ranges: dict[str, ChannelRange] = {}
    pairs = [(text, None) for text in texts]
    for text in Tokenizer(checkpoint.tokenizer).tokenize(pairs, [checkpoint.max_length] * len(pairs)):
        found = session.run(names, collate([text], checkpoint.inputs, checkpoint.pad_token_id))
        for name, values in zip(names, found, strict=True):
            rows = values.reshape(-1, values.shape[-1])
            here = ChannelRange(rows.min(0), rows.max(0))
            ranges[name] = ranges[name].union(here) if name in ranges else here
    strange = [name for name, found in ranges.items() if not np.isfinite([found.low, found.high]).all()]
    if strange:
        raise VerificationError(
            f"{checkpoint.name} gives values that are not finite on the calibration texts; export with `activations` "
            "dynamic"
        )
    return ranges


def _multiplied(graph: ir.Graph) -> list[str]:
    """Return the names of the values that depend on the tokens and that constant weights multiply."""
    by_token = {value for value in graph.inputs if value.name == INPUT_IDS}
    for node in graph:
        if node.op_type != "Shape" and any(value in by_token for value in node.inputs):
            by_token |= set(node.outputs)
    return list(dict.fromkeys(str(data.name) for data, _, _ in products(graph) if data in by_token))


def _save_with_outputs(model: ir.Model, names: Sequence[str], path: Path) -> None:
    """Write a graph that gives the values of some names too, and leave `model` as it is."""
    graph, kept = model.graph, len(model.graph.outputs)
    values = {str(value.name): value for node in graph for value in node.outputs}
    graph.outputs.extend(values[name] for name in names)
    try:
        ir.save(model, path, external_data=WEIGHTS_FILE)  # protobuf ends at 2 GiB
    finally:
        del graph.outputs[kept:]
