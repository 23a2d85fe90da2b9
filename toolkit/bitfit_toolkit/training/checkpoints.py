"""Checkpoints of a run: which run the ones in a folder belong to, and where it stands."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from bitfit_runtime.errors import first_line
from bitfit_runtime.files import place_file
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.training.distributed import is_first_process, on_first_process, process_count
from bitfit_toolkit.training.option_spec import option_specs
from bitfit_toolkit.training.options import AUTO, TrainOptions
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.task_data import TaskData

Float32 = npt.NDArray[np.float32]
RECORD = "run.json"
STATE = "trainer_state.json"
MULTIPLE = "multiple"  # of the rates that auto measures
COLLAPSED = "collapsed"  # multiples at which the run ended in one answer for all, before it began anew
FIRST = "first.safetensors"  # what the first of these attempts learned
ROUND = "round"  # of a run that went on from where it was
BEGUN = "begun.safetensors"  # what that round went on from
WEIGHTS = "model.safetensors"
# Of records that were written before there were such options.
DEFAULT_FACTS: Mapping[str, Any] = {"from_layer": 0, "starting pack": None, "words": None, COLLAPSED: [], ROUND: 1}


def begin_or_resume(
    run: Run,
    train: TaskData,
    evaluation: TaskData,
    multiple: float = 1.0,
    number: int = 1,
    collapsed: Sequence[float] = (),
) -> Path | None:
    """Return the checkpoint to go on from, None for a round that begins, which is then recorded in its folder.

    Raises TrainingError where an earlier run left checkpoints, when resuming only where they are of another run.
    """
    if run.options.checkpoints is None:
        return None
    folder, facts = Path(run.options.checkpoints), run_facts(run, train, evaluation) | {ROUND: number}
    if run.options.learning_rate == AUTO:
        facts |= {MULTIPLE: multiple, COLLAPSED: [*collapsed]}
    whole = _whole(folder) if run.options.resume_from_checkpoint else []
    if not whole:
        _record(folder, facts)
        return None
    _check_same(run, facts)
    return whole[-1]


def resume_notes(options: TrainOptions) -> tuple[str, ...]:
    """Say where a run that was to go on has nothing to go on from. To be asked before it begins."""
    if not options.resume_from_checkpoint or options.checkpoints is None or _whole(Path(options.checkpoints)):
        return ()
    return (f"there is no checkpoint in {options.checkpoints} yet, so training begins anew",)


def recorded_multiples(options: TrainOptions) -> tuple[float, tuple[float, ...]] | None:
    """Return the multiple of its rates with which a run that goes on began, and those at which it had collapsed before.

    None of another run. Raises TrainingError where the record cannot be read.
    """
    recorded = _recorded(options)
    found = recorded.get(MULTIPLE)
    return (float(found), tuple(recorded[COLLAPSED])) if isinstance(found, (int, float)) else None


@dataclass(frozen=True, slots=True)
class Stage:
    """What a run holds between its attempts: the number of its round, and what that goes on from, None in the first.

    `first` is what the first attempt learned that collapsed in finite numbers; empty where there is none.
    """

    number: int = 1
    begun: Mapping[str, Float32] | None = None
    first: Mapping[str, Float32] = field(default_factory=dict)


def recorded_stage(run: Run, train: TaskData, evaluation: TaskData) -> Stage:
    """Return the stage of a run that goes on. Raises TrainingError where it cannot be read, or is another run's."""
    recorded = _recorded(run.options)
    if not recorded or run.options.checkpoints is None:
        return Stage()
    _check_same(run, run_facts(run, train, evaluation))
    folder, number = Path(run.options.checkpoints), int(recorded[ROUND])
    kept = recorded[COLLAPSED] and (folder / FIRST).exists()
    first = _tensors(folder / FIRST, "what the first attempt learned") if kept else {}
    begun = _tensors(folder / BEGUN, f"what round {number} began with") if number > 1 else None
    return Stage(number, begun, first)


def forget(options: TrainOptions, stage: Stage) -> None:
    """Remove the checkpoints of a run that is to begin anew, or to go on in another round, and keep its stage."""
    if options.checkpoints is not None:
        folder = Path(options.checkpoints)
        on_first_process(lambda: _forget(folder, stage))  # the others wait: they would find what is to be removed


def _forget(folder: Path, stage: Stage) -> None:
    for path in folder.glob("checkpoint-*"):
        shutil.rmtree(path)
    for name, tensors in ((FIRST, stage.first), (BEGUN, stage.begun)):
        if tensors:
            place_file(folder / name, save(dict(tensors)))
        else:
            (folder / name).unlink(missing_ok=True)


def _tensors(path: Path, what: str) -> dict[str, Float32]:
    try:
        found: dict[str, Float32] = load_file(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise TrainingError(f"{path} does not hold {what} ({first_line(error)}); name another folder") from None
    return found


def run_facts(run: Run, train: TaskData, evaluation: TaskData) -> dict[str, Any]:
    """Return what must be equal where a run goes on: base, labels, data, options, processes, the pack it began with."""
    specs = option_specs(type(run.options)).values()
    return {
        "base": run.info.base,
        "labels": list(run.info.labels),
        "training data": _digest(train),
        "evaluation data": _digest(evaluation),
        "processes": process_count(),
        "words": run.info.words,
        "starting pack": None if run.starting is None else run.starting.digest,
        **{spec.recorded: getattr(run.options, spec.name) for spec in specs if not spec.resumable},
    }


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


def step_of(checkpoint: Path) -> int:
    """Return after how many steps a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])


def _recorded(options: TrainOptions) -> dict[str, Any]:
    """Return what is recorded of a run that goes on; nothing of one that begins."""
    if options.checkpoints is None or not options.resume_from_checkpoint or not _whole(Path(options.checkpoints)):
        return {}
    return {**DEFAULT_FACTS, **_read(Path(options.checkpoints) / RECORD)}


def _names(run: Run) -> dict[str, str]:
    """Return how a message names each option in a record."""
    return {spec.recorded: f"`{spec.name}`" for spec in option_specs(type(run.options)).values()}


def _record(folder: Path, facts: Mapping[str, Any]) -> None:
    if _whole(folder):
        raise TrainingError(
            f"{folder} holds checkpoints; go on from them with `resume_from_checkpoint`, or name another folder"
        )
    if is_first_process():
        folder.mkdir(parents=True, exist_ok=True)
        place_file(folder / RECORD, json.dumps(facts, indent=1).encode())


def _check_same(run: Run, facts: Mapping[str, Any]) -> None:
    """Raise TrainingError, naming the first fact that differs, where the checkpoints are of another run."""
    found, names = _recorded(run.options), _names(run)
    for name, expected in facts.items():
        if found.get(name) != expected:
            raise TrainingError(
                f"the checkpoints in {run.options.checkpoints} are of another run: {names.get(name, name)} was "
                f"{found.get(name)!r}, now it is {expected!r}; name another folder as `checkpoints`, or train with "
                "what it was"
            )


def _whole(folder: Path) -> list[Path]:
    """Checkpoints in order. The Trainer writes their state last: one without it was torn by a kill."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{STATE}")]
    return sorted(whole, key=step_of)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} does not say whose run it is ({first_line(error)}); name another folder") from None
    if not isinstance(found, dict):
        raise TrainingError(f"{path} does not say whose run it is (expected an object); name another folder")
    return found


def _digest(data: TaskData) -> str:
    sums = hashlib.sha256()
    for item in data.items:
        sums.update(repr(([text.ids.tolist() for text in item.texts], item.target)).encode())
    return sums.hexdigest()[:16]
