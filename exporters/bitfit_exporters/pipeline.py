"""The export from end to end: load, capture, pass by pass, write, verify."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import safetensors.numpy

from bitfit_exporters.capture import Captured, capture
from bitfit_exporters.checkpoint import Checkpoint, load_checkpoint
from bitfit_exporters.errors import ArchitectureError, VerificationError
from bitfit_exporters.onnx_import import load_onnx
from bitfit_exporters.options import ExportOptions
from bitfit_exporters.passes import (
    Pooler,
    attach_head,
    expand_rotations,
    expose_biases,
    let_constants_fold,
    quantize_embeddings,
    quantize_matmuls,
    simplify_attention,
    spread_relative_positions,
    store_int4,
    store_int8,
    strip,
)
from bitfit_exporters.redundant_biases import exact_algebra
from bitfit_exporters.report import ExportReport
from bitfit_exporters.staging import staged
from bitfit_exporters.verify import PARITY, SENTENCES, Verified, golden, pooled_vectors, verify
from bitfit_exporters.weights_file import write_graph
from bitfit_runtime import Base, Engine
from bitfit_runtime.formats.base import file_digest
from bitfit_runtime.formats.manifest import BiasSpec, Manifest, SelfTest, WeightSpec
from bitfit_runtime.formats.schema import (
    BIASES_FILE,
    CONFIG_FILE,
    CREATED_BY,
    MANIFEST_FILE,
    MODEL_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
)
from bitfit_runtime.self_test import relative_distance
from bitfit_runtime.session import open_session
from bitfit_runtime.tokenizer import Tokenizer

Float32 = npt.NDArray[np.float32]
Progress = Callable[[str], None]
DEFAULTS = ExportOptions()
STORES = {"int8": store_int8, "int4": store_int4}
DTYPES: dict[ir.DataType | None, str] = {
    ir.DataType.FLOAT: "float32",
    ir.DataType.INT8: "int8",
    ir.DataType.INT4: "int4",
}


def export(
    model: str | Path,
    output: str | Path,
    options: ExportOptions = DEFAULTS,
    progress: Progress = lambda step: None,
) -> ExportReport:
    """Export `model` (a short name, hub name or folder) as a base to the folder `output`, and verify it.

    `progress` receives each step's name as it begins. A base that is at `output` already is replaced only when the new
    one has passed every check. Raises ExportError or one of its subclasses.
    """
    return _export(lambda: load_checkpoint(str(model), options), Path(output), options, progress)


def export_onnx(
    path: str | Path,
    output: str | Path,
    options: ExportOptions = DEFAULTS,
    progress: Progress = lambda step: None,
) -> ExportReport:
    """As `export`, from an ONNX model that another exporter (optimum, torch) wrote of an encoder.

    `path` is the file, or the folder that holds it with config.json and tokenizer.json. Nothing is downloaded.
    """
    return _export(lambda: load_onnx(Path(path), options), Path(output), options, progress)


def _export(load: Callable[[], Checkpoint], output: Path, options: ExportOptions, progress: Progress) -> ExportReport:
    began = time.perf_counter()
    options.check()
    progress("load the model")
    checkpoint = load()
    pooling = _pooling(checkpoint, options)
    with staged(output) as folder:
        progress("capture the graph")
        captured = capture(checkpoint)
        graph = captured.model.graph
        progress("expose biases, attach the head")
        simplify_attention(captured.model, checkpoint.max_length)
        expose_biases(graph, checkpoint.family)
        expand_rotations(graph)
        spread_relative_positions(graph)
        attach_head(graph, int(checkpoint.config.hidden_size), pooling, _pooler(checkpoint, pooling))
        defaults = _defaults(graph)
        manifest = _manifest(checkpoint, captured, options.precision, pooling, defaults)
        if options.precision in STORES:
            progress("compare the float graph with torch")
            _check_float_graph(captured.model, manifest, checkpoint, folder)
            progress("quantize")
            quantize_matmuls(graph, STORES[options.precision])
            quantize_embeddings(graph, STORES[options.precision])
            let_constants_fold(graph)
            weights = tuple(replace(w, dtype=DTYPES[graph.initializers[w.name].dtype]) for w in manifest.weights)
            manifest = replace(manifest, weights=weights)
        strip(captured.model)
        progress("write the bundle")
        size = write_graph(captured.model, folder)
        _write_companions(folder, checkpoint, defaults)
        progress("verify")
        manifest, verified = _verified(folder, manifest, defaults, checkpoint)
    return _report(manifest, output, verified, size, time.perf_counter() - began)


def _pooling(checkpoint: Checkpoint, options: ExportOptions) -> str:
    pooling = options.pooling or checkpoint.family.pooling
    if pooling == "pooler" and checkpoint.family.pooler is None:
        raise ArchitectureError(f"{checkpoint.name} has no pooler; choose --pooling mean or cls")
    return pooling


def _pooler(checkpoint: Checkpoint, pooling: str) -> Pooler | None:
    name = checkpoint.family.pooler
    if pooling != "pooler" or name is None:
        return None
    state = checkpoint.model.state_dict()
    return Pooler(name, state[f"{name}.weight"].numpy().copy(), state[f"{name}.bias"].numpy().copy())


def _defaults(graph: ir.Graph) -> dict[str, Float32]:
    biases = [
        value for value in graph.inputs if value.const_value is not None and not str(value.name).startswith("head.")
    ]
    return {str(b.name): b.const_value.numpy().reshape(-1).copy() for b in biases if b.const_value is not None}


def _manifest(
    checkpoint: Checkpoint, captured: Captured, precision: str, pooling: str, defaults: dict[str, Float32]
) -> Manifest:
    biases = []
    for name, bias in defaults.items():
        term, layer = checkpoint.family.term(name) or ("", -1)
        biases.append(BiasSpec(name, bias.size, term, layer))
    transposed = dict(captured.transposed) | (
        {f"{checkpoint.family.pooler}.weight": True} if pooling == "pooler" else {}
    )
    values = dict(checkpoint.model.named_parameters())
    weights = tuple(
        WeightSpec(name, tuple(values[name].shape), "float32", swapped)
        for name, swapped in transposed.items()
        if name not in defaults
    )
    ids = Tokenizer(checkpoint.tokenizer).tokenize([(SENTENCES[0], None)], [checkpoint.max_length])[0].encoding.ids
    inert, folded = exact_algebra(checkpoint.model, checkpoint.family, checkpoint.inputs, tuple(ids))
    return Manifest(
        name=checkpoint.name,
        architecture=checkpoint.config.model_type,
        precision=precision,
        pooling=pooling,
        max_length=checkpoint.max_length,
        hidden_size=int(checkpoint.config.hidden_size),
        pad_token_id=checkpoint.pad_token_id,
        parameters=sum(bias.size for bias in defaults.values()) + sum(int(np.prod(w.shape)) for w in weights),
        inputs=checkpoint.inputs,
        files={},
        biases=tuple(biases),
        weights=weights,
        redundant_terms=inert,
        foldable_terms=folded,
        self_test=SelfTest((0,), 0.0, 0.0, ((), ())),
        created_by=CREATED_BY,
    )


def _check_float_graph(model: ir.Model, manifest: Manifest, checkpoint: Checkpoint, folder: Path) -> None:
    """Before quantization only rounding may part the graph from torch: a much sharper check than the int8 one."""
    texts = Tokenizer(checkpoint.tokenizer).tokenize(
        [(s, None) for s in SENTENCES], [manifest.max_length] * len(SENTENCES)
    )
    with TemporaryDirectory(dir=folder) as place:
        path = Path(place, MODEL_FILE)
        ir.save(model, path, external_data=WEIGHTS_FILE)  # protobuf ends at 2 GiB
        found, expected = pooled_vectors(open_session(path), manifest, checkpoint, texts)
    error = np.max([relative_distance(one, other) for one, other in zip(found, expected, strict=True)])
    if not error <= PARITY["fp32"]:
        raise VerificationError(f"the float graph is {error:.2e} away from torch, at most {PARITY['fp32']} is accepted")


def _write_companions(folder: Path, checkpoint: Checkpoint, defaults: dict[str, Float32]) -> None:
    (folder / BIASES_FILE).write_bytes(safetensors.numpy.save(defaults))
    (folder / TOKENIZER_FILE).write_text(checkpoint.tokenizer.to_str(), encoding="utf-8")
    config: Any = checkpoint.config
    (folder / CONFIG_FILE).write_text(config.to_json_string(), encoding="utf-8")


def _verified(
    folder: Path, manifest: Manifest, defaults: dict[str, Float32], checkpoint: Checkpoint
) -> tuple[Manifest, Verified]:
    """Run every check on the files as written, then load them once as a user would."""
    session = open_session(folder / MODEL_FILE)
    text = Tokenizer(checkpoint.tokenizer).tokenize([(SENTENCES[0], None)], [manifest.max_length])[0]
    manifest = replace(manifest, self_test=golden(session, manifest, defaults, text))
    verified = verify(session, manifest, defaults, checkpoint)
    files = (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE, CONFIG_FILE, BIASES_FILE)
    manifest = replace(manifest, files={name: file_digest(folder / name) for name in files})
    (folder / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")
    Engine(Base.open(folder))
    return manifest, verified


def _report(manifest: Manifest, output: Path, verified: Verified, size: int, seconds: float) -> ExportReport:
    return ExportReport(
        name=manifest.name,
        output=str(output),
        digest=manifest.digest,
        architecture=manifest.architecture,
        precision=manifest.precision,
        pooling=manifest.pooling,
        max_length=manifest.max_length,
        bias_inputs=len(manifest.biases),
        bias_parameters=manifest.bias_parameters,
        parameters=manifest.parameters,
        model_bytes=size,
        fp32_bytes=4 * manifest.parameters,
        parity_error=verified.parity_error,
        parity_mean=verified.parity_mean,
        cosine_error=verified.cosine_error,
        row_error=verified.row_error,
        seconds=seconds,
    )
