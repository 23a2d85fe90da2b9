import json
import shutil
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from transformers import AutoModel

from bitfit_exporters import ExportError, ExportOptions, export_onnx
from bitfit_exporters.encoder import add_missing_biases
from bitfit_exporters.errors import ArchitectureError, CheckpointError, OnnxModelError, VerificationError
from bitfit_exporters.onnx_import import load_onnx
from bitfit_runtime import Base
from support.checkpoints import FAMILIES, make_checkpoint

OPTIONS = ExportOptions(offline=True)
COMPANIONS = ("config.json", "tokenizer.json", "tokenizer_config.json")
DYNAMO = 0  # stands for torch's newer exporter where the others are opsets of the older one
INPUTS = ["input_ids", "attention_mask"]


class HiddenStates(torch.nn.Module):
    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.bert = model

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.bert(input_ids=ids, attention_mask=mask).last_hidden_state


def foreign(checkpoint: Path, folder: Path, opset: int, dynamic: bool = True) -> Path:
    """What another exporter would write of a checkpoint."""
    folder.mkdir(parents=True)
    for name in COMPANIONS:
        shutil.copy(checkpoint / name, folder / name)
    model = HiddenStates(AutoModel.from_pretrained(checkpoint)).eval()
    tokens = (torch.full((2, 16), 7), torch.ones(2, 16, dtype=torch.int64))
    options: dict[str, object] = {"input_names": INPUTS, "output_names": ["last_hidden_state"], "verbose": False}
    if opset == DYNAMO:
        dims = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}
        options |= {"dynamo": True, "opset_version": 18, "dynamic_shapes": (dims, dims), "external_data": False}
    else:
        axes = {name: {0: "batch", 1: "sequence"} for name in INPUTS} if dynamic else None
        options |= {"dynamo": False, "opset_version": opset, "dynamic_axes": axes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, tokens, str(folder / "model.onnx"), **options)  # type: ignore[arg-type]
    return folder


def without_names(graph: onnx.GraphProto) -> None:
    """Do what simplifiers do: drop Identity, so that several users share a tensor, and forget the nodes' names."""
    sources = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    kept = [node for node in graph.node if node.op_type != "Identity"]
    for node in kept:
        node.name = ""
        del node.metadata_props[:]
        for place, name in enumerate(node.input):
            node.input[place] = sources.get(name, name)
    del graph.node[:]
    graph.node.extend(kept)


def assert_same_parameters(folder: Path, checkpoint: Path) -> None:
    original = AutoModel.from_pretrained(checkpoint)
    add_missing_biases(original)
    expected = dict(original.named_parameters())
    for name, parameter in load_onnx(folder, OPTIONS).model.named_parameters():
        assert name.startswith("pooler.") or torch.equal(parameter, expected[name]), name


@pytest.fixture(scope="module")
def model(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return foreign(checkpoint, tmp_path_factory.mktemp("onnx") / "tiny-bert", 17)


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "copy"))


def test_a_base_from_onnx_is_the_base_of_the_checkpoint_so_packs_fit_both(
    model: Path, base: Base, tmp_path: Path
) -> None:
    report = export_onnx(model, tmp_path / "base", OPTIONS)
    assert report.digest == base.manifest.digest
    assert Base.open(tmp_path / "base").manifest == base.manifest


@pytest.mark.parametrize(("family", "opset"), [*product(FAMILIES, (14, 18)), ("mpnet", DYNAMO)])
def test_parameters_come_back_to_the_bit_from_every_family_and_exporter(
    family: str, opset: int, tmp_path: Path
) -> None:
    checkpoint = make_checkpoint(family, tmp_path / family)
    assert_same_parameters(foreign(checkpoint, tmp_path / "onnx", opset), checkpoint)


@pytest.mark.parametrize("opset", [14, 18, DYNAMO])
def test_norms_that_share_a_tensor_get_a_value_each_even_without_node_names(opset: int, tmp_path: Path) -> None:
    checkpoint = make_checkpoint("bert", tmp_path / "checkpoint")
    model = AutoModel.from_pretrained(checkpoint)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("LayerNorm.weight"):
                parameter.fill_(1)
    model.save_pretrained(checkpoint)
    folder = foreign(checkpoint, tmp_path / "onnx", opset)
    proto = onnx.load(folder / "model.onnx")
    without_names(proto.graph)
    norms = [one.name for one in proto.graph.initializer if one.name.endswith("LayerNorm.weight")]
    assert len(norms) == 1, "all five are ones, so the exporter keeps one of them"
    onnx.save(proto, folder / "model.onnx")
    assert_same_parameters(folder, checkpoint)


def test_biases_that_are_all_zero_become_inputs_of_their_own(tmp_path: Path) -> None:
    checkpoint = make_checkpoint("bert", tmp_path / "checkpoint")
    model = AutoModel.from_pretrained(checkpoint)
    biases = {name for name, _ in model.named_parameters() if name.endswith(".bias") and "pooler" not in name}
    with torch.no_grad():
        for name in biases:
            model.get_parameter(name).zero_()
    model.save_pretrained(checkpoint)
    folder = foreign(checkpoint, tmp_path / "onnx", 17)
    assert sum(one.name.endswith(".bias") for one in onnx.load(folder / "model.onnx").graph.initializer) < len(biases)
    export_onnx(folder, tmp_path / "base", OPTIONS)
    assert {bias.name for bias in Base.open(tmp_path / "base").manifest.biases} == biases


def test_a_graph_of_one_fixed_shape_is_taken_in(checkpoint: Path, tmp_path: Path) -> None:
    assert_same_parameters(foreign(checkpoint, tmp_path / "onnx", 17, dynamic=False), checkpoint)


def test_the_model_is_found_as_a_file_in_a_folder_of_its_own_and_with_its_weights_beside_it(
    copy: Path, checkpoint: Path
) -> None:
    (copy / "onnx").mkdir()
    proto = onnx.load(copy / "model.onnx")
    (copy / "model.onnx").unlink()
    onnx.save(proto, copy / "onnx" / "model.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    assert_same_parameters(copy, checkpoint)
    assert_same_parameters(copy / "onnx" / "model.onnx", checkpoint)


def test_the_pooler_is_asked_for_only_where_it_pools(model: Path, tmp_path: Path) -> None:
    with pytest.raises(OnnxModelError, match=r"pooler\.dense"):
        export_onnx(model, tmp_path / "base", ExportOptions(pooling="pooler"))


Edit = Callable[[onnx.ModelProto], None]


def opset(version: int) -> Edit:
    def edit(proto: onnx.ModelProto) -> None:
        proto.opset_import[0].version = version

    return edit


def external(location: str, **more: str) -> Edit:
    def edit(proto: onnx.ModelProto) -> None:
        weight = next(one for one in proto.graph.initializer if len(one.dims) == 2)
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": location, **more}.items():
            weight.external_data.add(key=key, value=value)

    return edit


def half(proto: onnx.ModelProto) -> None:
    for tensor in proto.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))


def quantized(proto: onnx.ModelProto) -> None:
    next(node for node in proto.graph.node if node.op_type == "MatMul").op_type = "MatMulInteger"


def fused(proto: onnx.ModelProto) -> None:
    next(node for node in proto.graph.node if node.op_type == "Erf").domain = "com.microsoft"


def without_products(proto: onnx.ModelProto) -> None:
    kept = [node for node in proto.graph.node if node.op_type != "MatMul"]
    del proto.graph.node[:]
    proto.graph.node.extend(kept)


def nameless(proto: onnx.ModelProto) -> None:
    without_names(proto.graph)
    renamed = {one.name: f"t{place}" for place, one in enumerate(proto.graph.initializer)}
    for tensor in proto.graph.initializer:
        tensor.name = renamed[tensor.name]
    for node in proto.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = renamed.get(name, name)


def pooled_only(proto: onnx.ModelProto) -> None:
    proto.graph.node.append(helper.make_node("GlobalMaxPool", ["last_hidden_state"], ["logits"]))
    del proto.graph.output[:]
    proto.graph.output.append(helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, None))


def more_inputs(proto: onnx.ModelProto) -> None:
    proto.graph.input.append(helper.make_tensor_value_info("position_ids", onnx.TensorProto.INT64, [1, 4]))


def other_biases(proto: onnx.ModelProto) -> None:
    for tensor in proto.graph.initializer:
        if tensor.name.endswith("intermediate.dense.bias"):
            proto.graph.node.insert(0, helper.make_node("Neg", [tensor.name], ["negative"]))
            user = next(node for node in proto.graph.node if tensor.name in node.input and node.op_type == "Add")
            user.input[list(user.input).index(tensor.name)] = "negative"
            return


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        (opset(6), OnnxModelError, "has opset 6, expected 7 to"),
        (opset(999), OnnxModelError, "has opset 999"),
        (lambda proto: proto.ClearField("opset_import"), OnnxModelError, "names no opset"),
        (external("/etc/hostname"), OnnxModelError, "outside its folder"),
        (external("../outside"), OnnxModelError, "outside its folder"),
        (external("link"), OnnxModelError, "outside its folder"),
        (external("absent"), OnnxModelError, "missing"),
        (external("config.json", offset="4000000"), OnnxModelError, "cannot be read"),
        (half, OnnxModelError, "float16"),
        (quantized, OnnxModelError, "quantized already"),
        (fused, OnnxModelError, "rewritten by an optimizer"),
        (without_products, OnnxModelError, "no matrix product with constant weights"),
        (nameless, OnnxModelError, "are not in the ONNX model"),
        (pooled_only, OnnxModelError, "feature-extraction"),
        (more_inputs, OnnxModelError, "has the input position_ids"),
        (other_biases, VerificationError, "does not compute what"),
    ],
)
def test_a_graph_that_cannot_be_taken_in_is_refused_with_what_to_do(
    edit: Edit, error: type[ExportError], message: str, copy: Path
) -> None:
    (copy.parent / "outside").write_bytes(bytes(1 << 20))
    (copy / "link").symlink_to(copy.parent / "outside")
    proto = onnx.load(copy / "model.onnx")
    edit(proto)
    (copy / "model.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(error, match=message) as refused:
        load_onnx(copy, OPTIONS)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model_type": "gpt2", "n_positions": 64}, ArchitectureError, "supported types"),
        ({"model_type": "no-such-type"}, CheckpointError, "config.json"),
        ({"intermediate_size": 96}, OnnxModelError, r"should have shape \(96,.* found \(128,"),
        ({"num_hidden_layers": 3}, OnnxModelError, r"16 of the model's 55 parameters.*encoder\.layer\.2"),
        ({"num_hidden_layers": 1}, VerificationError, "does not compute what"),
        ({"hidden_act": "relu"}, VerificationError, "does not compute what"),
    ],
)
def test_a_config_of_another_model_is_refused(
    change: dict[str, object], error: type[ExportError], message: str, copy: Path
) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(error, match=message) as refused:
        load_onnx(copy, OPTIONS)
    assert "\n" not in str(refused.value)


def test_a_config_that_describes_far_more_is_refused_before_it_takes_memory(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"vocab_size": 1 << 24}))
    made = list[torch.device]()
    from_config = AutoModel.from_config

    def watched(*arguments: object, **named: object) -> torch.nn.Module:
        made.append(torch.get_default_device())
        return from_config(*arguments, **named)

    monkeypatch.setattr(AutoModel, "from_config", watched)
    with pytest.raises(OnnxModelError, match=r"embeddings.weight should have shape \(16777216, 64\) by"):
        load_onnx(copy, OPTIONS)
    assert made == [torch.device("meta")]


def test_missing_torn_and_ambiguous_files_are_refused(copy: Path, tmp_path: Path) -> None:
    file = copy / "model.onnx"
    whole = file.read_bytes()
    for content in (b"", b"not a model at all", whole[: len(whole) // 2], whole[:-1]):
        file.write_bytes(content)
        with pytest.raises(OnnxModelError, match="truncated or not an ONNX model"):
            load_onnx(copy, OPTIONS)
    for name in ("one.onnx", "two.onnx"):
        (copy / name).write_bytes(whole)
    file.unlink()
    with pytest.raises(OnnxModelError, match=r"found one\.onnx, two\.onnx; give the file itself"):
        load_onnx(copy, OPTIONS)
    with pytest.raises(OnnxModelError, match="no file or folder"):
        load_onnx(tmp_path / "none", OPTIONS)
    (copy / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        load_onnx(copy / "one.onnx", OPTIONS)
    (copy / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"no config\.json beside it"):
        load_onnx(copy / "one.onnx", OPTIONS)


def test_a_revision_of_an_onnx_model_is_refused(model: Path) -> None:
    with pytest.raises(ExportError, match=r"`revision` is for a model of the hub, and .* is on this machine; leave it"):
        load_onnx(model, ExportOptions(revision="main"))


def test_an_onnx_folder_needs_its_tokenizer_and_says_how_its_model_is_used(copy: Path) -> None:
    modules = [{"type": "sentence_transformers.models.Transformer", "path": ""}]
    modules.append({"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"})
    (copy / "modules.json").write_text(json.dumps(modules))
    (copy / "1_Pooling").mkdir()
    (copy / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    (copy / "sentence_bert_config.json").write_text('{"max_seq_length": 16}')
    found = load_onnx(copy, OPTIONS)
    assert (found.pooling, found.max_length) == ("cls", 16)
    (copy / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"no tokenizer in .*copy it from the model it came from"):
        load_onnx(copy, OPTIONS)
