"""Which run the checkpoints in a folder belong to."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.learner import Learner

FILE = "run.json"
# What may differ between a run and its continuation.
FREE = {"checkpoints", "resume", "progress", "tensorboard", "encoding", "tolerance", "device", "task"}


def record(folder: Path, learner: Learner) -> None:
    """Write beside the checkpoints what the run learns from."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(_facts(learner), indent=1), encoding="utf-8")


def last_checkpoint(folder: Path, learner: Learner) -> Path | None:
    """Return the newest whole checkpoint in `folder`, None where there is none yet.

    Raises TrainingError when the checkpoints belong to another base, to other labels or to other options.
    """
    # The Trainer writes trainer_state.json last: a checkpoint without it was torn by a kill.
    whole = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    if not whole:
        return None
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{folder} does not say whose run it is ({error}); train without --resume") from None
    for name, expected in _facts(learner).items():
        there = found.get(name) if isinstance(found, dict) else None
        if there != expected:
            raise TrainingError(
                f"the checkpoints in {folder} are of another run: {name.replace('_', ' ')} was {there!r}, now it is "
                f"{expected!r}; name another --checkpoints folder, or train with what it was"
            )
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]))


def _facts(learner: Learner) -> dict[str, Any]:
    options = {name: value for name, value in asdict(learner.options).items() if name not in FREE}
    return {"base": learner.info.base, "labels": list(learner.info.labels), **options}
