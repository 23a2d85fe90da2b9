"""config.json, and the files of sentence-transformers for embeddings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bitfit_exporters.plain.tokenizer import write_json
from bitfit_runtime import Base, Pack
from bitfit_runtime.formats.schema import CONFIG_FILE

# The end of the class's name in transformers, and the kind of problem that its models are told.
HEADS: Final[Mapping[str, tuple[str, str | None]]] = {
    "classification": ("ForSequenceClassification", "single_label_classification"),
    "multi-label": ("ForSequenceClassification", "multi_label_classification"),
    "regression": ("ForSequenceClassification", "regression"),
    "token-classification": ("ForTokenClassification", None),
    "span": ("ForQuestionAnswering", None),
    "embedding": ("Model", None),
}
POOLINGS: Final[Mapping[str, str]] = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}


def write_config(base: Base, pack: Pack, folder: Path) -> None:
    """Write config.json: the encoder's, with the labels of the task. Raises OSError."""
    info, config = pack.info, json.loads((base.folder / CONFIG_FILE).read_text(encoding="utf-8"))
    head, problem = HEADS[info.task_type]
    family = str((config.get("architectures") or ["Bert"])[0])
    stem = family.removesuffix("Model").partition("For")[0]
    config["architectures"] = [stem + head]
    if info.labels and info.task_type != "span":
        config["id2label"] = {str(index): label for index, label in enumerate(info.labels)}
        config["label2id"] = {label: index for index, label in enumerate(info.labels)}
    if problem is not None:
        config["problem_type"] = problem
    config["bitfit"] = {"base": base.manifest.digest, "task": info.task, "task_type": info.task_type}
    write_json(folder / CONFIG_FILE, config)


def write_sentence_files(base: Base, pack: Pack, folder: Path) -> None:
    """Write what sentence-transformers reads of a model of embeddings. Raises OSError."""
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    write_json(
        folder / "modules.json",
        [
            {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for index, (path, kind) in enumerate(modules)
        ],
    )
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": pack.info.max_length, "do_lower_case": False})
    write_json(folder / "config_sentence_transformers.json", {"similarity_fn_name": "cosine", "prompts": {}})
    pooling: dict[str, Any] = {"word_embedding_dimension": base.manifest.hidden_size}
    pooling |= {mode: name == base.manifest.pooling for name, mode in POOLINGS.items()}
    (folder / "1_Pooling").mkdir()
    write_json(folder / "1_Pooling" / CONFIG_FILE, pooling)
