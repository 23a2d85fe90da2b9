"""Model names: from a short name, a hub name or a folder to the folder that holds the model's files."""

import difflib
import json
import os
import re
from pathlib import Path
from typing import Any

from transformers.utils import cached_file

from bitfit_exporters.errors import CheckpointError, ExportError, ModelUnavailableError, UnknownModelError
from bitfit_exporters.options import ExportOptions
from bitfit_runtime.errors import first_line
from bitfit_runtime.formats.schema import CONFIG_FILE
from bitfit_runtime.hub import quiet_hub

SHORT_NAMES = {
    "albert-base": "albert/albert-base-v2",
    "bert-base": "google-bert/bert-base-uncased",
    "bert-base-cased": "google-bert/bert-base-cased",
    "bert-large": "google-bert/bert-large-uncased",
    "bert-multilingual": "google-bert/bert-base-multilingual-cased",
    "camembert-base": "almanach/camembert-base",
    "deberta-v3-base": "microsoft/deberta-v3-base",
    "deberta-v3-small": "microsoft/deberta-v3-small",
    "distilbert-base": "distilbert/distilbert-base-uncased",
    "electra-base": "google/electra-base-discriminator",
    "electra-small": "google/electra-small-discriminator",
    "minilm": "sentence-transformers/all-MiniLM-L6-v2",
    "mobilebert": "google/mobilebert-uncased",
    "modernbert-base": "answerdotai/ModernBERT-base",
    "mpnet": "sentence-transformers/all-mpnet-base-v2",
    "roberta-base": "FacebookAI/roberta-base",
    "roberta-large": "FacebookAI/roberta-large",
    "xlm-roberta-base": "FacebookAI/xlm-roberta-base",
}
HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
MODULES_FILE = "modules.json"
# In the order in which transformers prefers them; an index names the files that hold the weights.
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
VOCABULARIES = (
    *("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"),
    *("spiece.model", "sentencepiece.bpe.model", "spm.model", "tokenizer.model"),
)
BESIDE = (
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("README.md", MODULES_FILE, "sentence_bert_config.json", "config_sentence_transformers.json"),
)


def model_folder(name: str, options: ExportOptions) -> Path:
    """Return the folder that holds the files of a model by short name, hub name or folder.

    Files of a hub are fetched into the local cache first. Raises UnknownModelError, ModelUnavailableError or
    CheckpointError, ExportError for a revision of a folder.
    """
    source = resolve(name)
    folder = Path(source)
    if not folder.is_absolute():
        return _fetch(name, source, options)
    check_revision(folder, options)
    return folder


def check_revision(path: Path, options: ExportOptions) -> None:
    """Refuse a revision of what lies at `path`: only the hub has several. Raises ExportError."""
    if options.revision is not None:
        raise ExportError(
            f"`revision` is for a model of the hub, and {path} is on this machine; leave it out, or give a hub name "
            "that no folder has"
        )


def base_name(name: str) -> str:
    """Return what a base of this model is called: the last part of its hub name or folder."""
    return Path(os.path.realpath(_expanded(SHORT_NAMES.get(name, name)))).name


def _expanded(name: str) -> Path:
    """Return a path whose `~` is a home folder. One of a user that does not exist stays, and is told of as a path."""
    return Path(os.path.expanduser(name))  # noqa: PTH111 (that of pathlib raises RuntimeError)


def resolve(name: str) -> str:
    """Return the absolute folder or the hub name that `name` stands for. Raises UnknownModelError, CheckpointError."""
    if name in SHORT_NAMES:
        return SHORT_NAMES[name]
    path = _expanded(name)
    if path.is_dir():
        return str(_encoder_folder(path.resolve(), name))
    if path.exists():
        raise CheckpointError(f"{name} is a file; give the folder that holds config.json and the weights")
    if name.startswith((".", "/", "~")) or "\\" in name or name.count("/") > 1 or path.is_absolute():
        raise UnknownModelError(f"there is no folder {name}; check the path, or give a hub name (owner/name)")
    if not HUB_NAME.fullmatch(name):
        raise UnknownModelError(
            f"{name} is neither a folder nor a hub name; known short names: {', '.join(SHORT_NAMES)}"
        )
    if "/" not in name:
        close = difflib.get_close_matches(name, SHORT_NAMES, 1)
        hint = f"did you mean {close[0]}?" if close else f"known short names: {', '.join(SHORT_NAMES)}"
        raise UnknownModelError(f"no model or folder is named {name}; {hint} (hub names have the form owner/name)")
    return name


def _encoder_folder(folder: Path, name: str) -> Path:
    """Return `folder`, or the folder in it that early versions of sentence-transformers gave the encoder."""
    if (folder / CONFIG_FILE).is_file():
        return folder
    inside = sorted(path for path in folder.glob("*_Transformer") if (path / CONFIG_FILE).is_file())
    if (folder / MODULES_FILE).is_file() and len(inside) == 1:
        return inside[0]
    raise CheckpointError(f"{name} is not a checkpoint: it has no config.json; give a folder that has one")


@quiet_hub
def _fetch(name: str, source: str, options: ExportOptions) -> Path:
    """Return the folder of the local cache that holds a hub's model, of one revision."""
    hub: dict[str, Any] = {"revision": options.revision, "local_files_only": options.offline}

    def find(file: str) -> str | None:
        found: str | None = cached_file(source, file, _raise_exceptions_for_missing_entries=False, **hub)
        return found

    try:
        folder = Path(str(cached_file(source, CONFIG_FILE, **hub))).parent
        hub["revision"] = folder.name  # what was pushed meanwhile is another model
        weights = next((path for path in map(find, WEIGHTS) if path is not None), "")
        for file in (*(_listed(weights) if weights.endswith(".index.json") else ()), *VOCABULARIES, *BESIDE):
            find(file)
        if (folder / MODULES_FILE).is_file():
            for module in _modules(folder):
                find(f"{module}/{CONFIG_FILE}")
    except Exception as error:  # the hub's, the network's and the cache's errors share no base class
        advice = "run once without `offline`" if options.offline else "check the name and the network"
        whose = name if name == source else f"{name} ({source})"
        raise ModelUnavailableError(
            f"{whose} is not available ({first_line(error).rstrip('.')}), and there is no folder of that name; "
            f"{advice}, or give a folder"
        ) from None
    return folder


def _listed(index: str) -> list[str]:
    """Return the names of the files that an index of weights lists; what is wrong with it is found when it is read."""
    try:
        return sorted(set(map(str, json.loads(Path(index).read_bytes())["weight_map"].values())))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return []


def _modules(folder: Path) -> list[str]:
    try:
        return [str(module["path"]) for module in json.loads((folder / MODULES_FILE).read_bytes()) if module["path"]]
    except (ValueError, TypeError, LookupError, RecursionError):
        return []
