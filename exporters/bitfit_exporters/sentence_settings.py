"""What a folder of sentence-transformers says about the use of its model: pooling, maximum length, further modules."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitfit_exporters.errors import CheckpointError
from bitfit_exporters.model_files import read_json, read_object
from bitfit_exporters.model_source import MODULES_FILE
from bitfit_runtime.formats.schema import CONFIG_FILE

_POOLINGS = {"mean": "mean", "mean_tokens": "mean", "cls": "cls", "cls_token": "cls"}
_LEFT_OUT = {
    "Normalize": "vectors are not scaled to length 1, as sentence-transformers does with this model",
    "Dense": "the layer Dense behind the pooling is left out: vectors are those before it",
    "LayerNorm": "the layer LayerNorm behind the pooling is left out: vectors are those before it",
    "Dropout": "",  # which does nothing in use
}


@dataclass(frozen=True, slots=True)
class SentenceSettings:
    """What is taken over where the options do not say otherwise, and in `notes` what cannot be."""

    pooling: str | None = None
    max_length: int | None = None
    notes: tuple[str, ...] = ()


def read_sentence_settings(folder: Path) -> SentenceSettings:
    """Read `modules.json` and what belongs to it; the settings are empty where there is none.

    The folder of the encoder may be a module's own, below that of `modules.json`. Raises CheckpointError on files that
    are malformed.
    """
    top = folder if (folder / MODULES_FILE).is_file() else folder.parent
    path = top / MODULES_FILE
    if not path.is_file():
        return SentenceSettings()
    modules = _modules(path)
    if top != folder and top / modules[0][1] != folder:  # modules of another model
        return SentenceSettings()
    pooling, notes = None, []
    for kind, where in modules[1:]:
        if kind == "Pooling":
            pooling, said = _pooling(top / where / CONFIG_FILE)
        else:
            said = _LEFT_OUT.get(kind, f"the module {kind} of sentence-transformers is left out")
        notes.append(said)
    max_length, said = _encoder(folder / "sentence_bert_config.json")
    notes += [said, *_prompts(top / "config_sentence_transformers.json")]
    return SentenceSettings(pooling, max_length, tuple(note for note in notes if note))


def _modules(path: Path) -> list[tuple[str, str]]:
    """Return the last part of each module's type, and its folder."""
    document = read_json(path)
    entries = document if isinstance(document, list) else []
    found = [
        (str(entry.get("type", "")).rpartition(".")[2], entry.get("path", ""))
        for entry in entries
        if isinstance(entry, Mapping)
    ]
    if not found or len(found) != len(entries) or not all(isinstance(where, str) for _, where in found):
        raise CheckpointError(f"{path} should be a list of modules with type and path; download it again")
    if found[0][0] != "Transformer":
        raise CheckpointError(
            f"{path} begins with a module {found[0][0] or '(none)'}, expected Transformer: it is no text encoder"
        )
    for kind, where in found:
        if "\0" in where or ".." in Path(where).parts or Path(where).is_absolute():
            raise CheckpointError(
                f"{path} names {where!r}, which is no folder beside it, for {kind}; download it again"
            )
    return found


def _pooling(path: Path) -> tuple[str | None, str]:
    raw = read_object(path)
    flags = [name for name, value in raw.items() if name.startswith("pooling_mode_") and value is True]
    modes = [name.removeprefix("pooling_mode_") for name in flags]
    given = raw.get("pooling_mode")
    modes = [given] if isinstance(given, str) else [str(one) for one in given] if isinstance(given, list) else modes
    if len(modes) == 1 and modes[0] in _POOLINGS:
        return _POOLINGS[modes[0]], ""
    if modes == ["mean_sqrt_len_tokens"]:
        return (
            "mean",
            "vectors are not scaled by the root of the length, as sentence-transformers does (same direction)",
        )
    said = " and ".join(modes) or "nothing that is known"
    return None, f"sentence-transformers pools this model by {said}, which a base cannot"


def _encoder(path: Path) -> tuple[int | None, str]:
    raw: Mapping[str, Any] = read_object(path) if path.is_file() else {}
    length = raw.get("max_seq_length")
    if length is not None and (isinstance(length, bool) or not isinstance(length, int) or length < 1):
        raise CheckpointError(f"{path}: max_seq_length should be a positive whole number, found {length!r}")
    note = "texts are not made lower case first, as sentence-transformers does with this model (do_lower_case)"
    return length, note if raw.get("do_lower_case") is True else ""


def _prompts(path: Path) -> list[str]:
    raw: Mapping[str, Any] = read_object(path) if path.is_file() else {}
    prompts = raw.get("prompts")
    names = [str(name) for name, text in prompts.items() if text] if isinstance(prompts, Mapping) else []
    default = raw.get("default_prompt_name")
    if default is not None:
        return [f"sentence-transformers puts its prompt {default!r} before every text; put it there yourself"]
    return [f"the model has prompts ({', '.join(names)}); put them before the texts yourself"] if names else []
