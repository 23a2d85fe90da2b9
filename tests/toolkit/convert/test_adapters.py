"""Biases that PEFT and plain torch trained, against the original in torch."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from peft import BeftConfig, IA3Config, LNTuningConfig, LoraConfig, get_peft_model

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Base, BitfitError, Engine
from bitfit_toolkit.convert import from_peft
from bitfit_toolkit.convert.packing import Naming
from bitfit_toolkit.errors import ConversionError

pytestmark = pytest.mark.filterwarnings("ignore")  # of peft and transformers about each other
TEXTS = ["aaa zz", "b", "quick, brown.", "z z z z z z aa", "hello you"]


@pytest.fixture(scope="module", params=["fp32", "int8"])
def pooled(request: pytest.FixtureRequest, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("pooled") / "base"
    options = ExportOptions(offline=True, pooling="pooler", precision=request.param)
    export(str(checkpoint), folder, options)
    return Base.open(folder)


def moved(model: torch.nn.Module, match: str = "bias") -> Any:
    """The model after its trainable biases moved, as training would move them."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and match in name and ("LayerNorm" not in name or name.endswith("bias")):
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


def torch_logits(model: torch.nn.Module, checkpoint: Path, text: str) -> Any:
    tokens = transformers.AutoTokenizer.from_pretrained(checkpoint)(text, return_tensors="pt")
    with torch.no_grad():
        return model(**tokens).logits[0].numpy()


def sequence_model(checkpoint: Path, labels: int = 3) -> Any:
    torch.manual_seed(0)
    kind = transformers.AutoModelForSequenceClassification
    return kind.from_pretrained(checkpoint, num_labels=labels)


def agrees(base: Base, pack: Any, model: torch.nn.Module, checkpoint: Path) -> None:
    engine = Engine(base, threads=1)
    engine.install("t", pack)
    limit = 1e-4 if base.manifest.precision == "fp32" else 0.15
    for text in TEXTS:
        expected = torch_logits(model, checkpoint, text)
        assert np.abs(engine.logits([text], "t")[0] - expected).max() < limit * max(1, np.abs(expected).max())


def test_a_bias_adapter_answers_as_in_torch(pooled: Base, checkpoint: Path, tmp_path: Path) -> None:
    every = ["query", "key", "value", "dense"]
    config = BeftConfig(target_modules=every, modules_to_save=["LayerNorm"], task_type="SEQ_CLS")
    model = moved(get_peft_model(sequence_model(checkpoint), config))
    model.save_pretrained(tmp_path)
    converted = from_peft(tmp_path, pooled, Naming("mood", ("x", "y", "z")))
    assert converted.pack.info.labels == ("x", "y", "z") and not converted.pack.info.metrics
    assert "v" not in converted.pack.info.terms  # folded where the base folds
    agrees(pooled, converted.pack, model, checkpoint)


def test_values_alone_stay_values_and_begin_where_they_changed(pooled: Base, checkpoint: Path, tmp_path: Path) -> None:
    config = BeftConfig(target_modules=r".*layer\.1\.attention\.self\.value", task_type="SEQ_CLS")
    model = moved(get_peft_model(sequence_model(checkpoint), config), "beft")
    model.save_pretrained(tmp_path)
    pack = from_peft(tmp_path, pooled).pack
    assert (pack.info.terms, pack.info.from_layer) == (("v",), 1)
    agrees(pooled, pack, model, checkpoint)


def tell(config: Path, problem: str) -> None:
    """Write a problem_type into a config.json."""
    config.write_text(json.dumps(json.loads(config.read_text()) | {"problem_type": problem}))


@pytest.mark.parametrize(("outputs", "taken"), [(3, "classification"), (1, "regression")])
def test_what_an_adapter_answers_is_told_by_its_model_or_doubted(
    outputs: int, taken: str, pooled: Base, checkpoint: Path, tmp_path: Path
) -> None:
    source = Path(shutil.copytree(checkpoint, tmp_path / checkpoint.name))
    config = BeftConfig(target_modules=["query"], task_type="SEQ_CLS")
    get_peft_model(sequence_model(source, outputs), config).save_pretrained(tmp_path / "adapter")
    found = from_peft(tmp_path / "adapter", pooled)
    assert found.pack.info.task_type == taken
    assert any(f"taken as {taken}; give `task_type` multi-label" in note for note in found.notes)
    sets = from_peft(tmp_path / "adapter", pooled, Naming(task_type="multi-label"))
    assert sets.pack.info.task_type == "multi-label" and not any("problem_type" in note for note in sets.notes)
    tell(source / "config.json", "multi_label_classification")
    found = from_peft(tmp_path / "adapter", pooled)
    assert found.pack.info.task_type == "multi-label" and any("that of its model" in note for note in found.notes)


def test_what_a_checkpoint_answers_is_told_or_doubted(pooled: Base, checkpoint: Path, tmp_path: Path) -> None:
    moved(sequence_model(checkpoint)).save_pretrained(tmp_path)
    assert any("taken as classification" in note for note in from_peft(tmp_path, pooled).notes)
    tell(tmp_path / "config.json", "single_label_classification")
    assert not any("taken as" in note for note in from_peft(tmp_path, pooled).notes)


def test_a_checkpoint_whose_biases_were_trained_is_a_pack(pooled: Base, checkpoint: Path, tmp_path: Path) -> None:
    model = moved(sequence_model(checkpoint))
    model.config.id2label = {0: "low", 1: "mid", 2: "high"}
    model.save_pretrained(tmp_path)
    pack = from_peft(tmp_path, pooled).pack
    assert pack.info.labels == ("low", "mid", "high")
    agrees(pooled, pack, model, checkpoint)
    with torch.no_grad():
        model.bert.encoder.layer[1].output.dense.weight.mul_(1.05).add_(1e-3)
    model.save_pretrained(tmp_path)
    with pytest.raises(ConversionError, match="differs from the base's"):
        from_peft(tmp_path, pooled)


def test_tags_and_vectors_are_converted(base: Base, checkpoint: Path, tmp_path: Path) -> None:
    model = transformers.AutoModelForTokenClassification.from_pretrained(checkpoint, num_labels=3)
    model = moved(get_peft_model(model, BeftConfig(target_modules=["value"], task_type="TOKEN_CLS")))
    model.save_pretrained(tmp_path / "tags")
    pack = from_peft(tmp_path / "tags", base, Naming(labels=("O", "B-X", "I-X"))).pack
    engine = Engine(base, threads=1)
    engine.install("t", pack)
    expected = torch_logits(model, checkpoint, TEXTS[3])
    assert (
        pack.info.task_type == "token-classification"
        and np.abs(engine.logits(TEXTS[3:4], "t")[0] - expected).max() < 0.2
    )
    model = transformers.AutoModel.from_pretrained(checkpoint)
    model = moved(get_peft_model(model, BeftConfig(target_modules=["value"], task_type="FEATURE_EXTRACTION")), "beft")
    model.save_pretrained(tmp_path / "vectors")
    assert from_peft(tmp_path / "vectors", base).pack.info.task_type == "embedding"


@pytest.mark.parametrize("wrapped", [False, True], ids=["checkpoint", "adapter"])
def test_a_pooler_that_the_base_does_not_use_is_passed_over(
    wrapped: bool, base: Base, checkpoint: Path, tmp_path: Path
) -> None:
    model = transformers.AutoModel.from_pretrained(checkpoint)
    if wrapped:  # deltas of the pooler too
        config = BeftConfig(target_modules=["value", "pooler.dense"], task_type="FEATURE_EXTRACTION")
        model = get_peft_model(model, config)
    moved(model, "bias" if wrapped else "value.bias").save_pretrained(tmp_path)
    pack = from_peft(tmp_path, base).pack
    assert (pack.info.task_type, pack.info.terms) == ("embedding", ("v",))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (LoraConfig(target_modules=["query"], bias="all", task_type="SEQ_CLS"), "mean nothing without its weights"),
        (LNTuningConfig(target_modules=["LayerNorm"], task_type="SEQ_CLS"), "weights of norms"),
        (IA3Config(target_modules=["query"], feedforward_modules=[], task_type="SEQ_CLS"), "scales activations"),
    ],
)
def test_other_adapters_are_refused(config: Any, reason: str, base: Base, checkpoint: Path, tmp_path: Path) -> None:
    get_peft_model(sequence_model(checkpoint), config).save_pretrained(tmp_path)
    with pytest.raises(ConversionError, match=reason):
        from_peft(tmp_path, base)


def test_what_does_not_fit_is_refused_in_a_line(pooled: Base, base: Base, checkpoint: Path, tmp_path: Path) -> None:
    config = BeftConfig(target_modules=["value"], task_type="SEQ_CLS")
    get_peft_model(sequence_model(checkpoint), config).save_pretrained(tmp_path)
    for given, naming, reason in (
        (base, Naming(), "reads the model's pooler"),
        (pooled, Naming(labels=("a", "b")), "found 2 labels"),
        (pooled, Naming(labels=("a", "b", "b")), "two labels are equal"),
        (pooled, Naming(task_type="span"), "can be classification"),
        (pooled, Naming(task_type="regression"), "found 1 labels"),
        (pooled, Naming(task="t" * 10_000), "at most"),
    ):
        with pytest.raises(BitfitError, match=reason):
            from_peft(tmp_path, given, naming)
    document = tmp_path / "adapter_config.json"
    document.write_text(document.read_text().replace(checkpoint.name, "elsewhere"))
    with pytest.raises(ConversionError, match="say with `source`"):
        from_peft(tmp_path, pooled)
    assert from_peft(tmp_path, pooled, source=checkpoint).pack.has_head
    (tmp_path / "adapter_model.safetensors").write_bytes(b"torn")
    with pytest.raises(ConversionError, match="cannot be read"):
        from_peft(tmp_path, pooled)
    with pytest.raises(ConversionError, match="neither"):
        from_peft(tmp_path / "nowhere", pooled)
