"""Checkpoints: a pretrained encoder and its tokenizer, from a folder, the local cache or the hub."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tokenizers
import torch

from bitfit_exporters.encoder import add_missing_biases, token_inputs
from bitfit_exporters.encoder_weights import load_encoder
from bitfit_exporters.errors import ArchitectureError, CheckpointError, ExportError
from bitfit_exporters.families import FAMILIES, Family
from bitfit_exporters.model_config import load_config
from bitfit_exporters.model_files import quiet_transformers
from bitfit_exporters.model_source import base_name, model_folder, resolve
from bitfit_exporters.model_tokenizer import LoadedTokenizer, check_tokens, load_tokenizer
from bitfit_exporters.options import SHORTEST, ExportOptions
from bitfit_exporters.origin import UNKNOWN, Origin
from bitfit_exporters.sentence_settings import SentenceSettings, read_sentence_settings
from bitfit_runtime.formats.schema import LIMITS


@dataclass(frozen=True)
class Checkpoint:
    """A loaded encoder in float32 and evaluation mode, and what an export makes of it.

    `config` is its transformers configuration; `inputs` are its token inputs; `max_length` is in tokens; `pooling` is
    how the export pools. `notes` say what of the model's folder is not in the base, `origin` where it comes from.
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
    notes: tuple[str, ...] = ()
    origin: Origin = UNKNOWN

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states."""
        return int(self.config.hidden_size)


@quiet_transformers()
def load_checkpoint(name: str, options: ExportOptions) -> Checkpoint:
    """Load a model by short name, hub name or folder.

    Raises UnknownModelError, ModelUnavailableError, CheckpointError or ArchitectureError; ExportError where an option
    does not fit the model.
    """
    folder = model_folder(name, options)
    config = load_config(folder, name)
    settings = read_sentence_settings(folder)
    tokenizer = load_tokenizer(folder)
    loaded = load_encoder(folder, config)
    pooling = choose_pooling(config, settings, options)
    missing = needed(loaded.missing, pooling)
    if missing:
        raise CheckpointError(f"{name} lacks {len(missing)} weights, {missing[0]} first; download it again")
    named = options.name or base_name(name)
    checkpoint = assemble(named, config, loaded.model, tokenizer, settings, options)
    source = resolve(name)
    checkpoint = replace(checkpoint, origin=Origin.of(folder, None if Path(source).is_absolute() else source))
    if not loaded.unused:
        return checkpoint
    note = f"{len(loaded.unused)} weights outside the encoder, {loaded.unused[0]} first"
    return replace(checkpoint, notes=(*checkpoint.notes, note))


def choose_pooling(config: Any, settings: SentenceSettings, options: ExportOptions) -> str:
    """Return the pooling that was asked for, else that of sentence-transformers' files, else the family's."""
    return options.pooling or settings.pooling or FAMILIES[config.model_type].pooling


def assemble(
    name: str,
    config: Any,
    model: torch.nn.Module,
    tokenizer: LoadedTokenizer,
    settings: SentenceSettings,
    options: ExportOptions,
) -> Checkpoint:
    """Put a loaded encoder and its tokenizer together; the encoder gets the biases that it lacks.

    Raises ArchitectureError when the model has no pooler to pool with, CheckpointError when a parameter is not finite
    (the embedding of a rare token would pass every other check), a token has no embedding, or there are too few
    positions, and ExportError when more tokens are asked for than it has positions.
    """
    family, pooling = FAMILIES[config.model_type], choose_pooling(config, settings, options)
    if pooling == "pooler" and family.pooler is None:
        raise ArchitectureError(f"{name} has no pooler; choose `pooling` mean or cls")
    for parameter, values in model.named_parameters():
        if not values.numel():
            raise CheckpointError(f"{name}: {parameter} is empty; give its size in config.json a positive value")
        if not torch.isfinite(values).all():
            raise CheckpointError(f"{name}: {parameter} holds a value that is not finite; download the model again")
    check_tokens(name, tokenizer, model.get_input_embeddings().weight.shape[0])  # type: ignore[operator]
    if family.positions_after_padding and not isinstance(config.pad_token_id, int):
        raise CheckpointError(f"{name}: config.json should give pad_token_id, behind which positions begin; add it")
    positions = min(family.positions(config), LIMITS.tokens)
    if positions < SHORTEST:
        raise CheckpointError(
            f"{name} has positions for {positions} tokens by config.json (max_position_embeddings, pad_token_id), "
            f"expected at least {SHORTEST}; choose another model"
        )
    add_missing_biases(model)
    pad = config.pad_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    return Checkpoint(
        name=name,
        family=family,
        config=config,
        model=model.eval(),
        tokenizer=tokenizer.tokenizer,
        pad_token_id=int(pad or 0),
        inputs=token_inputs(model, config),
        max_length=_max_length(name, positions, settings, options),
        pooling=pooling,
        notes=settings.notes,
    )


def _max_length(name: str, positions: int, settings: SentenceSettings, options: ExportOptions) -> int:
    """Return the longest input in tokens: what was asked for, else what sentence-transformers' files say, else all."""
    asked, length = options.max_length, settings.max_length or positions
    if asked is not None:
        if asked > positions:
            raise ExportError(
                f"`max_length` should be at most {positions}, as many tokens as {name} takes, found {asked}; choose "
                "less, or leave it out"
            )
        return asked
    if length < SHORTEST:
        raise CheckpointError(
            f"{name}: max_seq_length in sentence_bert_config.json should be at least {SHORTEST}, found {length}; "
            "correct it, or give `max_length`"
        )
    return min(positions, length)


def needed(parameters: Iterable[str], pooling: str) -> list[str]:
    """Return the names in `parameters` that the export needs: those of the pooler only where it pools."""
    return sorted(name for name in parameters if pooling == "pooler" or not name.startswith("pooler."))
