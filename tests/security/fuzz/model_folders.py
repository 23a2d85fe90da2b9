"""Fuzz what an export reads of a model's folder, up to the capture: `make fuzz`, a sample in `test_model_folders.py`.

    PYTHONPATH=tests python -m security.fuzz.model_folders [--runs 10000] [--seed 0]

One file of a tiny checkpoint is altered at a time. Nothing but an ExportError may come of it, in one line that is fit
to print. It cannot be guided by coverage: torch and transformers are in the way.
"""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random

from bitfit_exporters import ExportError, ExportOptions
from bitfit_exporters.checkpoint import load_checkpoint
from bitfit_exporters.parity import check_runs
from bitfit_runtime.errors import LONGEST_MESSAGE
from security.fuzz.mutations import mutate_bytes, mutate_json
from support.checkpoints import make_checkpoint

OPTIONS = ExportOptions(offline=True)
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


class ModelFolder:
    """A checkpoint of sentence-transformers in a folder of its own, of which one file at a time is altered."""

    def __init__(self, folder: Path, family: str = "bert") -> None:
        self.folder = make_checkpoint(family, folder / "model")
        (self.folder / "1_Pooling").mkdir()
        for name, content in (
            ("modules.json", MODULES),
            ("1_Pooling/config.json", {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}),
            ("sentence_bert_config.json", {"max_seq_length": 64, "do_lower_case": False}),
            ("config_sentence_transformers.json", {"prompts": {"query": "query: "}, "default_prompt_name": None}),
        ):
            (self.folder / name).write_text(json.dumps(content))
        self.files = {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }

    def alter(self, random: Random) -> tuple[str, bytes]:
        """Return a file's name and what it may be instead."""
        name = random.choice(sorted(self.files))
        data = self.files[name]
        for _ in range(random.randint(1, 3)):
            data = mutate_json(data, random) if name.endswith(".json") else mutate_weights(data, random)
        return name, data

    def fuzz_one(self, name: str, data: bytes) -> bool:
        """Load the model with `data` for one file; return whether it was accepted. Fails on a broken promise."""
        path = self.folder / name
        path.write_bytes(data)
        try:
            check_runs(load_checkpoint(str(self.folder), OPTIONS))
        except ExportError as error:
            message = str(error)
            assert message.isprintable() and len(message) <= LONGEST_MESSAGE, message
            assert message.strip() and "\x1b" not in message, message
            return False
        finally:
            path.write_bytes(self.files[name])
        return True


def mutate_weights(data: bytes, random: Random) -> bytes:
    """Change the header of a safetensors file, or the file byte by byte."""
    length = int.from_bytes(data[:8], "little")
    if random.random() < 0.3 or length > len(data):
        return mutate_bytes(data, random)
    table = mutate_json(data[8 : 8 + length], random)
    return len(table).to_bytes(8, "little") + table + data[8 + length :]


def main() -> None:
    """Fuzz for so many runs; print what was found and exit with 1 if anything was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began, outcomes = time.perf_counter(), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        subject = ModelFolder(Path(folder))
        for seed in range(arguments.seed, arguments.seed + arguments.runs):
            name, data = subject.alter(Random(seed))
            try:
                outcomes["accepted" if subject.fuzz_one(name, data) else "refused"] += 1
            except BaseException as error:  # whatever else escapes is a finding; a panic of Rust code is no Exception
                if isinstance(error, KeyboardInterrupt | SystemExit):
                    raise
                outcomes["found"] += 1
                print(f"--seed {seed} --runs 1: {name}\n{traceback.format_exc(limit=-3)}", flush=True)
    seconds = time.perf_counter() - began
    print(f"model folders      {arguments.runs:9,} inputs  {seconds:5.0f} s  {dict(outcomes)}", flush=True)
    sys.exit(bool(outcomes["found"]))


if __name__ == "__main__":
    main()
