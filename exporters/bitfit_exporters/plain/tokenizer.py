"""The tokenizer's files as the hub has them: which special tokens there are, and where texts are cut."""

import json
from pathlib import Path
from typing import Any, Final

from bitfit_runtime import Base
from bitfit_runtime.formats.schema import TOKENIZER_FILE

SETTINGS_FILE: Final = "tokenizer_config.json"
SPECIAL_FILE: Final = "special_tokens_map.json"
MASKS: Final = ("[MASK]", "<mask>")


def write_tokenizer(base: Base, max_length: int, folder: Path) -> None:
    """Write tokenizer.json as it is, and the two files beside it. Raises OSError."""
    text = base.tokenizer_path.read_text(encoding="utf-8")
    special = special_tokens(json.loads(text), base.manifest.pad_token_id)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",  # which takes tokenizer.json as it is, whatever the family
        "model_input_names": list(base.manifest.inputs),
        "model_max_length": max_length,
        "padding_side": "right",
        "truncation_side": "right",
        "clean_up_tokenization_spaces": False,
    }
    (folder / TOKENIZER_FILE).write_text(text, encoding="utf-8")
    write_json(folder / SETTINGS_FILE, settings | special)
    write_json(folder / SPECIAL_FILE, special)


def special_tokens(document: dict[str, Any], pad_token_id: int) -> dict[str, str]:
    """Return the special tokens by the names that transformers gives them, as far as the file tells."""
    by_id = {token["id"]: token["content"] for token in document.get("added_tokens") or ()}
    vocabulary = document["model"].get("vocab") or {}
    if isinstance(vocabulary, dict):
        by_id |= {index: token for token, index in vocabulary.items() if index == pad_token_id}
    around = _around(document.get("post_processor") or {})
    found = {
        "pad_token": by_id.get(pad_token_id),
        "unk_token": document["model"].get("unk_token"),
        "cls_token": around[0] if around else None,
        "sep_token": around[-1] if around else None,
        "mask_token": next((token for token in by_id.values() if token in MASKS), None),
    }
    return {name: token for name, token in found.items() if token is not None}


def write_json(path: Path, document: Any) -> None:
    """Write a document. Raises OSError."""
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _around(processor: dict[str, Any]) -> list[str]:
    """Return the special tokens around one text."""
    if "cls" in processor and "sep" in processor:
        return [processor["cls"][0], processor["sep"][0]]
    parts = processor.get("single") or ()
    return [part["SpecialToken"]["id"] for part in parts if isinstance(part, dict) and "SpecialToken" in part]
