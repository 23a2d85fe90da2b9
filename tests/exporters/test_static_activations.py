"""Static activations: constants instead of a scale for each row, with the biases still inputs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch

from bitfit_exporters import ExportOptions, export, read_parameters
from bitfit_exporters.calibration import measure_ranges
from bitfit_exporters.calibration_texts import CALIBRATION_TEXTS
from bitfit_exporters.capture import capture
from bitfit_exporters.checkpoint import load_checkpoint
from bitfit_exporters.encoder import pool
from bitfit_exporters.errors import ExportError
from bitfit_exporters.passes import QuantizeMatmuls, SmoothProducts, float_passes, run_passes, store_int8
from bitfit_exporters.passes.build import Builder, add_initializer
from bitfit_exporters.passes.smoothing import ChannelRange, StaticScale, static_scales
from bitfit_exporters.read_back import read_static_roundings, rebuild_encoder
from bitfit_runtime import Base, Engine
from bitfit_runtime.errors import BaseFormatError
from bitfit_runtime.formats.manifest import parse_manifest
from bitfit_runtime.graph import BATCH, SEQUENCE
from bitfit_runtime.tokenizer import Tokenizer, collate
from bitfit_toolkit import Example, TrainOptions, train
from bitfit_toolkit.training.simulate_int8 import rounded_activations
from support.checkpoints import make_checkpoint
from support.command_line import bitfit
from support.graphs import model_of, run, tensor
from support.sharing import check_random_call

STATIC = ExportOptions(offline=True, activations="static")
WIDTH, OUTLIER = 64, 40.0
TEXTS = ["a good day, long and bright", "rain", "fine weather?", "a b c d e f g h i j k l m n o p"]


@pytest.fixture(scope="module")
def static(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("static") / "base"
    report = export(str(checkpoint), folder, STATIC)
    assert (report.row_error, report.activations) == (0, "static")
    assert report.parity_error < 0.05
    return Base.open(folder)


def products_of(data: ir.Value, *widths: int) -> tuple[ir.Model, list[np.ndarray]]:
    """A graph that multiplies one tensor by some random weights, and the weights."""
    generator = np.random.default_rng(0)
    model = model_of(data)
    build = Builder(model.graph, "test")
    weights = [generator.standard_normal((WIDTH, width)).astype(np.float32) for width in widths]
    parts = [
        build("MatMul", data, add_initializer(model.graph, f"{index}.weight", weight), name=f"p{index}")
        for index, weight in enumerate(weights)
    ]
    out = build("Concat", *parts, attributes={"axis": -1}, name="out")
    out.shape, out.type = ir.Shape([BATCH, SEQUENCE, sum(widths)]), ir.TensorType(ir.DataType.FLOAT)
    model.graph.outputs.append(out)
    return model, weights


def scales_of(model: ir.Model, *values: np.ndarray) -> tuple[StaticScale, ...]:
    reached = np.concatenate([array.reshape(-1, WIDTH) for array in values])
    return static_scales(model.graph, {"data": ChannelRange(reached.min(0), reached.max(0))})


def outliers() -> np.ndarray:
    data = np.random.default_rng(1).standard_normal((2, 3, WIDTH)).astype(np.float32)
    data[..., 7] += OUTLIER
    return data


def test_smoothing_changes_no_product_and_keeps_outliers_from_costing_the_other_channels() -> None:
    data = outliers()
    distances = []
    for smooth in (True, False):
        model, weights = products_of(tensor("data", [BATCH, SEQUENCE, WIDTH], ir.DataType.FLOAT), 8, 16)
        expected = data @ np.concatenate(weights, 1)
        (scale,) = scales_of(model, data) if smooth else [without_factors(data)]
        SmoothProducts([scale])(model)
        np.testing.assert_allclose(run(model, data=data), expected, rtol=1e-4, atol=1e-3)
        QuantizeMatmuls(store_int8, dict.fromkeys(scale.rounded(), scale))(model)
        operators = [node.op_type for node in model.graph]
        assert operators.count("QuantizeLinear") == 1
        assert operators.count("MatMulIntegerToFloat") == 2
        assert "ReduceMax" not in operators
        distances.append(np.linalg.norm(run(model, data=data) - expected))
    assert distances[0] < 0.5 * distances[1]


def without_factors(data: np.ndarray) -> StaticScale:
    """A scale that just holds `data`."""
    step = (data.max() - data.min()) / 255
    zero_point = np.uint8(np.rint(-data.min() / step))
    return StaticScale("0.weight", ("0.weight", "1.weight"), frozenset({"data"}), None, np.float32(step), zero_point)


def test_zero_stays_zero_and_what_goes_beyond_the_range_is_cut_off() -> None:
    data = outliers()
    model, weights = products_of(tensor("data", [BATCH, SEQUENCE, WIDTH], ir.DataType.FLOAT), 8)
    scales = scales_of(model, data)
    SmoothProducts(scales)(model)
    QuantizeMatmuls(store_int8, {name: scale for scale in scales for name in scale.rounded()})(model)
    assert not run(model, data=np.zeros_like(data)).any()
    near, far = (run(model, data=np.float32(reach) * np.sign(data)) for reach in (1e3, 1e6))
    np.testing.assert_array_equal(near, far)
    assert 0 < np.linalg.norm(near) < 10 * np.linalg.norm(data @ weights[0])


def test_weights_that_meet_the_same_data_share_one_scale_and_other_data_keep_a_scale_a_row() -> None:
    data, other = (tensor(name, [BATCH, SEQUENCE, WIDTH], ir.DataType.FLOAT) for name in ("data", "other"))
    model, _ = products_of(data, 8, 16)
    model.graph.inputs.append(other)
    added = Builder(model.graph, "more")("MatMul", other, model.graph.initializers["1.weight"], name="added")
    added.shape, added.type = ir.Shape([BATCH, SEQUENCE, 16]), ir.TensorType(ir.DataType.FLOAT)
    model.graph.outputs.append(added)
    (scale,) = scales_of(model, outliers())
    assert (set(scale.weights), scale.data) == ({"0.weight", "1.weight"}, {"data"})
    SmoothProducts([scale])(model)
    QuantizeMatmuls(store_int8, dict.fromkeys(scale.rounded(), scale))(model)
    assert sum(node.op_type == "ReduceMax" for node in model.graph) == 1  # of the other data
    assert sum(node.op_type == "Mul" and node.inputs[1].name == "0.weight.input_factors" for node in model.graph) == 2


def test_more_texts_only_widen_the_ranges(checkpoint: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(str(checkpoint), STATIC)
    captured = capture(loaded)
    run_passes(captured.model, float_passes(loaded, (1,)))
    outputs = list(captured.model.graph.outputs)
    few, more = (measure_ranges(captured.model, loaded, texts, tmp_path) for texts in (TEXTS[:1], TEXTS))
    assert captured.model.graph.outputs == outputs and few.keys() == more.keys() and len(few) == 8
    for name, found in few.items():
        assert (more[name].low <= found.low).all() and (found.high <= more[name].high).all()
    assert any((more[name].high > found.high).any() for name, found in few.items())


def test_a_static_base_keeps_rows_apart_and_honours_every_bias(static: Base) -> None:
    Engine(static, self_test="full")
    graph = ir.load(static.model_path).graph
    assert not {"ReduceMax", "Abs", "Split"} & {node.op_type for node in graph}
    assert check_random_call(static, seed=1) > 0


def test_the_manifest_of_a_static_base_is_of_the_next_schema_and_read_back(static: Base, base: Base) -> None:
    document = json.loads(static.manifest.to_json())
    assert (document["schema_version"], document["activations"]) == (2, "static")
    assert parse_manifest(static.manifest.to_json()) == static.manifest
    assert "static" not in base.manifest.to_json()
    with pytest.raises(BaseFormatError, match="static scale"):
        parse_manifest(json.dumps(document | {"schema_version": 1}))
    with pytest.raises(BaseFormatError, match="activations"):
        parse_manifest(json.dumps({name: value for name, value in document.items() if name != "activations"}))


def test_the_model_rebuilt_from_a_static_base_is_the_checkpoint_but_for_quantization(
    checkpoint: Path, static: Base
) -> None:
    original = dict(load_checkpoint(str(checkpoint), STATIC).model.named_parameters())
    assert len(read_static_roundings(static)) == 12
    for name, values in read_parameters(static).items():
        expected = original[name].detach().numpy()
        assert np.linalg.norm(values - expected) < 0.02 * np.linalg.norm(expected) + 1e-9, name


def test_simulated_static_activations_bring_torch_close_to_the_engine(static: Base) -> None:
    encoder = rebuild_encoder(static).eval()
    encoded = Tokenizer.from_file(static.tokenizer_path).tokenize([(text, None) for text in TEXTS], [64] * len(TEXTS))
    tokens = collate(encoded, static.manifest.inputs, static.manifest.pad_token_id)
    batch = {name: torch.from_numpy(array) for name, array in tokens.items()}

    def features() -> np.ndarray:
        found: np.ndarray = pool(encoder(**batch), batch["attention_mask"], static.manifest.pooling).detach().numpy()
        return found

    engine, plain = np.stack(Engine(static).embed(TEXTS)), features()
    with rounded_activations(encoder, static):
        assert np.linalg.norm(features() - engine) < 0.2 * np.linalg.norm(plain - engine)


@pytest.mark.parametrize("simulate", [False, True])
def test_biases_are_trained_around_a_static_base(static: Base, tmp_path: Path, simulate: bool) -> None:
    examples = [Example(text, label=label) for text, label in zip(TEXTS, ("up", "down", "up", "down"), strict=True)]
    options = TrainOptions(max_steps=20, learning_rate=0.02, encoding="int8", simulate_int8=simulate)
    report = train(static, examples, examples, tmp_path / "pack", options)
    assert report.engine["accuracy"] == 1


@pytest.mark.parametrize(("family", "precision"), [("albert", "int8"), ("deberta-v2", "int8"), ("bert", "int4")])
def test_shared_weights_weights_of_positions_and_int4_are_static_too(
    family: str, precision: str, tmp_path: Path
) -> None:
    checkpoint = make_checkpoint(family, tmp_path / "checkpoint")
    pooling = "pooler" if precision == "int4" else None  # where a key bias shows least
    export(str(checkpoint), tmp_path / "base", replace(STATIC, precision=precision, pooling=pooling))
    base = Base.open(tmp_path / "base")
    linear = [spec for spec in base.manifest.weights if spec.dtype == precision and "mbedding" not in spec.name]
    assert all(spec.static for spec in linear)
    Engine(base, self_test="full")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (replace(STATIC, precision="fp32"), "`activations` static needs `precision`"),
        (replace(STATIC, activations="fixed"), "choose one of dynamic, static"),
        (ExportOptions(calibration=("a",)), "`calibration` is for `activations` static"),
        (replace(STATIC, calibration=["a"]), "`calibration` should be a tuple"),  # type: ignore[arg-type]
    ],
)
def test_options_that_do_not_belong_together_are_refused(options: ExportOptions, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        options.check()


def test_a_file_of_texts_is_calibrated_on_and_a_wrong_one_refused(
    checkpoint: Path, static: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def exported(path: Path) -> tuple[int, str, str]:
        call = ("export", "--model", checkpoint, "--output", tmp_path / "base", "--activations", "static")
        return bitfit(*call, "--calibration", path, "--offline", capsys=capsys)

    texts = tmp_path / "texts.txt"
    for content, message in ((None, "cannot read"), (b"\xff", "not UTF-8"), (b"\n \n", "holds no text")):
        if content is not None:
            texts.write_bytes(content)
        code, _, err = exported(texts)
        assert code == 8 and message in err and "--calibration" in err
    texts.write_text("z z z z z\n\nzoo, zebra!\n", encoding="utf-8")
    code, out, _ = exported(texts)
    assert code == 0 and "static" in out
    assert Base.open(tmp_path / "base").manifest.digest != static.manifest.digest


def test_calibration_texts_differ() -> None:
    assert len(set(CALIBRATION_TEXTS)) == len(CALIBRATION_TEXTS)
