"""Files of a tokenizer, before a library reads them into this process: complete, and of a size that is theirs."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from bitfit_exporters.errors import CheckpointError
from bitfit_exporters.model_files import check_content, read_object
from bitfit_exporters.model_source import VOCABULARIES
from bitfit_runtime.formats.schema import TOKENIZER_FILE

COPY: Final = "copy it from the model it came from"
ADDED, SETTINGS, WORDS = "added_tokens.json", "tokenizer_config.json", "vocab.json"
TOKENS: Final = 1 << 21  # XLM-V has 901,629
# So many tokens a tokenizer of transformers makes up by itself: T5 has 100, Pegasus 103.
MADE_UP, MOST_MADE_UP = ("extra_ids", "offset", "num_madeup_words"), 1 << 16
SENTENCES: Final = (
    "The parcel came a day early.",
    "Why was I charged twice for one ticket, and who can give me the money back before Friday?",
    "no",
    "Our team moved the meeting to the small room on the third floor because the projector there works.",
    "It rained, so we stayed in and cooked.",
)
TRIAL_SECONDS: Final = 120
# Of memory in the trial: a vocabulary takes some 30 bytes for each of its file.
TRIAL_BYTES, TRIAL_BYTES_EACH = 1 << 29, 64
# Runs apart, because a malformed file can end the process that reads it, or take all memory.
_TRIAL: Final = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
except (ImportError, ValueError, OSError):
    pass
import tokenizers
t = tokenizers.Tokenizer.from_str(sys.stdin.buffer.read().decode())
t.no_padding(); t.no_truncation()
t.encode_batch(sys.argv[2:]); t.encode(sys.argv[2], sys.argv[3])
"""


def check_files(folder: Path) -> None:
    """Refuse files that are missing, malformed or describe more than any vocabulary holds. Raises CheckpointError."""
    if not any((folder / name).is_file() for name in VOCABULARIES):
        raise CheckpointError(f"{no_tokenizer(folder)} ({TOKENIZER_FILE} and what belongs to it); {COPY}")
    for name in VOCABULARIES:
        if (folder / name).is_file():
            check_content(folder / name, COPY)
    path = folder / TOKENIZER_FILE
    for name in (SETTINGS, "special_tokens_map.json", ADDED, *(() if path.is_file() else (WORDS,))):
        if (folder / name).is_file():
            document = read_object(folder / name, COPY)
            _check_ids(folder / name, document)
            if name == SETTINGS:
                _check_made_up(folder / name, document)
    if path.is_file():
        document = read_object(path, COPY)
        if not isinstance(document.get("model"), dict):
            raise CheckpointError(f"{path} has no model; {COPY}")
        _check_ids(path, document)
        problem = _trial(path.read_bytes())
        if problem:
            raise CheckpointError(f"{path} is malformed ({problem}); {COPY}")


def no_tokenizer(folder: Path) -> str:
    """Return what messages begin with where there is none."""
    return f"there is no tokenizer in {folder}"


def _check_ids(path: Path, document: Mapping[str, Any]) -> None:
    """Refuse ids out of range: the libraries take memory for each id below the largest, whether it is there or not."""
    for token, token_id in _ids(path.name, document):
        if isinstance(token_id, int) and not -1 <= token_id < TOKENS:
            raise CheckpointError(
                f"{path} gives token {token!r} the id {token_id}, expected one below {TOKENS}; {COPY}"
            )


def _check_made_up(path: Path, document: Mapping[str, Any]) -> None:
    for field in MADE_UP:
        number = document.get(field)
        if isinstance(number, int) and number > MOST_MADE_UP:
            raise CheckpointError(f"{path}: {field} should be at most {MOST_MADE_UP}, found {number}; {COPY}")


def _ids(name: str, document: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    """Yield (token, id) of each token in a file of this name; what is malformed is found when it is read."""
    if name in (ADDED, WORDS):
        yield from document.items()
    elif name == SETTINGS:
        added = document.get("added_tokens_decoder")
        for key, token in added.items() if isinstance(added, dict) else ():
            yield token, int(key) if key.isdecimal() else None
    elif name == TOKENIZER_FILE:
        vocabulary, added = document["model"].get("vocab"), document.get("added_tokens")
        yield from vocabulary.items() if isinstance(vocabulary, dict) else ()
        for token in added if isinstance(added, list) else ():
            if isinstance(token, dict):
                yield token.get("content"), token.get("id")


@lru_cache(maxsize=1)
def _trial(content: bytes) -> str:
    """Return why a tokenizer file cannot be used, an empty string if it can."""
    if not sys.executable:  # an embedded interpreter
        return ""
    most = TRIAL_BYTES + TRIAL_BYTES_EACH * len(content)
    command = [sys.executable, "-I", "-c", _TRIAL, str(most), *SENTENCES]
    alone = {**os.environ, "TOKENIZERS_PARALLELISM": "false"}  # each thread would reserve memory of its own
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=TRIAL_SECONDS, env=alone)
    except subprocess.TimeoutExpired:
        return f"it takes more than {TRIAL_SECONDS} seconds for a few sentences"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.decode(errors="replace").strip().splitlines() if line.strip()]
    if any(line.startswith(("memory allocation of", "MemoryError")) for line in lines):
        return f"a few sentences take more than {most >> 20} MB of memory with it"
    if done.returncode < 0 or not lines:
        return f"it makes the tokenizers library end its process, {done.returncode}"
    return lines[-1].partition(": ")[2] or lines[-1]
