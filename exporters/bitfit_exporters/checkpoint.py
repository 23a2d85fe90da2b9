"""Checkpoints: a pretrained encoder and its tokenizer, from a folder, the local cache or the hub."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers
import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from bitfit_exporters.encoder import add_missing_biases, token_inputs
from bitfit_exporters.errors import ArchitectureError, CheckpointError, ModelUnavailableError, UnknownModelError
from bitfit_exporters.families import FAMILIES, Family, refusal
from bitfit_exporters.options import ExportOptions
from bitfit_runtime.errors import first_line

SHORT_NAMES = {
    "albert-base": "albert/albert-base-v2",
    "bert-base": "google-bert/bert-base-uncased",
    "bert-base-cased": "google-bert/bert-base-cased",
    "bert-large": "google-bert/bert-large-uncased",
    "bert-multilingual": "google-bert/bert-base-multilingual-cased",
    "camembert-base": "almanach/camembert-base",
    "deberta-v3-base": "microsoft/deberta-v3-base",
    "deberta-v3-small": "microsoft/deberta-v3-small",
    "distilbert-base": "distilbert/distilbert-base-uncased",
    "electra-base": "google/electra-base-discriminator",
    "electra-small": "google/electra-small-discriminator",
    "minilm": "sentence-transformers/all-MiniLM-L6-v2",
    "mobilebert": "google/mobilebert-uncased",
    "modernbert-base": "answerdotai/ModernBERT-base",
    "mpnet": "sentence-transformers/all-mpnet-base-v2",
    "roberta-base": "FacebookAI/roberta-base",
    "roberta-large": "FacebookAI/roberta-large",
    "xlm-roberta-base": "FacebookAI/xlm-roberta-base",
}
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True)
class Checkpoint:
    """A loaded encoder in float32 and evaluation mode, and what an export makes of it.

    `config` is its transformers configuration; `inputs` are its token inputs; `max_length` is in tokens; `pooling` is
    how the export pools.
    """

    name: str
    family: Family
    config: Any
    model: torch.nn.Module
    tokenizer: tokenizers.Tokenizer
    pad_token_id: int
    inputs: tuple[str, ...]
    max_length: int
    pooling: str

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states."""
        return int(self.config.hidden_size)


def load_checkpoint(name: str, options: ExportOptions) -> Checkpoint:
    """Load a model by short name, hub name or folder.

    Raises UnknownModelError, ModelUnavailableError, CheckpointError or ArchitectureError.
    """
    source = resolve(name)
    hub_options: dict[str, Any] = {"revision": options.revision, "local_files_only": options.offline}
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(source, **hub_options)
        family = family_of(config, name)
        model, info = AutoModel.from_pretrained(
            source, config=config, dtype=torch.float32, output_loading_info=True, **hub_options
        )
        tokenizer = load_tokenizer(source, **hub_options)
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError, SafetensorError) as error:
        raise _loading_error(name, source, options, error) from None
    missing = sorted(needed(info["missing_keys"], family, options))
    if missing:
        raise CheckpointError(f"{name} lacks {len(missing)} weights, {missing[0]} first; download it again")
    return assemble(options.name or Path(source).name, family, config, model, tokenizer, options)


def assemble(
    name: str,
    family: Family,
    config: Any,
    model: torch.nn.Module,
    tokenizer: tuple[tokenizers.Tokenizer, int | None],
    options: ExportOptions,
) -> Checkpoint:
    """Put a loaded encoder and what `load_tokenizer` returned together; the encoder gets the biases that it lacks.

    Raises ArchitectureError when the model has no pooler to pool with, CheckpointError when a parameter is not finite:
    the embedding of a rare token would pass every other check.
    """
    pooling = options.pooling or family.pooling
    if pooling == "pooler" and family.pooler is None:
        raise ArchitectureError(f"{name} has no pooler; choose `pooling` mean or cls")
    for parameter, values in model.named_parameters():
        if not torch.isfinite(values).all():
            raise CheckpointError(f"{name}: {parameter} holds a value that is not finite; download the model again")
    fast, pad = tokenizer
    add_missing_biases(model)
    positions = int(config.max_position_embeddings) - family.reserved_positions
    return Checkpoint(
        name=name,
        family=family,
        config=config,
        model=model.eval(),
        tokenizer=fast,
        pad_token_id=int((config.pad_token_id if pad is None else pad) or 0),
        inputs=token_inputs(model, config),
        max_length=min(positions, options.max_length or positions),
        pooling=pooling,
    )


def load_tokenizer(source: str | Path, **hub_options: Any) -> tuple[tokenizers.Tokenizer, int | None]:
    """Return a fast tokenizer that neither pads nor cuts, and the id of its padding token, None if it has none.

    Raises what transformers raises.
    """
    fast = AutoTokenizer.from_pretrained(source, **hub_options)
    tokenizer = tokenizers.Tokenizer.from_str(fast.backend_tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer, fast.pad_token_id


def needed(parameters: Iterable[str], family: Family, options: ExportOptions) -> list[str]:
    """Return the names in `parameters` that the export needs: those of the pooler only where it pools."""
    pooler = (options.pooling or family.pooling) == "pooler"
    return [name for name in parameters if pooler or not name.startswith("pooler.")]


def family_of(config: Any, name: str) -> Family:
    """Return the model's family. Raises ArchitectureError when it is not supported."""
    reason = refusal(config)
    if reason is not None:
        raise ArchitectureError(f"{name} {reason}")
    return FAMILIES[config.model_type]


def resolve(name: str) -> str:
    """Return the folder or hub name that `name` stands for. Raises UnknownModelError, CheckpointError."""
    if name in SHORT_NAMES:
        return SHORT_NAMES[name]
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise CheckpointError(f"{name} is not a checkpoint: it has no config.json; give a folder that has one")
        return str(path.resolve())
    if path.exists():
        raise CheckpointError(f"{name} is a file; give the folder that holds config.json and the weights")
    if not HUB_NAME.fullmatch(name):
        raise UnknownModelError(
            f"{name} is neither a folder nor a hub name; known short names: {', '.join(SHORT_NAMES)}"
        )
    if "/" not in name:
        close = difflib.get_close_matches(name, SHORT_NAMES, 1)
        hint = f"did you mean {close[0]}?" if close else f"known short names: {', '.join(SHORT_NAMES)}"
        raise UnknownModelError(f"no model or folder is named {name}; {hint} (hub names have the form owner/name)")
    return name


def _loading_error(name: str, source: str, options: ExportOptions, error: Exception) -> Exception:
    reason = first_line(error).rstrip(".")
    if Path(source).is_dir():
        return CheckpointError(f"{name} cannot be loaded ({reason}); expected config.json, weights and a tokenizer")
    advice = "run once without `offline`" if options.offline else "check the name and the network, or give a folder"
    return ModelUnavailableError(f"{name} ({source}) is not available ({reason}); {advice}")
