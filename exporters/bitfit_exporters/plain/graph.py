"""The graph of one task: biases and head are constants, and only what the task reads is an output."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnx_ir.external_data import load_to_model
from onnx_ir.passes.common import RemoveUnusedNodesPass

from bitfit_exporters.base_graph import read_model
from bitfit_exporters.errors import OutputError
from bitfit_runtime import Base, Pack
from bitfit_runtime.formats.schema import WEIGHTS_DIGEST
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT, LAST_HIDDEN_STATE, LOGITS, POOLED, TOKEN_LOGITS
from bitfit_runtime.pack_cache import DecodedPack
from bitfit_runtime.tasks import TASK_TYPES

Float32 = npt.NDArray[np.float32]
SENTENCE_EMBEDDING: Final = "sentence_embedding"
SPAN_LOGITS: Final = ("start_logits", "end_logits")
MOST_BYTES: Final = (1 << 31) - 1  # of a file of protobuf


def plain_graph(base: Base, pack: Pack) -> ir.Model:
    """Return the base's graph with a pack's values; logits are divided by its temperature, by way of the head.

    Every file of the base is compared with its digest first: nobody can tell from a plain model what it was made of.
    Raises BaseError, PackError, or OutputError where one file cannot hold it.
    """
    base.verify()
    model = read_model(base)
    graph = model.graph
    for name, numbers in _values(base, pack).items():
        graph.initializers[name].const_value = ir.tensor(numbers, name=name)
    for value in [value for value in graph.inputs if value.name not in base.manifest.inputs]:
        graph.inputs.remove(value)
        assert value.const_value is not None
        value.shape = ir.Shape(value.const_value.shape.numpy())  # `rows` is 1 now
    _set_outputs(graph, TASK_TYPES[pack.info.task_type].output, pack.info.task_type)
    RemoveUnusedNodesPass()(model)
    model.metadata_props.pop(WEIGHTS_DIGEST, None)
    size = sum(value.const_value.nbytes for value in graph.initializers.values() if value.const_value is not None)
    if size > MOST_BYTES:
        raise OutputError(f"base {base.manifest.name} holds {size} bytes, one ONNX file at most {MOST_BYTES}; use int8")
    return load_to_model(model)


def _values(base: Base, pack: Pack) -> Mapping[str, Float32]:
    decoded = DecodedPack.from_pack(pack, base)
    head = dict(decoded.head)
    decisions = pack.info.decisions
    if decisions is not None and decisions.temperature != 1:
        for name in (HEAD_WEIGHT, HEAD_BIAS):
            head[name] = (head[name].astype(np.float64) / decisions.temperature).astype(np.float32)
    return {**decoded.biases, **head}


def _set_outputs(graph: ir.Graph, output: str, task_type: str) -> None:
    """Leave what the task reads, under the names that programs know."""
    by_name = {value.name: value for value in graph.outputs}
    kept = [by_name[output]]
    if output == POOLED:
        kept = [by_name[LAST_HIDDEN_STATE], by_name[POOLED]]
    names: tuple[str, ...] = (LAST_HIDDEN_STATE, SENTENCE_EMBEDDING) if output == POOLED else (LOGITS,)
    if task_type == "span":
        kept, names = [_column(graph, kept[0], index) for index in range(2)], SPAN_LOGITS
    for name in (LOGITS, TOKEN_LOGITS, POOLED):
        by_name[name].name = f"{name}.value"
    for value, name in zip(kept, names, strict=True):
        value.name = name
    graph.outputs[:] = kept


def _column(graph: ir.Graph, logits: ir.Value, index: int) -> ir.Value:
    """Return one label's logits of every token."""
    place = ir.Value(name=f"label.{index}", const_value=ir.tensor(np.array(index, np.int64), name=f"label.{index}"))
    graph.register_initializer(place)
    node = ir.node("Gather", inputs=[logits, place], attributes={"axis": 2}, num_outputs=1)
    graph.append(node)
    found = node.outputs[0]
    found.type, found.shape = logits.type, None if logits.shape is None else ir.Shape(logits.shape[:2])
    return found
