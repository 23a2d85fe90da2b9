"""Fuzzer of what an export reads of a model's folder, up to the capture; `long_run.py` runs it at length.

One file of a tiny checkpoint is altered at a time. Nothing but an ExportError may come of it, in one line that is fit
to print. It cannot be guided by coverage: torch and transformers are in the way.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Final

import torch
from safetensors.torch import load_file, save_file

from bitfit_exporters import ExportError, ExportOptions
from bitfit_exporters.checkpoint import load_checkpoint
from bitfit_exporters.parity import check_runs
from bitfit_runtime.errors import LONGEST_MESSAGE
from bitfit_toolkit.cli.failures import EXIT_CODES, USAGE
from security.fuzz.mutations import mutate_bytes, mutate_json
from support.checkpoints import make_checkpoint

OPTIONS = ExportOptions(offline=True)
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


# What the folder is of, and the family of the model in it.
KINDS: Final = {"sentences": "bert", "shards": "roberta", "pickled": "distilbert", "newer": "modernbert"}
WEIGHTS: Final = "model.safetensors"
SETTINGS: Final = {
    "modules.json": MODULES,
    "1_Pooling/config.json": {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True},
    "sentence_bert_config.json": {"max_seq_length": 64, "do_lower_case": False},
    "config_sentence_transformers.json": {"prompts": {"query": "query: "}, "default_prompt_name": None},
}


class ModelFolder:
    """A checkpoint in a folder of its own, of which one file at a time is altered."""

    def __init__(self, folder: Path, family: str = "bert", kind: str = "sentences") -> None:
        self.folder = make_checkpoint(family, folder / "model")
        if kind == "sentences":
            (self.folder / "1_Pooling").mkdir()
            for name, content in SETTINGS.items():
                (self.folder / name).write_text(json.dumps(content))
        elif kind == "shards":
            _split(self.folder)
        elif kind == "pickled":
            torch.save(load_file(self.folder / WEIGHTS), self.folder / "pytorch_model.bin")
            (self.folder / WEIGHTS).unlink()
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

    def export(self, name: str, data: bytes) -> str:
        """Export the model with `data` for one file, as a real command. Fails on a broken promise."""
        path, output = self.folder / name, self.folder.parent / "base"
        path.write_bytes(data)
        command = [sys.executable, "-m", "bitfit_toolkit", "export", "--offline", "--quiet"]
        try:
            done = subprocess.run(
                [*command, "--model", str(self.folder), "--output", str(output)], capture_output=True, text=True
            )
        finally:
            path.write_bytes(self.files[name])
        code, lines = done.returncode, done.stderr.splitlines()
        case = f"{name}: exit code {code}: {done.stderr[-500:]!r}"
        assert (output / "bitfit.json").is_file() == (code == 0), case
        shutil.rmtree(output, ignore_errors=True)
        assert code in (0, USAGE, *(known for _, known in EXIT_CODES)), case
        assert len(lines) == (code != 0) and all(line.isprintable() for line in lines), case
        return f"exit code {code}"


def _split(folder: Path) -> None:
    """Put the weights into two files, and an index of them."""
    weights = load_file(folder / WEIGHTS)
    names = sorted(weights)
    index = {}
    for number, half in enumerate((names[::2], names[1::2]), 1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({name: weights[name] for name in half}, folder / file, {"format": "pt"})
        index |= dict.fromkeys(half, file)
    (folder / WEIGHTS).unlink()
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


def mutate_weights(data: bytes, random: Random) -> bytes:
    """Change the header of a safetensors file, or the file byte by byte."""
    length = int.from_bytes(data[:8], "little")
    if random.random() < 0.3 or length > len(data):
        return mutate_bytes(data, random)
    table = mutate_json(data[8 : 8 + length], random)
    return len(table).to_bytes(8, "little") + table + data[8 + length :]


class ModelFolders:
    """Folders of each kind: with settings of sentence-transformers, weights in shards, weights that torch pickled."""

    def __init__(self, folder: Path) -> None:
        self.folders = [ModelFolder(folder / kind, family, kind) for kind, family in KINDS.items()]

    def call(self, seed: int) -> str:
        """Load an altered model. Fails on a broken promise."""
        random = Random(seed)
        altered = random.choice(self.folders)
        return "accepted" if altered.fuzz_one(*altered.alter(random)) else "refused"

    def command(self, seed: int) -> str:
        """Export an altered model in a process of its own. Fails on a broken promise."""
        random = Random(seed)
        altered = random.choice(self.folders)
        return altered.export(*altered.alter(random))


open_fuzzer = ModelFolders
