"""Weight files of a checkpoint: which there are, and the name and shape of every tensor, before any is loaded."""

import json
import math
import pickle
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from bitfit_exporters.errors import CheckpointError
from bitfit_exporters.model_files import check_content, read_object
from bitfit_exporters.model_source import WEIGHTS
from bitfit_runtime.errors import first_line
from bitfit_runtime.formats.schema import MANIFEST_FILE

FOREIGN = ("tf_model.h5", "flax_model.msgpack", "model.ckpt.index", "rust_model.ot")
CODED = ("I8", "U8", "I4", "U4", "F8", "F4")  # what begins the dtypes of quantized weights
LONGEST_HEADER = 100 << 20  # that of the safetensors library
FLOAT_BYTES = 2  # of the shortest floats that are no code
AGAIN = "download it again"


@dataclass(frozen=True)
class WeightFiles:
    """The files that hold a checkpoint's weights, and the shape of each tensor by its name in them."""

    paths: tuple[Path, ...]
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def numbers(self) -> int:
        """How many numbers the files hold at most. Shapes alone can say anything: a pickled one may repeat a number."""
        stored = sum(path.stat().st_size for path in self.paths) // FLOAT_BYTES
        return min(stored, sum(map(math.prod, self.shapes.values())))

    def load(self) -> dict[str, torch.Tensor]:
        """Return every tensor. Raises CheckpointError."""
        state: dict[str, torch.Tensor] = {}
        for path in self.paths:
            state |= _load(path)
        return state


def find_weights(folder: Path) -> WeightFiles:
    """Find the weights in a folder, in the order that transformers does.

    Raises CheckpointError when there are none, or a file is missing, incomplete or not what its name says.
    """
    if (folder / "adapter_config.json").is_file():
        raise CheckpointError(
            f"{folder} holds an adapter of PEFT, which an export would leave out; merge it into its model "
            "(merge_and_unload) and save that, with the tokenizer, in another folder"
        )
    if (folder / MANIFEST_FILE).is_file():
        raise CheckpointError(f"{folder} is a base already; give the model that it was exported from")
    name = next((name for name in WEIGHTS if (folder / name).is_file()), None)
    if name is None:
        raise CheckpointError(_no_weights(folder))
    path = folder / name
    paths = _shards(path) if name.endswith(".json") else (path,)
    shapes: dict[str, tuple[int, ...]] = {}
    for one in paths:
        check_content(one)
        shapes |= _header(one) if one.suffix == ".safetensors" else {k: tuple(v.shape) for k, v in _load(one).items()}
    if not shapes:
        raise CheckpointError(f"{path} holds no weights; {AGAIN}")
    return WeightFiles(paths, shapes)


def _no_weights(folder: Path) -> str:
    foreign = next((name for name in FOREIGN if (folder / name).is_file()), None)
    expected = f"{folder} has no weights: it should hold {WEIGHTS[0]} or {WEIGHTS[2]}"
    if foreign is not None:
        return f"{expected}, found {foreign}; save it from PyTorch with save_pretrained"
    others = sorted(path.name for path in folder.iterdir() if path.suffix in (".safetensors", ".bin", ".pt", ".pth"))
    found = f", found {others[0]}" if others else ""
    return f"{expected}{found}; copy them from the model they came from"


def _shards(index: Path) -> tuple[Path, ...]:
    table = read_object(index).get("weight_map")
    listed = list(table.values()) if isinstance(table, dict) else []
    if not listed or not all(isinstance(name, str) and name and Path(name).name == name for name in listed):
        raise CheckpointError(f"{index} should map weights to files beside it (weight_map); {AGAIN}")
    names = set(listed)
    missing = sorted(name for name in names if not _is_file(index.parent / name))
    if missing:
        raise CheckpointError(
            f"{index.parent} lacks {missing[0]}, one of the {len(names)} files of weights that {index.name} lists; "
            "copy the whole folder"
        )
    return tuple(index.parent / name for name in sorted(names))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _header(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes in a safetensors header, once the file is known to be as long as it says."""
    size = path.stat().st_size
    try:
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > min(size - 8, LONGEST_HEADER):
                raise CheckpointError(f"{path} is truncated or not a safetensors file; {AGAIN}")
            table: dict[str, Any] = json.loads(stream.read(length))
        table.pop("__metadata__", None)
        shapes = {str(name): tuple(map(int, one["shape"])) for name, one in table.items()}
        coded = sorted(name for name, one in table.items() if str(one["dtype"]).startswith(CODED))
        end = max((int(one["data_offsets"][1]) for one in table.values()), default=0)
    except (struct.error, ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError) as error:
        raise CheckpointError(f"{path} is not a safetensors file ({first_line(error)}); {AGAIN}") from None
    if coded:
        raise CheckpointError(
            f"{path} is quantized already ({coded[0]} is not stored in floats); give the float32 model"
        )
    if end != size - 8 - length:
        raise CheckpointError(
            f"{path} is truncated or altered: its header describes {end + 8 + length} bytes, found {size}; {AGAIN}"
        )
    return shapes


def _load(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            tensors: dict[str, torch.Tensor] = load_file(path)
            return tensors
        _check_stored(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{path} is damaged, or holds Python objects besides weights, which are not loaded; {AGAIN}, or save the "
            "weights as model.safetensors"
        ) from None
    except Exception as error:  # torch.load's share no base class
        raise CheckpointError(f"{path} is truncated or not a file of weights ({first_line(error)}); {AGAIN}") from None
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):  # a trainer's checkpoint
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError(f"{path} should hold tensors by name, found {type(state).__name__}; {AGAIN}")
    return {str(name): value for name, value in state.items()}


def _check_stored(path: Path) -> None:
    """Refuse an archive that unfolds: torch would read compressed records, or one many times over, but writes none."""
    with path.open("rb") as stream:
        if stream.read(2) != b"PK":
            return
    with zipfile.ZipFile(path) as archive:
        unfolded = sum(record.file_size for record in archive.infolist())
    if unfolded > path.stat().st_size:
        raise CheckpointError(
            f"{path} is compressed, or holds records several times, which PyTorch's files do not; {AGAIN}, or save "
            "the weights as model.safetensors"
        )
