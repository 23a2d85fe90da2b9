"""Tokenizers of models: complete, fast, and all of whose tokens the encoder has."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tokenizers
from tokenizers.models import BPE
from transformers import AutoTokenizer

from bitfit_exporters.errors import CheckpointError
from bitfit_exporters.model_source import VOCABULARIES
from bitfit_exporters.tokenizer_files import COPY, SENTENCES, check_files, no_tokenizer
from bitfit_runtime.errors import first_line, is_panic
from bitfit_runtime.formats.schema import TOKENIZER_FILE
from bitfit_runtime.token_layout import Layout

SENTENCEPIECE: Final = (".model",)
MOST_UNKNOWN: Final = 0.5  # of the pieces of the check sentences
LEAST_CAPITALS: Final = 0.02  # of the words of a cased vocabulary
LEAST_TOKENS: Final = 0.75  # of the embedding's rows, some of which are there for round numbers
SMALL: Final = 1000  # tokens; smaller vocabularies are made by hand


@dataclass(frozen=True)
class LoadedTokenizer:
    """A fast tokenizer that neither pads nor cuts; the id of its padding token and its unknown ones, if it has any."""

    tokenizer: tokenizers.Tokenizer
    pad_token_id: int | None
    unknown_ids: frozenset[int]


def load_tokenizer(folder: Path) -> LoadedTokenizer:
    """Load the tokenizer in `folder`, and try it on `SENTENCES`.

    Raises CheckpointError when there is none, a file of it is malformed, a package is missing, it has no fast form, or
    most of the sentences' pieces are unknown to it.
    """
    check_files(folder)
    with _loading(folder):
        fast = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    backend = getattr(fast, "backend_tokenizer", None)
    if backend is None:
        raise CheckpointError(
            f"the tokenizer in {folder} is {type(fast).__name__}, Python code that cannot be saved as "
            f"{TOKENIZER_FILE}; choose a model that has a {TOKENIZER_FILE}"
        )
    with _loading(folder):
        tokenizer = tokenizers.Tokenizer.from_str(backend.to_str())
        tokenizer.no_padding()
        tokenizer.no_truncation()
        for pair in (False, True):
            Layout.of(tokenizer, pair)  # as a base's tokenizer is used
        loaded = LoadedTokenizer(tokenizer, fast.pad_token_id, _unknown_ids(fast, tokenizer))
        check_knows(folder, loaded)
    return loaded


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Raise what transformers and tokenizers raise, errors of many kinds and panics, as CheckpointError."""
    try:
        yield
    except CheckpointError:
        raise
    except ImportError as error:
        raise CheckpointError(_missing_package(folder, first_line(error))) from None
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        raise CheckpointError(_not_loaded(folder, error)) from None


def check_knows(folder: Path, loaded: LoadedTokenizer) -> None:
    """Refuse a tokenizer that knows no words, or not those of `SENTENCES`. Raises CheckpointError."""
    special = {token.content for token in loaded.tokenizer.get_added_tokens_decoder().values()}
    if not set(loaded.tokenizer.get_vocab(with_added_tokens=False)) - special:
        raise CheckpointError(f"{no_tokenizer(folder)}: what there is knows no word but special tokens; {COPY}")
    _check_case(folder, loaded.tokenizer)
    pieces = [
        piece for one in loaded.tokenizer.encode_batch(list(SENTENCES), add_special_tokens=False) for piece in one.ids
    ]
    unknown = sum(piece in loaded.unknown_ids for piece in pieces)
    if unknown > MOST_UNKNOWN * len(pieces) or not pieces:
        raise CheckpointError(
            f"the tokenizer in {folder} does not know {unknown} of {len(pieces)} pieces of English sentences; "
            f"it is incomplete or another model's; {COPY}"
        )


def _check_case(folder: Path, tokenizer: tokenizers.Tokenizer) -> None:
    """Refuse what makes texts lower case although its words have capitals: a vocabulary without its settings."""
    words = tokenizer.get_vocab(with_added_tokens=False)
    capital = sorted(word for word in words if len(word) > 1 and word.isalpha() and word.istitle())
    if len(capital) < max(LEAST_CAPITALS * len(words), 1):
        return
    tried = capital[:: -(-len(capital) // 50)]
    lowered = sum(tokenizer.encode(word).ids == tokenizer.encode(word.lower()).ids for word in tried)
    if 2 * lowered > len(tried):
        raise CheckpointError(
            f"the tokenizer in {folder} makes texts lower case, but knows words such as {capital[0]!r}: its "
            f"settings are missing (tokenizer_config.json with do_lower_case); {COPY}"
        )


def check_size(name: str, loaded: LoadedTokenizer, rows: int) -> None:
    """Refuse a vocabulary that was cut: far smaller than an embedding of `rows` rows, or without most of its merges.

    Raises CheckpointError.
    """
    tokens = loaded.tokenizer.get_vocab_size(with_added_tokens=True)
    if rows > SMALL and tokens < LEAST_TOKENS * rows:
        raise CheckpointError(
            f"{name}: the tokenizer has {tokens} tokens, but the embedding has {rows} rows: it is cut, or another "
            f"model's; {COPY}"
        )
    model = loaded.tokenizer.model
    merges = len(json.loads(loaded.tokenizer.to_str())["model"]["merges"]) if isinstance(model, BPE) else tokens
    if tokens > SMALL and merges < tokens // 2:
        raise CheckpointError(
            f"{name}: the tokenizer has {merges} merges for {tokens} tokens, so that most are never made: its merges "
            f"are cut; {COPY}"
        )


def check_tokens(name: str, loaded: LoadedTokenizer, rows: int) -> None:
    """Refuse a tokenizer with an id for which the embedding's `rows` do not suffice, or without special tokens.

    Those alone are what an empty text is answered as. Raises CheckpointError.
    """
    check_size(name, loaded, rows)
    if not loaded.tokenizer.encode("").ids:
        raise CheckpointError(
            f"{name}: an empty text should have special tokens, but the tokenizer adds none (post_processor in "
            f"{TOKENIZER_FILE}); {COPY}"
        )
    tokens = loaded.tokenizer.get_vocab(with_added_tokens=True)
    beyond = sorted((token_id, token) for token, token_id in tokens.items() if token_id >= rows)
    if beyond:
        token_id, token = beyond[0]
        raise CheckpointError(
            f"{name}: token {token!r} of the tokenizer has id {token_id}, but the embedding has {rows} rows (and "
            f"{len(beyond) - 1} more such tokens); {COPY}, or resize the model's embedding (resize_token_embeddings)"
        )
    ids = {i for pair in ((), ("a",)) for i in loaded.tokenizer.encode("a", *pair).ids}
    pad = loaded.pad_token_id
    wrong = sorted(i for i in {*ids, *(() if pad is None else (pad,))} if not 0 <= i < rows)
    if wrong:
        raise CheckpointError(
            f"{name}: the tokenizer adds a special token of id {wrong[0]}, but the embedding has {rows} rows; {COPY}"
        )


def _not_loaded(folder: Path, error: BaseException) -> str:
    models = [name for name in VOCABULARIES if name.endswith(SENTENCEPIECE) and (folder / name).is_file()]
    if models and not (folder / TOKENIZER_FILE).is_file():
        return _missing_package(folder, models[0])
    return f"the tokenizer in {folder} cannot be loaded ({first_line(error).rstrip('. ')}); {COPY}"


def _missing_package(folder: Path, reason: str) -> str:
    models = [name for name in VOCABULARIES if name.endswith(SENTENCEPIECE) and (folder / name).is_file()]
    if models:
        return (
            f"{folder} has its tokenizer as {models[0]} alone, which needs the packages sentencepiece and protobuf; "
            f"run 'pip install sentencepiece protobuf', or copy {TOKENIZER_FILE} from the model it came from"
        )
    return (
        f"the tokenizer in {folder} needs a package that is not installed ({reason.rstrip('. ')}), and is Python code "
        f"that cannot be saved as {TOKENIZER_FILE}; choose a model that has a {TOKENIZER_FILE}"
    )


def _unknown_ids(fast: Any, tokenizer: tokenizers.Tokenizer) -> frozenset[int]:
    names = {fast.unk_token, getattr(tokenizer.model, "unk_token", None)}
    found = {tokenizer.token_to_id(str(name)) for name in names if name}
    return frozenset(i for i in (*found, getattr(tokenizer.model, "unk_id", None)) if i is not None)
