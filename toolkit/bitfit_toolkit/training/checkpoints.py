"""Which run the checkpoints in a folder belong to, and where it stands."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.training.distributed import is_first_process, process_count
from bitfit_toolkit.training.learner import Learner

FILE = "run.json"
STATE = "trainer_state.json"
WEIGHTS = "model.safetensors"
# What may differ between a run and its continuation.
FREE = {"checkpoints", "resume", "progress", "tensorboard", "encoding", "tolerance", "device", "task"}
Items = Sequence[Mapping[str, Any]]


def run_facts(learner: Learner, train_items: Items, eval_items: Items) -> dict[str, Any]:
    """Return what must be equal where a run goes on: the base, the labels, the data, the options, the processes."""
    options = {name: value for name, value in asdict(learner.options).items() if name not in FREE}
    return {
        "base": learner.info.base,
        "labels": list(learner.info.labels),
        "training data": _digest(train_items),
        "evaluation data": _digest(eval_items),
        "processes": process_count(),
        **options,
    }


def record(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the facts of a run that begins. Raises TrainingError where an earlier one left checkpoints."""
    if _whole(folder):
        raise TrainingError(f"{folder} holds checkpoints; go on from them with --resume, or name another folder")
    if is_first_process():
        path = folder / FILE
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".partial")
        temporary.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        temporary.replace(path)


def last_checkpoint(folder: Path, facts: Mapping[str, Any]) -> Path | None:
    """Return the newest whole checkpoint in `folder`, None where there is none yet.

    Raises TrainingError, naming the first fact that differs, when the checkpoints are of another run.
    """
    whole = _whole(folder)
    if not whole:
        return None
    found = _read(folder / FILE)
    for name, expected in facts.items():
        if found.get(name) != expected:
            raise TrainingError(
                f"the checkpoints in {folder} are of another run: {name.replace('_', ' ')} was {found.get(name)!r}, "
                f"now it is {expected!r}; name another --checkpoints folder, or train with what it was"
            )
    return whole[-1]


def best_of_ended(checkpoint: Path, patience: int | None) -> Path | None:
    """Return the best checkpoint of a run that early stopping had already ended at `checkpoint`, None of another."""
    if patience is None:
        return None
    state = _read(checkpoint / STATE)
    stopping = state.get("stateful_callbacks", {}).get("EarlyStoppingCallback", {}).get("attributes", {})
    best = state.get("best_model_checkpoint")
    if best is None or stopping.get("early_stopping_patience_counter", 0) < patience:
        return None
    return checkpoint.parent / Path(best).name


def _whole(folder: Path) -> list[Path]:
    """Checkpoints in order. The Trainer writes their state last: one without it was torn by a kill."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{STATE}")]
    return sorted(whole, key=lambda path: int(path.name.rpartition("-")[2]))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} does not say whose run it is ({error}); name another folder") from None
    if not isinstance(found, dict):
        raise TrainingError(f"{path} does not say whose run it is (found no object); name another folder")
    return found


def _digest(items: Items) -> str:
    sums = hashlib.sha256()
    for item in items:
        sums.update(repr(([text.encoding.ids for text in item["texts"]], item["labels"])).encode())
    return sums.hexdigest()[:16]
