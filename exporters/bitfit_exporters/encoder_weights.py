"""Encoders of checkpoints: weights under the names of the model, all of them used, none missing."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModel

from bitfit_exporters.errors import CheckpointError
from bitfit_exporters.weight_files import WeightFiles, find_weights
from bitfit_runtime.errors import first_line
from bitfit_runtime.formats.schema import CONFIG_FILE

# Buffers that earlier versions of transformers saved; they hold what is computed anyway.
_BUFFERS = re.compile(r"(.*\.)?(position_ids|token_type_ids|inv_freq|original_inv_freq|embed_positions\.weight)")
LARGEST_BUFFERS = 1 << 22  # numbers
_OLD_NAMES = ((".gamma", ".weight"), (".beta", ".bias"))  # of norms, as the first checkpoints of BERT have them


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder in float32; `missing` are parameters that the checkpoint lacks, `unused` weights that it has more."""

    model: torch.nn.Module
    missing: tuple[str, ...]
    unused: tuple[str, ...]


def load_encoder(folder: Path, config: Any) -> LoadedEncoder:
    """Load the encoder in `folder` with a configuration that was checked.

    A prefix that its weights share (`module.`, `_orig_mod.`) is stripped. Raises CheckpointError when a file is
    incomplete, a shape differs from the configuration's, or the encoder has weights that the model does not.
    """
    skeleton = make_skeleton(folder / CONFIG_FILE, config)
    files = find_weights(folder)
    shapes = {name: tuple(p.shape) for name, p in (*skeleton.named_parameters(), *skeleton.named_buffers())}
    prefix = wrapping(files.shapes, shapes, skeleton.base_model_prefix)
    _check_shapes(folder, files, prefix, shapes, skeleton.base_model_prefix)
    model, info = _load(folder, files, prefix, config, type(skeleton))
    unused = {name.removeprefix(f"{skeleton.base_model_prefix}.") for name in info["unexpected_keys"]}
    inside = {name for name, _ in skeleton.named_children()}
    left = sorted(name for name in unused if not _BUFFERS.fullmatch(name))
    foreign = [name for name in left if name.partition(".")[0] in inside and not name.startswith("pooler")]
    if foreign:
        raise CheckpointError(
            f"{folder} holds {_counted(foreign)} inside the encoder, which {config.model_type} in transformers "
            f"{transformers.__version__} does not have: the base would be another model; check {CONFIG_FILE} "
            "(its layers, its positions), or give a model without them"
        )
    return LoadedEncoder(model, tuple(sorted(info["missing_keys"])), tuple(left))


def wrapping(names: Iterable[str], known: Iterable[str], base_prefix: str) -> str:
    """Return the prefix with which another program wrapped the encoder's names, or an empty string.

    `known` are the encoder's names, `base_prefix` what transformers strips itself. Raises CheckpointError when the
    names hold several encoders.
    """
    targets = {*known}
    found = Counter(prefix for name in names if (prefix := _before(_renamed(name), targets)) is not None)
    full = [prefix for prefix, count in found.items() if 2 * count > max(found.values())]
    if len(full) > 1:
        raise CheckpointError(
            f"the weights hold {len(full)} encoders ({', '.join(sorted(prefix or '(no prefix)' for prefix in full))}); "
            "save the one that is wanted with save_pretrained"
        )
    prefix = full[0] if full else ""
    return "" if prefix == f"{base_prefix}." else prefix


def _before(name: str, known: set[str]) -> str | None:
    """Return what stands before a known name at the end of `name`, None if there is none."""
    parts = name.split(".")
    return next(
        ("".join(f"{part}." for part in parts[:i]) for i in range(len(parts)) if ".".join(parts[i:]) in known), None
    )


def _renamed(name: str) -> str:
    for old, new in _OLD_NAMES:
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def make_skeleton(path: Path, config: Any) -> Any:
    """Return the model that the configuration at `path` describes, without memory for its weights.

    Raises CheckpointError.
    """
    try:
        with torch.device("meta"):
            skeleton = AutoModel.from_config(config)
    except Exception as error:  # of any kind: the classes check little of what a configuration says
        raise CheckpointError(
            f"{path} does not describe a {config.model_type} ({first_line(error)}); give the {CONFIG_FILE} that "
            "belongs to the weights"
        ) from None
    for name, buffer in skeleton.named_buffers():  # what a model computes with it for each token, no weight shows
        if name.endswith("inv_freq") and 2 * buffer.numel() > config.hidden_size:
            raise CheckpointError(
                f"{path} rotates {2 * buffer.numel():,} numbers of a head, more than hidden_size, {config.hidden_size} "
                f"(by head_dim); give the {CONFIG_FILE} that belongs to the weights"
            )
    return skeleton


def _check_shapes(
    folder: Path, files: WeightFiles, prefix: str, shapes: Mapping[str, tuple[int, ...]], base_prefix: str
) -> None:
    """Compare shapes before anything is allocated. Raises CheckpointError."""
    common = 0
    for name, found in files.shapes.items():
        stripped = _renamed(name.removeprefix(prefix))
        for plain in (stripped, stripped.removeprefix(f"{base_prefix}.")):
            expected = shapes.get(plain)
            common += expected is not None
            if expected is not None and expected != found and not _BUFFERS.fullmatch(plain):
                raise CheckpointError(
                    f"{folder}: {name} has shape {list(found)}, {CONFIG_FILE} asks for {list(expected)}; give the "
                    f"{CONFIG_FILE} that belongs to the weights"
                )
            if expected is not None:
                break
    described = sum(map(math.prod, shapes.values()))
    if described > 4 * files.numbers + LARGEST_BUFFERS:
        raise CheckpointError(
            f"{folder / CONFIG_FILE} describes {described:,} parameters, far more than its weights hold; give the "
            f"{CONFIG_FILE} that belongs to the weights"
        )
    if not common:
        raise CheckpointError(
            f"none of the {len(files.shapes)} weights in {folder} ({min(files.shapes)} first) is one of the model that "
            f"{CONFIG_FILE} describes; give the {CONFIG_FILE} that belongs to them"
        )


def _load(
    folder: Path, files: WeightFiles, prefix: str, config: Any, kind: Any
) -> tuple[torch.nn.Module, Mapping[str, Any]]:
    source: dict[str, Any] = {"pretrained_model_name_or_path": folder, "local_files_only": True}
    if prefix or any(path.suffix != ".safetensors" for path in files.paths):
        state = {name.removeprefix(prefix): value for name, value in files.load().items()}
        source = {"pretrained_model_name_or_path": None, "state_dict": state}
    try:
        loaded: tuple[torch.nn.Module, Mapping[str, Any]] = kind.from_pretrained(
            **source, config=config, dtype=torch.float32, output_loading_info=True
        )
        return loaded
    except Exception as error:  # transformers, safetensors and torch raise errors of many kinds
        raise CheckpointError(
            f"the weights in {folder} cannot be loaded ({first_line(error).rstrip('.')}); download them again"
        ) from None


def _counted(names: list[str]) -> str:
    return f"the weight {names[0]}" if len(names) == 1 else f"{len(names)} weights, {names[0]} first,"
