import json
import math
import shutil
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch
from transformers import AutoModel, GPT2Config, GPT2Model

import bitfit_exporters.pipeline as pipeline
from bitfit_exporters import ExportError, ExportOptions, ExportReport, export, read_parameters
from bitfit_exporters.errors import (
    ArchitectureError,
    CheckpointError,
    ModelUnavailableError,
    OutputError,
    UnknownModelError,
    VerificationError,
)
from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base, Engine
from bitfit_runtime.errors import BaseFormatError
from bitfit_runtime.formats import file_digest
from bitfit_runtime.graph import ATTENTION_MASK, HEAD_BIAS, HEAD_WEIGHT, LOGITS, TOKEN_LOGITS, TOKENS_READ
from bitfit_runtime.session import open_session
from bitfit_runtime.tokenizer import Tokenizer, collate
from support.checkpoints import VOCABULARY

OFFLINE = ExportOptions(offline=True)


def test_a_float_base_agrees_with_torch_to_rounding(checkpoint: Path, tmp_path: Path) -> None:
    report = export(str(checkpoint), tmp_path / "base", ExportOptions(precision="fp32", offline=True))
    assert report.parity_error < 1e-5


def test_an_int4_base_takes_four_and_a_quarter_bits_a_weight_and_a_scale_a_row(
    checkpoint: Path, tmp_path: Path
) -> None:
    export(str(checkpoint), tmp_path / "base", ExportOptions(precision="int4", offline=True))
    base = Base.open(tmp_path / "base")
    initializers = ir.load(base.model_path).graph.initializers
    coded = [spec for spec in base.manifest.weights if spec.dtype == "int4"]
    values = [initializers[spec.name + part].const_value for spec in coded for part in ("", ".multiplier", ".scale")]
    expected = sum(math.prod(spec.shape) * 4.25 / 8 + 4 * spec.shape[0] for spec in coded)
    assert sum(value.nbytes for value in values if value is not None) == expected
    assert {spec.name for spec in base.manifest.weights if len(spec.shape) == 2} - {spec.name for spec in coded} == {
        "embeddings.word_embeddings.weight",  # tables of so few rows stay as they are
        "embeddings.position_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
    }


def test_a_base_holds_the_files_that_its_manifest_lists_and_no_others(base: Base) -> None:
    assert {path.name for path in base.folder.iterdir()} == {*base.manifest.files, "bitfit.json", "README.md"}


@pytest.mark.parametrize("rows", [1, 2])
def test_token_logits_are_given_of_as_many_tokens_as_are_read(base: Base, rows: int) -> None:
    session, manifest = open_session(base.model_path, 1), base.manifest
    asked = [("a text of words", None), ("a text", None)]
    texts = Tokenizer.from_file(base.tokenizer_path).tokenize(asked, [manifest.max_length] * len(asked))
    draw = np.random.default_rng(0)
    head = {
        HEAD_WEIGHT: draw.standard_normal((rows, manifest.hidden_size, 3)).astype(np.float32),
        HEAD_BIAS: draw.standard_normal((rows, 1, 3)).astype(np.float32),
    }
    feeds = {**collate(texts, manifest.inputs, manifest.pad_token_id), **head}
    logits, every = session.run([LOGITS, TOKEN_LOGITS], feeds)
    for tokens in (0, 1, every.shape[1], 1 << 40):
        found = session.run([LOGITS, TOKEN_LOGITS], {**feeds, TOKENS_READ: np.array([tokens])})
        np.testing.assert_array_equal(found[0], logits)
        np.testing.assert_array_equal(found[1], every[:, :tokens])


def test_two_exports_of_one_checkpoint_are_the_same_base(checkpoint: Path, base: Base, tmp_path: Path) -> None:
    export(checkpoint, str(tmp_path / "again"))
    assert Base.open(tmp_path / "again").manifest == base.manifest
    export(str(checkpoint), tmp_path / "named", ExportOptions(offline=True, name="other"))
    named = Base.open(tmp_path / "named").manifest
    assert (named.name, named.digest) == ("other", base.manifest.digest)


def test_the_rebuilt_model_is_float32_whatever_the_config_says_the_checkpoint_was(base: Base, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(base.folder, tmp_path / "base"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}))
    manifest = json.loads((folder / "bitfit.json").read_text())
    manifest["files"]["config.json"] = file_digest(folder / "config.json")
    (folder / "bitfit.json").write_text(json.dumps(manifest))
    assert {parameter.dtype for parameter in rebuild_encoder(Base.open(folder)).parameters()} == {torch.float32}


def test_the_model_rebuilt_from_a_base_is_the_checkpoint_but_for_quantization(checkpoint: Path, base: Base) -> None:
    original = dict(AutoModel.from_pretrained(checkpoint).named_parameters())
    for name, values in read_parameters(base).items():
        expected = original[name].detach().numpy()
        if values.ndim == 1:
            np.testing.assert_array_equal(values, expected)
        else:
            np.testing.assert_allclose(values, expected, atol=np.abs(expected).max() / 200)
    encoder = rebuild_encoder(base).eval()
    encoded = Tokenizer.from_file(base.tokenizer_path).tokenize([("some words", None), ("a", "b")], [32, 32])
    tokens = collate(encoded, base.manifest.inputs, base.manifest.pad_token_id)
    with torch.no_grad():
        output = encoder(**{name: torch.from_numpy(array) for name, array in tokens.items()})
    hidden = Engine(base).hidden_states(["some words"])[0]
    np.testing.assert_allclose(hidden, output.last_hidden_state[0, : tokens[ATTENTION_MASK][0].sum()], atol=0.1)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_no_check_would_meet_is_refused_when_it_is_not_finite(
    checkpoint: Path, tmp_path: Path, value: float
) -> None:
    model = AutoModel.from_pretrained(checkpoint)
    with torch.no_grad():  # a token of no text that the checks hold
        model.embeddings.word_embeddings.weight[VOCABULARY.index("z")] = value
    broken = Path(shutil.copytree(checkpoint, tmp_path / "broken"))
    model.save_pretrained(broken)
    with pytest.raises(CheckpointError, match=r"word_embeddings\.weight holds a value that is not finite"):
        export(str(broken), tmp_path / "out", OFFLINE)


@pytest.mark.parametrize(
    ("change", "message"), [({"scheme": "int4"}, r"no initializer .*\.multiplier"), ({"shape": [3, 5]}, "shape")]
)
def test_a_graph_that_is_not_what_its_manifest_says_is_refused(
    base: Base, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    folder = Path(shutil.copytree(base.folder, tmp_path / "base"))
    document = json.loads((folder / "bitfit.json").read_text())
    coded = next(weight for weight in document["weights"] if weight["scheme"] == "int8")
    coded.update(change)
    (folder / "bitfit.json").write_text(json.dumps(document))
    with pytest.raises(BaseFormatError, match=message):
        read_parameters(Base.open(folder))


def test_unknown_names_folders_and_architectures_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    gpt = tmp_path / "gpt"
    GPT2Model(GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=50)).save_pretrained(gpt)
    for model, error in (
        ("bert-bse", UnknownModelError),
        ("a/b/c", UnknownModelError),
        ("nobody/nothing", ModelUnavailableError),
        (str(tmp_path / "empty"), CheckpointError),
        (str(tmp_path / "file"), CheckpointError),
        (str(gpt), ArchitectureError),
    ):
        with pytest.raises(error):
            export(model, tmp_path / "out", OFFLINE)
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_with_missing_weights_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = Path(shutil.copytree(checkpoint, tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        export(str(broken), tmp_path / "out", OFFLINE)
    weights = {
        name: array for name, array in load_file(checkpoint / "model.safetensors").items() if "pooler" not in name
    }
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"pooler\.dense\.bias"):
        export(str(broken), tmp_path / "out", ExportOptions(offline=True, pooling="pooler"))
    (broken / "model.safetensors").write_bytes(b"torn")
    with pytest.raises((CheckpointError, ModelUnavailableError)):
        export(str(broken), tmp_path / "out", OFFLINE)


@pytest.mark.parametrize("error", [VerificationError("found wrong"), OSError(28, "No space left"), KeyboardInterrupt()])
def test_a_failed_export_leaves_the_earlier_base_and_nothing_else(
    checkpoint: Path, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    output = Path(shutil.copytree(base.folder, tmp_path / "base"))

    def fail(*arguments: object) -> ExportReport:
        raise error

    monkeypatch.setattr(pipeline, "verify", fail)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ExportError):
        export(str(checkpoint), output, OFFLINE)
    assert [path.name for path in tmp_path.iterdir()] == ["base"]
    Base.open(output).verify()


def test_a_folder_that_is_not_a_base_is_never_replaced(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(OutputError, match="is not a base"):
        export(str(checkpoint), tmp_path, OFFLINE)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_what_a_killed_export_left_behind_is_cleared_by_the_next(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / ".base.partial-dead").mkdir()
    export(str(checkpoint), tmp_path / "base", OFFLINE)
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


@pytest.mark.parametrize(
    "options", [ExportOptions(precision="int3"), ExportOptions(pooling="max"), ExportOptions(max_length=2)]
)
def test_unknown_options_are_refused(checkpoint: Path, tmp_path: Path, options: ExportOptions) -> None:
    with pytest.raises(ExportError):
        export(str(checkpoint), tmp_path / "out", options)
