"""A pack as an adapter that PEFT reads: biases of linear layers as deltas, norms and the head whole."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save
from transformers import AutoConfig

from bitfit_exporters.encoder_weights import make_skeleton
from bitfit_exporters.read_back import read_parameters
from bitfit_runtime import Base, Pack, PackInfo, read_pack
from bitfit_runtime.arguments import as_path
from bitfit_runtime.files import write_output
from bitfit_runtime.formats.schema import CONFIG_FILE
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT
from bitfit_toolkit.convert.adapters import ADAPTER_CONFIG, ADAPTER_WEIGHTS, DELTA, OUTER, PROBLEMS
from bitfit_toolkit.convert.packing import opened
from bitfit_toolkit.convert.tensors import BIAS, WEIGHT, check_head_fits
from bitfit_toolkit.errors import ConversionError

Float32 = npt.NDArray[np.float32]
KINDS: Final = {"sequence": "SEQ_CLS", "token": "TOKEN_CLS", "none": "FEATURE_EXTRACTION"}


@dataclass(frozen=True, slots=True)
class WrittenAdapter:
    """The `folder` of an adapter for `task_type` as PEFT names it, its size, and what it does not carry."""

    folder: str
    task_type: str
    bytes: int
    notes: tuple[str, ...]


def to_peft(
    pack: Pack | str | Path, base: Base | str | Path, output: str | Path, source: str | None = None
) -> WrittenAdapter:
    """Write a pack as a BEFT adapter to the folder `output`; `source` names the model that the base was made of.

    Raises ConversionError where nothing of it could be read by PEFT.
    """
    base, folder = opened(base), as_path(output, "output")
    pack = pack if isinstance(pack, Pack) else read_pack(pack)
    values = pack.decode(base.manifest, base.default_biases)
    kind, notes = _kind(pack, base)
    biases = [spec.name for spec in pack.info.biases(base.manifest)]
    if kind == "none" and not biases:
        raise ConversionError(f"pack {pack.info.task!r} is a head that PEFT cannot hold ({notes[0]})")
    skeleton = make_skeleton(base.folder / CONFIG_FILE, AutoConfig.from_pretrained(base.folder / CONFIG_FILE))
    prefix = "" if kind == "none" else f"{skeleton.base_model_prefix}."
    tensors, linear, whole = _tensors(base, skeleton, biases, values, prefix)
    if kind != "none":
        whole.append("classifier")
        tensors |= {WEIGHT: np.ascontiguousarray(values[HEAD_WEIGHT].T), BIAS: values[HEAD_BIAS]}
        notes.append(_how_to_load(pack.info))
    document = {
        "peft_type": "BEFT",
        "task_type": KINDS[kind],
        "base_model_name_or_path": source or base.manifest.name,
        "inference_mode": True,
        "init_weights": True,
        "target_modules": linear,
        "modules_to_save": whole or None,
    }
    data = save({OUTER + name: value for name, value in tensors.items()}, {"format": "pt"})
    folder.mkdir(parents=True, exist_ok=True)
    write_output(folder / ADAPTER_WEIGHTS, data)
    write_output(folder / ADAPTER_CONFIG, (json.dumps(document, indent=1) + "\n").encode())
    return WrittenAdapter(str(folder), KINDS[kind], len(data), tuple(notes))


def _how_to_load(info: PackInfo) -> str:
    """Return what an adapter does not hold of its head, and transformers is told when it makes the model."""
    problem = PROBLEMS.get(info.task_type)
    asked = f"num_labels={len(info.labels)}" + ("" if problem is None else f', problem_type="{problem}"')
    return f"load it on a model with {asked}: {', '.join(info.labels)[:200]}"


def _tensors(
    base: Base, skeleton: torch.nn.Module, biases: list[str], values: dict[str, Any], prefix: str
) -> tuple[dict[str, Float32], list[str], list[str]]:
    """Return an adapter's tensors by name, and the names of linear layers and of modules that it holds whole."""
    modules = dict(skeleton.named_modules())
    stored = read_parameters(base)
    tensors: dict[str, Float32] = {}
    linear: list[str] = []
    whole: list[str] = []
    for name in biases:
        module = name.removesuffix(".bias")
        if isinstance(modules.get(module), torch.nn.Linear):
            if modules[module].bias is None:
                raise ConversionError(f"{module} has no bias in transformers; an adapter would be another model")
            delta = (values[name].astype(np.float64) - base.default_biases[name]).astype(np.float32)
            tensors[prefix + module + DELTA] = delta[None]
            linear.append(prefix + module)
        else:
            tensors |= {f"{prefix}{module}.weight": stored[f"{module}.weight"], prefix + name: values[name].copy()}
            whole.append(prefix + module)
    if not linear:  # PEFT wants one at least
        spare = next(s for s in base.manifest.biases if isinstance(modules.get(s.name[:-5]), torch.nn.Linear))
        tensors[prefix + spare.name[:-5] + DELTA] = np.zeros((1, spare.size), np.float32)
        linear.append(prefix + spare.name[:-5])
    return tensors, linear, whole


def _kind(pack: Pack, base: Base) -> tuple[str, list[str]]:
    """Return the kind of model that the adapter is for, and notes on what it leaves out."""
    info, notes = pack.info, list[str]()
    kind = "sequence" if info.task_type in PROBLEMS else "token" if info.task_type == "token-classification" else "none"
    if kind != "none":
        try:
            check_head_fits(base, kind)
        except ConversionError as error:
            kind = "none"
            notes.append(f"the head is left out: {error}")
    elif pack.has_head:
        notes.append(f"the head is left out: an adapter has none for {info.task_type}")
    lost = {"windows": info.windows, "decisions": info.decisions, "transitions": info.transitions, "words": info.words}
    notes += [f"{name} of the pack are left out" for name, value in lost.items() if value is not None]
    if base.manifest.precision != "fp32":
        notes.append("its biases learned beside rounded weights: on the model's own, answers differ a little")
    return kind, notes
