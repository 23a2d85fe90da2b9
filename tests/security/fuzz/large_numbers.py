"""Large numbers in a model's folder: whatever a file says, no more memory is taken than its weights need. Linux only.

    PYTHONPATH=tests python -m security.fuzz.large_numbers [FAMILY …] [--values 100000 …]

Every number in the JSON files and in the header of the weights, and every one that the family's configuration knows, is
set to each value in turn, and the model loaded in this process. It tells what took too much, or ended otherwise than it
should.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from transformers import AutoConfig

from bitfit_exporters import ExportError
from bitfit_exporters.checkpoint import load_checkpoint
from bitfit_exporters.parity import check_runs
from security.fuzz.model_folders import OPTIONS, WEIGHTS, ModelFolder
from support.checkpoints import FAMILIES

VALUES: Final = (100_000, 1_000_000, 16_000_000, 1_000_000_000, 1 << 31)
MOST_MEGABYTES: Final = 500  # over what the process has
ADDRESSES: Final = 1536 << 20  # bytes more, so that what wants them fails instead of the machine
SLOW: Final = 30  # seconds of work
EACH: Final = 2  # numbers of one vocabulary
# Fields that a configuration reads without listing them, or that only some families have.
OTHER_FIELDS: Final = (
    *("num_labels", "head_dim", "partial_rotary_factor", "conv_kernel_size", "chunk_size_feed_forward", "n_positions"),
    *("max_relative_positions", "relative_attention_num_buckets", "num_key_value_heads", "local_attention", "kv_dim"),
    *("rope_theta", "vocab_size", "type_vocab_size", "task_type_vocab_size", "inner_group_num", "num_hidden_groups"),
    *("num_feedforward_networks", "n_embd", "conv_groups", "max_length"),
)
ROTARY: Final = (
    ("rope_parameters", "partial_rotary_factor"),
    ("rope_parameters", "full_attention", "partial_rotary_factor"),
)
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a number: accepted, refused or wrong, and what that took."""

    what: str
    message: str
    megabytes: int
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether the model was accepted, or refused as it should be, in bounds."""
        return self.what != "wrong" and self.megabytes < MOST_MEGABYTES and self.seconds < SLOW


class Numbers:
    """A tiny model of a family, of which one number at a time is set."""

    def __init__(self, family: str, folder: Path) -> None:
        self._model = ModelFolder(folder, family)
        self._documents = {
            name: json.loads(_header(data) if name == WEIGHTS else data)
            for name, data in self._model.files.items()
            if name == WEIGHTS or name.endswith(".json")
        }

    def places(self) -> Iterator[tuple[str, Place]]:
        """Yield the file and the place of every number."""
        known = AutoConfig.from_pretrained(self._model.folder).to_dict()
        config = {*numbers(known), *((field,) for field in OTHER_FIELDS), *ROTARY}
        for name, document in self._documents.items():
            found = {*numbers(document), *(config if name == "config.json" else ())}
            yield from ((name, place) for place in sorted(found, key=str))

    def try_value(self, file: str, place: Place, value: int) -> Outcome:
        """Load the model with `value` in that place."""
        path, original = self._model.folder / file, self._model.files[file]
        data = json.dumps(_with(self._documents[file], place, value)).encode()
        if file == WEIGHTS:
            data = len(data).to_bytes(8, "little") + data + original[8 + len(_header(original)) :]
        path.write_bytes(data)
        before, began = _start_measuring(), time.process_time()
        try:
            what, message = self._load()
        finally:
            path.write_bytes(original)
        return Outcome(what, message, _peak() - before, time.process_time() - began)

    def _load(self) -> tuple[str, str]:
        try:
            with _bounded():
                check_runs(load_checkpoint(str(self._model.folder), OPTIONS))
        except ExportError as error:
            return ("wrong" if "memory" in str(error).lower() else "refused"), str(error)
        except BaseException as error:  # a panic of Rust code is no Exception
            return "wrong", f"{type(error).__name__}: {error}"
        return "accepted", ""


def numbers(document: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the places of numbers, and of nulls that might be one."""
    if isinstance(document, dict | list):
        inside = list(document.items() if isinstance(document, dict) else enumerate(document))
        vocabulary = len(inside) > EACH and all(type(value) is int for _, value in inside)
        for key, value in inside[: EACH if vocabulary else None]:
            yield from numbers(value, (*place, key))
    elif document is None or (isinstance(document, int | float) and not isinstance(document, bool)):
        yield place


def _with(document: Any, place: Place, value: int) -> Any:
    changed = json.loads(json.dumps(document))
    holder = changed
    for key in place[:-1]:
        holder = holder.setdefault(key, {}) if isinstance(holder, dict) else holder[key]
    holder[place[-1]] = value
    return changed


def _header(data: bytes) -> bytes:
    return data[8 : 8 + int.from_bytes(data[:8], "little")]


def _start_measuring() -> int:
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what is taken now
    return _peak()


def _peak() -> int:
    return _status("VmHWM") >> 20


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


@contextmanager
def _bounded() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + ADDRESSES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def main() -> None:
    """Try every number of the families; exit with 1 if one took too much, or ended otherwise than it should."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help="all by default")
    parser.add_argument("--values", nargs="+", type=int, default=VALUES, help="what each number is set to")
    arguments = parser.parse_args()
    sound = True
    for family in arguments.families or FAMILIES:
        found, most = Counter[str](), 0
        with tempfile.TemporaryDirectory() as folder:
            model = Numbers(family, Path(folder))
            for file, place in model.places():
                for value in arguments.values:
                    outcome = model.try_value(file, place, value)
                    found[outcome.what] += 1
                    most = max(most, outcome.megabytes)
                    if not outcome.sound:
                        sound = False
                        print(f"{family}: {file}: {place} = {value}: {outcome}", flush=True)
        print(f"{family}: {dict(found)}, {most} MB at most", flush=True)
    sys.exit(not sound)


if __name__ == "__main__":
    main()
