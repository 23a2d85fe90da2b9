"""Adapters of PEFT that consist of biases, and checkpoints of which only biases and a head were trained."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from bitfit_exporters import ExportError, ExportOptions
from bitfit_exporters.model_files import read_object
from bitfit_exporters.model_source import base_name, model_folder
from bitfit_runtime import Base
from bitfit_runtime.arguments import as_path
from bitfit_runtime.errors import first_line
from bitfit_runtime.formats.schema import CONFIG_FILE
from bitfit_toolkit.convert.packing import UNMEASURED, Converted, Naming, label_names, make_pack, opened
from bitfit_toolkit.convert.source import check_same_weights
from bitfit_toolkit.convert.tensors import check_head_fits, checkpoint_tensors, is_idle, linear_head, sort_tensors
from bitfit_toolkit.errors import ConversionError

Float32 = npt.NDArray[np.float32]
ADAPTER_CONFIG: Final = "adapter_config.json"
ADAPTER_WEIGHTS: Final = "adapter_model.safetensors"
OUTER: Final = "base_model.model."
DELTA: Final = ".beft_bias"
KINDS: Final = {"SEQ_CLS": "sequence", "TOKEN_CLS": "token", "FEATURE_EXTRACTION": "none", None: "none"}
# What transformers calls the task types of a sequence classifier.
PROBLEMS: Final = {
    "classification": "single_label_classification",
    "multi-label": "multi_label_classification",
    "regression": "regression",
}
TYPES: Final = {"sequence": tuple(PROBLEMS), "token": ("token-classification",)}
REASONS: Final = {
    "LORA": "LoRA's biases (bias='all') mean nothing without its weights",
    "LN_TUNING": "LN-tuning trains weights of norms too",
    "IA3": "(IA)³ scales activations",
    "PREFIX_TUNING": "prefixes are keys and values",
    "PROMPT_TUNING": "prompts are tokens of their own",
    "P_TUNING": "prompts are tokens of their own",
}


def from_peft(
    adapter: str | Path, base: Base | str | Path, naming: Naming | None = None, source: str | Path | None = None
) -> Converted:
    """Return the pack of what was trained elsewhere: a folder of PEFT's, or a checkpoint with trained biases.

    An adapter names the model that it was trained on; `source` says where that is if it cannot be found by the name.
    Raises ConversionError on what a pack cannot hold.
    """
    folder, base, naming = as_path(adapter, "adapter"), opened(base), naming or Naming()
    if (folder / ADAPTER_CONFIG).is_file():
        return _adapter(folder, base, naming, source)
    if (folder / CONFIG_FILE).is_file():
        return _checkpoint(folder, base, naming)
    raise ConversionError(
        f"{folder} holds neither {ADAPTER_CONFIG} nor {CONFIG_FILE}; give the folder that save_pretrained wrote"
    )


def _adapter(folder: Path, base: Base, naming: Naming, source: str | Path | None) -> Converted:
    config = read_object(folder / ADAPTER_CONFIG)
    kind, task = config.get("peft_type"), config.get("task_type")
    if kind != "BEFT":
        why = REASONS.get(str(kind), f"an adapter of type {kind} is more than biases")
        raise ConversionError(f"{folder}: {why}, which a pack cannot hold; merge it into its model and export that")
    if task not in KINDS:
        raise ConversionError(
            f"{folder} is for task_type {task}; adapters for {', '.join(str(k) for k in KINDS if k)} can be converted"
        )
    tensors = _tensors(folder / ADAPTER_WEIGHTS)
    known = {spec.name for spec in base.manifest.biases}
    short = {name: name.removesuffix(DELTA) + ".bias" for name in tensors if name.endswith(DELTA)}
    for name, bias in short.items():
        if bias not in known and bias.partition(".")[2] not in known and not is_idle(base, name):
            raise ConversionError(f"{folder} holds {name}, of a layer that base {base.manifest.name} lacks")
    deltas = sort_tensors(base, {bias: tensors[name].reshape(-1) for name, bias in short.items()}).biases
    found = sort_tensors(base, {name: value for name, value in tensors.items() if name not in short})
    check_same_weights(base, found.weights, str(folder), partly=True)
    problem, notes = _check_source(str(source or config.get("base_model_name_or_path") or ""), base, source is not None)
    biases = dict(found.biases)
    for name, delta in deltas.items():
        start = biases.get(name, base.default_biases[name])
        _check_size(name, delta, start, folder)
        biases[name] = (start + delta).astype(np.float32)
    own = read_object(folder / CONFIG_FILE) if (folder / CONFIG_FILE).is_file() else {}
    if KINDS[task] == "sequence" and problem and not own.get("problem_type") and naming.task_type is None:
        own = {**own, "problem_type": problem}
        notes = (*notes, f"problem_type {problem} is that of its model; give `task_type` if it learned as another")
    return _finish(folder, base, naming, biases, found.rest, KINDS[task], own, notes)


def _checkpoint(folder: Path, base: Base, naming: Naming) -> Converted:
    config = read_object(folder / CONFIG_FILE)
    found = sort_tensors(base, checkpoint_tensors(folder))
    architecture = str((config.get("architectures") or [""])[0])
    kind = next((kind for kind in ("sequence", "token") if f"For{kind.title()}Classification" in architecture), "none")
    if kind == "none" and found.rest:
        raise ConversionError(
            f"{folder} is of class {architecture or 'unknown'}; encoders alone, and those for sequence or token "
            "classification, can be converted"
        )
    if kind == "sequence":
        check_head_fits(base, kind)  # before its layers are called unknown
    check_same_weights(base, found.weights, str(folder))
    return _finish(folder, base, naming, found.biases, found.rest, kind, config, ())


def _finish(
    folder: Path,
    base: Base,
    naming: Naming,
    biases: Mapping[str, Float32],
    rest: Mapping[str, Float32],
    kind: str,
    config: Mapping[str, Any],
    notes: tuple[str, ...],
) -> Converted:
    for name, value in biases.items():
        _check_size(name, value, base.default_biases[name], folder)
    if kind == "none":
        if rest:
            raise ConversionError(
                f"{folder} holds {min(rest)}, a head that its task_type does not explain; train it anew"
            )
        return Converted(make_pack(base, biases, None, "embedding", (), naming), (*notes, UNMEASURED))
    check_head_fits(base, kind)
    head = linear_head(rest, str(folder))
    if head is None:
        raise ConversionError(f"{folder} holds no classifier; save it with the adapter (modules_to_save)")
    task_type, doubts = (naming.task_type, ()) if naming.task_type else _task_type(kind, len(head[1]), config)
    notes = (*notes, *doubts)
    if task_type not in TYPES[kind]:
        raise ConversionError(f"a head for {kind} classification can be {', '.join(TYPES[kind])}, found {task_type!r}")
    known = config.get("id2label")
    listed = [str(known[key]) for key in sorted(known, key=int)] if isinstance(known, dict) and known else None
    if task_type == "regression":
        listed, naming = ["score"], replace(naming, labels=None)
    elif naming.labels is None and listed is None:
        notes = (*notes, "it names no labels: they are LABEL_0, LABEL_1, … as in transformers, unless you give some")
    labels = label_names(len(head[1]), naming, listed, task_type)
    return Converted(make_pack(base, biases, head, task_type, labels, naming), (*notes, UNMEASURED))


def _task_type(kind: str, outputs: int, config: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return the task type of a head, as transformers takes it, and a note where no file tells it."""
    if kind == "token":
        return "token-classification", ()
    problem = config.get("problem_type")
    if problem == "regression" and outputs != 1:
        raise ConversionError(f"a regression of {outputs} numbers at once cannot be a pack; it gives one number")
    known = next((name for name, theirs in PROBLEMS.items() if theirs == problem), None)
    if known is not None:
        return known, ()
    taken, other = (
        ("regression", "its one output is a label's")
        if outputs == 1
        else ("classification", "a text may have several labels")
    )
    return taken, (f"no file tells its problem_type: taken as {taken}; give `task_type` multi-label where {other}",)


def _check_source(name: str, base: Base, given: bool) -> tuple[str | None, tuple[str, ...]]:
    """Compare the model that an adapter was trained on with the base.

    Returns the problem_type that the model tells, which an adapter does not hold, and notes. Raises ConversionError.
    """
    if not name:
        raise ConversionError("the adapter does not name the model that it was trained on; say it with `source`")
    try:
        folder = model_folder(name, ExportOptions(offline=True))
        loaded = checkpoint_tensors(folder)
    except ExportError as error:
        if given or base_name(name) != base.manifest.name:
            raise ConversionError(
                f"the adapter was trained on {name}, which cannot be compared with base {base.manifest.name} "
                f"({first_line(error)}); say with `source` where that model is"
            ) from None
        return None, (f"{name} is not here to be compared: that the base was made of it is known by its name alone",)
    found = sort_tensors(base, loaded)
    check_same_weights(base, found.weights, name)
    moved = [spec.name for spec in base.manifest.biases if not _equal(found.biases, spec.name, base)]
    if moved:
        raise ConversionError(
            f"{name}: {moved[0]} differs from the base's; the adapter adds to that model's biases: export that model"
        )
    return read_object(folder / CONFIG_FILE).get("problem_type"), ()


def _equal(biases: Mapping[str, Float32], name: str, base: Base) -> bool:
    default = base.default_biases[name]
    return np.array_equal(biases.get(name, np.zeros_like(default)), default)


def _check_size(name: str, value: Float32, expected: Float32, folder: Path) -> None:
    if value.shape != expected.shape:
        raise ConversionError(
            f"{folder}: {name} has {value.size} numbers, the base's {expected.size}; it was trained on another model"
        )


def _tensors(path: Path) -> dict[str, Float32]:
    """Return the tensors of an adapter in float32 by their names in the model. Raises ConversionError."""
    if not path.is_file():
        raise ConversionError(f"{path} is missing; save the adapter as safetensors, which runs no code when it is read")
    try:
        loaded = load_file(path)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ConversionError(
            f"{path} cannot be read ({first_line(error)}); save the adapter again in float32"
        ) from None
    return {name.removeprefix(OUTER): value.astype(np.float32) for name, value in loaded.items()}
