"""An int4 base keeps every promise of an int8 one, in half the bytes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch

from bitfit_exporters import ExportOptions, ExportReport, export_base, read_parameters
from bitfit_runtime import Base, Engine, Row, read_pack
from bitfit_runtime.contract import ATTENTION_MASK
from bitfit_runtime.session import open_session
from bitfit_runtime.tokens import TextEncoder, collate
from bitfit_toolkit import Example, TrainOptions, train
from bitfit_toolkit.rebuild import rebuild_encoder
from conftest import make_checkpoint, random_pack

# A plain one, one that shares weights between layers, one with products of constants, one with other widths.
FAMILIES = ("bert", "albert", "deberta-v2", "mobilebert")
TEXTS = ["some words", "a longer text, of more words", "b"]


@dataclass(frozen=True)
class Exported:
    checkpoint: Path
    base: Base
    report: ExportReport


@pytest.fixture(scope="module", params=FAMILIES)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp(request.param)
    checkpoint = make_checkpoint(request.param, folder / "checkpoint")
    report = export_base(str(checkpoint), folder / "base", ExportOptions(precision="int4", offline=True))
    return Exported(checkpoint, Base.open(folder / "base"), report)


def test_rows_stay_apart_every_bias_works_and_every_layer_is_int4(exported: Exported) -> None:
    assert exported.report.row_error == 0
    Engine(exported.base, self_test="full")
    manifest = exported.base.manifest
    assert manifest.precision == "int4"
    encoder = rebuild_encoder(exported.base)
    linear = {f"{n}.weight" for n, m in encoder.named_modules() if isinstance(m, torch.nn.Linear)}
    assert {w.scheme for w in manifest.weights if w.name in linear} == {"int4"}


def test_the_rebuilt_model_has_the_weights_that_the_graph_computes_with(exported: Exported) -> None:
    base = exported.base
    original = rebuild_encoder(base).eval()
    encoded = TextEncoder.from_file(base.tokenizer_path).encode([(text, None) for text in TEXTS], [32] * len(TEXTS))
    tokens = collate(encoded, base.manifest.inputs, base.manifest.pad_token_id)
    with torch.no_grad():
        output = original(**{name: torch.from_numpy(array) for name, array in tokens.items()}).last_hidden_state
    for hidden, expected, mask in zip(
        Engine(base).hidden_states(TEXTS), output.numpy(), tokens[ATTENTION_MASK], strict=True
    ):
        expected = expected[: mask.sum()]
        assert np.linalg.norm(hidden - expected) < 0.05 * np.linalg.norm(expected)


def test_a_session_leaves_nothing_to_unpack(exported: Exported, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    open_session(exported.base.model_path, options=options)
    graph = ir.load(tmp_path / "optimized.onnx").graph
    fixed = {name for name, value in graph.initializers.items() if not value.is_graph_input()}
    assert not [node.op_type for node in graph if {v.name for v in node.inputs if v is not None} <= fixed]


def test_a_pack_is_trained_written_read_and_answers_by_row(exported: Exported, tmp_path: Path) -> None:
    examples = [Example("a good day", label="up"), Example("rain", label="down")] * 2
    train(exported.base, examples, examples, tmp_path / "pack", TrainOptions(steps=2, learning_rate=0.05))
    engine = Engine(exported.base, threads=1)
    engine.install("task", read_pack(tmp_path / "pack"))
    engine.install("other", random_pack(exported.base, labels=3))
    rows = [Row(TEXTS[0], "task"), Row(TEXTS[1], "other"), Row(TEXTS[2], "task")]
    for row, together in zip(rows, engine.logits(rows), strict=True):
        np.testing.assert_array_equal(engine.logits(row)[0], together)


def test_four_and_a_quarter_bits_a_weight(tmp_path: Path) -> None:
    """BERT-base has 109 million weights in 97 biases' company: 4.25 bits of them and its scales make 58.4 MB."""
    checkpoint = make_checkpoint("bert", tmp_path / "checkpoint")
    export_base(str(checkpoint), tmp_path / "base", ExportOptions(precision="int4", offline=True))
    base = Base.open(tmp_path / "base")
    initializers = ir.load(base.model_path).graph.initializers
    weights = read_parameters(base)
    coded = [spec for spec in base.manifest.weights if spec.scheme == "int4"]
    stored = [f"{spec.name}{part}" for spec in coded for part in ("", ".multiplier")]
    found = sum(value.nbytes for name in stored if (value := initializers[name].const_value) is not None)
    assert found == 4.25 / 8 * sum(weights[spec.name].size for spec in coded)
    scales = sum(initializers[f"{spec.name}.scale"].const_value.nbytes for spec in coded)  # type: ignore[union-attr]
    assert scales == 4 * sum(spec.shape[0] for spec in coded)
