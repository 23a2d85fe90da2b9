"""What every supported encoder family promises, on an int8 base of each and int4 ones, and what the others are told."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch
import transformers
from transformers import AutoModel

from bitfit_exporters import ExportOptions, ExportReport, export
from bitfit_exporters.encoder import add_missing_biases
from bitfit_exporters.errors import ArchitectureError
from bitfit_exporters.families import FAMILIES as KNOWN
from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base, Engine, read_pack
from bitfit_runtime import session as session_module
from bitfit_runtime.session import open_session
from bitfit_runtime.tokenizer import Tokenizer, collate
from bitfit_toolkit import Example, TrainOptions, train
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import TRAINABLE_TASKS
from bitfit_toolkit.training.model import BitfitModel
from bitfit_toolkit.training.shared.row_biases import RowBiases
from support.checkpoints import COMMON, FAMILIES, make_checkpoint, make_tokenizer
from support.sharing import check_random_call

POOLERS = ("bert", "mpnet", "albert")  # exported with their poolers here, to test those too
ROTARY_OR_RELATIVE = ("roformer", "deberta-v2", "modernbert", "nomic_bert", "eurobert")
# A plain one, one whose layers share weights, one with products of constants, one with narrow layers.
INT4 = ("bert", "albert", "deberta-v2", "mobilebert")
# From torch, relative; before quantization an export accepts 1e-4.
FURTHEST = {"int8": 0.05, "int4": 0.35}
NOTHING_TO_FOLD = ("modernbert", "eurobert")  # one bias for query, key and value; heads that share values
EXAMPLES = [
    Example("a good day, long and bright", label="up"),
    Example("rain", label="down"),
    Example("fine weather?", label="up"),
    Example("a b c d e f g h i j k l m n o p", label="down"),
]


@dataclass(frozen=True)
class Exported:
    family: str
    checkpoint: Path
    base: Base
    report: ExportReport


@pytest.fixture(
    scope="module",
    params=[*((family, "int8") for family in FAMILIES), *((family, "int4") for family in INT4)],
    ids="-".join,
)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    family, precision = request.param
    folder = tmp_path_factory.mktemp(family)
    checkpoint = make_checkpoint(family, folder / "checkpoint")
    pooling = "pooler" if family in POOLERS else None
    report = export(str(checkpoint), folder / "base", ExportOptions(precision, pooling, offline=True))
    return Exported(family, checkpoint, Base.open(folder / "base"), report)


def test_a_base_agrees_with_torch_keeps_rows_apart_and_honours_every_bias(exported: Exported) -> None:
    assert exported.report.row_error == 0
    assert exported.report.branches == ((1,) if exported.family == "albert" else (1, 2))  # whose layers share theirs
    assert exported.report.parity_error < FURTHEST[exported.report.precision]
    Engine(exported.base, self_test="full")


def test_the_report_says_what_entities_and_answers_can_reach(exported: Exported) -> None:
    assert exported.report.entities_lost == ("アン",)  # one unknown token with what follows
    assert dict(exported.report.rows())["entities, answers"] == (
        "tokens tell them apart up to F1 0.97, exact match 0.97: some are made of more than アン; "
        "other tasks do not mind"
    )
    whole = replace(exported.report, entities_lost=())
    assert dict(whole.rows())["entities, answers"] == "tokens tell them apart"


def test_every_layer_is_quantized_with_a_bias_that_is_an_input_and_answers_as_before_it_had_one(
    exported: Exported,
) -> None:
    model = AutoModel.from_pretrained(exported.checkpoint).eval()
    tokens = {"input_ids": torch.tensor([[2, 5, 9, 3]]), "attention_mask": torch.ones(1, 4, dtype=torch.long)}
    before = model(**tokens).last_hidden_state
    add_missing_biases(model)
    assert torch.equal(model(**tokens).last_hidden_state, before)
    biases = {n for n, _ in model.named_parameters() if n.endswith(".bias")}
    linear = {n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    assert {f"{name}.bias" for name in linear} <= biases
    dtypes = {w.dtype for w in exported.base.manifest.weights if w.name.removesuffix(".weight") in linear}
    assert dtypes == {exported.report.precision}
    if exported.base.manifest.pooling != "pooler":
        biases = {name for name in biases if not name.startswith("pooler.")}
    assert {spec.name for spec in exported.base.manifest.biases} == biases
    assert all(spec.term for spec in exported.base.manifest.biases)


def test_only_redundant_and_foldable_terms_are_left_out_of_packs(exported: Exported) -> None:
    manifest = exported.base.manifest
    assert manifest.redundant_terms == (() if exported.family in ROTARY_OR_RELATIVE else ("k",))
    assert manifest.foldable_terms == ({} if exported.family in NOTHING_TO_FOLD else {"v": "m1"})


def test_a_step_moves_every_bias_and_the_engine_answers_as_torch_does_with_the_pack(
    exported: Exported, tmp_path: Path
) -> None:
    base = exported.base
    options = TrainOptions(max_steps=2, learning_rate=0.05, encoding="float32")  # the first one warms up
    train(base, EXAMPLES, EXAMPLES, tmp_path / "pack", options)
    pack = read_pack(tmp_path / "pack")
    tensors = pack.decode(base.manifest, base.default_biases)
    left_out = {*base.manifest.redundant_terms, *base.manifest.foldable_terms}
    for spec in base.manifest.biases:
        moved = not np.array_equal(
            tensors.get(spec.name, base.default_biases[spec.name]), base.default_biases[spec.name]
        )
        assert moved == (spec.term not in left_out), spec.name
    kind = TRAINABLE_TASKS["classification"](EXAMPLES)
    model = BitfitModel(rebuild_encoder(base), base.manifest, kind, [spec.name for spec in base.manifest.biases]).eval()
    model.load_tensors(tensors)
    engine = Engine(base, threads=1)
    engine.install("task", pack)
    encoded = Tokenizer.from_file(base.tokenizer_path).tokenize(
        [(e.text, None) for e in EXAMPLES], [64] * len(EXAMPLES)
    )
    tokens = collate(encoded, base.manifest.inputs, base.manifest.pad_token_id)
    with torch.no_grad():
        expected = model(**{name: torch.from_numpy(array) for name, array in tokens.items()})["logits"].numpy()
    found = np.stack(engine.logits([e.text for e in EXAMPLES], task="task"))
    bare = np.stack(engine.embed([e.text for e in EXAMPLES])) @ tensors["head.weight"] + tensors["head.bias"]
    assert np.linalg.norm(found - expected) < 0.1 * np.linalg.norm(bare - expected)  # the pack does it, not the head


def test_rows_with_moves_of_their_own_answer_in_torch_as_each_does_alone(exported: Exported) -> None:
    manifest, encoder = exported.base.manifest, rebuild_encoder(exported.base).eval()
    rows = RowBiases(encoder, manifest)
    moves = 0.1 * torch.randn(2, manifest.bias_parameters, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[2, 5, 9, 3], [2, 8, 7, 3]])
    tokens = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if exported.family == "deberta-v2":  # its positions are projected once for all rows
        with pytest.raises(TrainingError, match="one by one"):
            rows.encode(moves, tokens)
        return
    with torch.no_grad():
        together = rows.encode(moves, tokens).last_hidden_state
        pieces = dict(
            zip([s.name for s in manifest.biases], moves[1].split([s.size for s in manifest.biases]), strict=True)
        )
        for name, parameter in encoder.named_parameters():
            if name in pieces:
                parameter.add_(pieces[name])
        alone = encoder(**{name: array[1:] for name, array in tokens.items()}).last_hidden_state
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-4)


def test_a_session_leaves_no_product_of_constants_and_nothing_to_unpack_to_every_run(
    exported: Exported, tmp_path: Path
) -> None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    open_session(exported.base.model_path, options=options)
    graph = ir.load(tmp_path / "optimized.onnx").graph
    fixed = {name for name, value in graph.initializers.items() if not value.is_graph_input()}
    idle = [node.op_type for node in graph if {value.name for value in node.inputs if value is not None} <= fixed]
    assert not [op_type for op_type in idle if "MatMul" in op_type or "Conv" in op_type]
    if exported.family == "deberta-v2":  # were the bias added first, the positions' products would not be constant
        users = [node.op_type for node in graph if "encoder.LayerNorm.bias" in {v.name for v in node.inputs if v}]
        assert users
        assert "Add" not in users


def test_every_base_answers_where_x86_has_to_take_exact_products(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [example.text for example in EXAMPLES]
    expected = Engine(exported.base, threads=1).embed(texts)
    monkeypatch.setattr(session_module, "products_saturate", lambda: True)
    found = Engine(exported.base, threads=1).embed(texts)
    assert np.linalg.norm(found - expected) <= 0.05 * np.linalg.norm(expected)


def test_tests_cover_every_family_but_one_that_is_another_by_name() -> None:
    assert KNOWN.keys() - FAMILIES.keys() == {"xlm-roberta"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (transformers.DebertaConfig(**COMMON), "not biases of linear layers"),
        (transformers.LongformerConfig(**COMMON), "cannot be captured for any length"),
        (transformers.BigBirdConfig(**COMMON), "cannot be captured for any length"),
        (transformers.DebertaV2Config(**COMMON, conv_kernel_size=3), "convolution"),
        (transformers.DebertaV2Config(**COMMON, relative_attention=False), "relative positions"),
        (transformers.T5Config(), "supported types: bert, "),
    ],
)
def test_an_encoder_that_cannot_be_exported_is_refused_with_the_reason(
    config: transformers.PreTrainedConfig, message: str, tmp_path: Path
) -> None:
    config.save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ArchitectureError, match=message):
        export(str(tmp_path), tmp_path / "base", ExportOptions(offline=True))


def test_an_engine_shares_layers_among_rows_to_the_bit(exported: Exported) -> None:
    saved = [check_random_call(exported.base, seed) for seed in range(4)]
    assert max(saved) > 0
