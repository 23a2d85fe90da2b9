"""A pack as PEFT reads it, against the engine; and back again."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from peft import PeftModel

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Base, Engine, write_pack
from bitfit_toolkit.convert import from_peft, to_peft
from bitfit_toolkit.convert.packing import Naming
from bitfit_toolkit.errors import ConversionError
from support.command_line import bitfit
from support.packs import random_pack

pytestmark = pytest.mark.filterwarnings("ignore")  # of peft and transformers about each other
TEXTS = ["aaa zz", "quick, brown.", "hello you"]


@pytest.fixture(scope="module")
def pooled(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("pooled") / "base"
    export(str(checkpoint), folder, ExportOptions(offline=True, pooling="pooler", precision="fp32"))
    return Base.open(folder)


def test_peft_answers_as_the_engine_and_the_adapter_comes_back(
    pooled: Base, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, engine = pooled, Engine(pooled, threads=1)
    pack = random_pack(base, labels=3)
    engine.install("t", pack)
    file = write_pack(pack, tmp_path / "p.safetensors")
    to = ("convert", "--to", "peft", "--base", base.folder, "--pack", file, "--output", tmp_path / "adapter")
    assert bitfit(*to, capsys=capsys)[0] == 0
    kind = transformers.AutoModelForSequenceClassification
    model = PeftModel.from_pretrained(kind.from_pretrained(checkpoint, num_labels=3), tmp_path / "adapter").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    for text in TEXTS:
        with torch.no_grad():
            expected = model(**tokenizer(text, return_tensors="pt")).logits[0].numpy()
        assert np.abs(engine.logits([text], "t")[0] - expected).max() < 1e-3

    back = ("convert", "--from", "peft", "--base", base.folder, "--adapter", tmp_path / "adapter", "--labels", "a,b,c")
    code, _, err = bitfit(*back, "--output", tmp_path / "q.safetensors", "--source", checkpoint, capsys=capsys)
    assert code == 0, err
    engine.install("back", tmp_path / "q.safetensors")
    for text in TEXTS:
        assert np.abs(engine.logits([text], "t")[0] - engine.logits([text], "back")[0]).max() < 1e-3


def test_that_an_adapter_holds_no_task_type_is_said_on_both_ways(
    pooled: Base, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = to_peft(random_pack(pooled, labels=3, task_type="multi-label"), pooled, tmp_path / "adapter")
    assert any('problem_type="multi_label_classification"' in note for note in written.notes)
    back = ("convert", "--from", "peft", "--base", pooled.folder, "--adapter", tmp_path / "adapter")
    code, _, err = bitfit(*back, "--output", tmp_path / "q.safetensors", "--source", checkpoint, capsys=capsys)
    assert code == 0 and "taken as classification; give --type multi-label" in err


def test_a_head_that_transformers_lacks_is_left_out_or_refused(base: Base, tmp_path: Path) -> None:
    written = to_peft(random_pack(base), base, tmp_path / "a")
    assert written.task_type == "FEATURE_EXTRACTION" and "the head is left out" in written.notes[0]
    with pytest.raises(ConversionError, match="a head that PEFT cannot hold"):
        to_peft(random_pack(base, terms=()), base, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_wrong_calls_are_one_line(base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ("convert", "--base", base.folder, "--output", tmp_path / "x")
    for arguments, code in (
        (("--from", "peft"), 2),
        (("--to", "peft"), 2),
        (("--from", "peft", "--adapter", tmp_path), 8),
        (("--from", "setfit", "--adapter", tmp_path), 8),
        (("--from", "sklearn", "--adapter", tmp_path / "none"), 8),
        (("--from", "peft", "--adapter", tmp_path, "--encoding", "int1"), 8),
    ):
        found, _, err = bitfit(*common, *arguments, capsys=capsys)
        assert found == code and err.splitlines()[-1].startswith("error: "), err
    with pytest.raises(ConversionError, match="one of"):
        Naming(task_type="nothing")
    with pytest.raises(ConversionError, match="neither"):
        from_peft(tmp_path, base)
