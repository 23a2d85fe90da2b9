"""Configurations: `config.json`, checked for numbers and values with which the loaded model would be another one."""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import transformers
from transformers import CONFIG_MAPPING, AutoConfig, AutoModel

from bitfit_exporters.errors import ArchitectureError, CheckpointError
from bitfit_exporters.families import FAMILIES, refusal
from bitfit_exporters.model_files import read_object
from bitfit_runtime.errors import first_line
from bitfit_runtime.formats.schema import CONFIG_FILE

# No encoder comes near; more would be built for hours or not at all.
MOST_LAYERS: Final = 1_000
LARGEST_SIZE: Final = 1 << 24
MOST_LABELS: Final = 1 << 16  # of the head, which is left out: transformers makes up a name for each
_COUNTS = re.compile(r"num_.*(layers|heads|groups|networks)|n_(layers?|heads?)|inner_group_num")
_SIZES = re.compile(r".*_size|max_position_embeddings|dim|hidden_dim|max_relative_positions|position_buckets")
_POSITIVE = (
    *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "embedding_size"),
    *("max_position_embeddings", "dim", "hidden_dim", "n_layers", "n_heads"),
)
# A field of one of these names says how something is computed.
_COMPUTES = re.compile(
    r"position|relative|rope|rotary|alibi|attention|attn|window|norm|activation|_act$|embed|head|layer|hidden|intermedia"
    r"|ffn|feed_forward|mlp|glu|gated|expert|moe|conv|kernel|residual|scal|bias|adapter|lora|cap$|parallel|bottleneck"
)
# Leftovers of training, of heads and of other programs, whatever they say.
_HARMLESS = re.compile(
    r"pooler_.*|classifier_.*|.*dropout.*|.*_prob|initializer.*|.*initialization.*|layerdrop|summary_.*|_?attn_impl.*"
    r"|output_.*|.*_token_id|lm_head.*|.*flash.*|fused_.*|head_(hidden|size|type)|.*checkpointing.*|_.*|use_cache"
    r"|tie_.*|.*_loss.*|.*classif.*|use_memory_efficient_attention|unpad_inputs|.*_bias_correction|.*_version"
    r"|.*_eps(ilon)?|pool_act|adapters|transformers.*|sentence_transformers|num_labels|.*2label|label2id"
)
_NEUTRAL = ("absolute", "none", "")  # of a text; 1 is neutral as a factor or a count


def load_config(folder: Path, name: str) -> Any:
    """Return the transformers configuration of the encoder in `folder`, which `name` stands for in messages.

    Raises CheckpointError when config.json is malformed, impossible, or asks for what the model of today's
    transformers does not compute; ArchitectureError when the family is not supported.
    """
    path = folder / CONFIG_FILE
    raw = read_object(path)
    check_type(raw, path)
    kind = raw["model_type"]
    if kind not in CONFIG_MAPPING:
        raise CheckpointError(f"{path} {refusal(SimpleNamespace(model_type=kind))}")
    check_numbers(raw, path)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        reason = refusal(config)
    except Exception as error:  # transformers validates with errors of many kinds
        raise CheckpointError(f"{path} is not accepted ({_reason(error)}); download it again") from None
    if reason is not None:
        raise ArchitectureError(f"{name} {reason}")
    if raw.get("quantization_config"):
        raise CheckpointError(f"{name} is quantized already (quantization_config in {path}); give the float32 model")
    unused = next(unused_values(raw, config), None)
    if unused is not None:
        raise CheckpointError(
            f"{path} sets {unused[0]} to {unused[1]!r}, which {config.model_type} in transformers "
            f"{transformers.__version__} does not compute: the base would be another model; give a model without it, "
            "or remove the field if it has no effect"
        )
    config.return_dict, config.output_hidden_states, config.output_attentions = True, False, False
    return config


def check_type(raw: Mapping[str, Any], path: Path) -> None:
    """Refuse what names no type of model. Raises CheckpointError or ArchitectureError."""
    kind = raw.get("model_type")
    if kind is None:
        raise CheckpointError(
            f"{path} has no model_type; it should be the encoder's config.json, whose model_type is one of "
            f"{', '.join(FAMILIES)}"
        )
    if not isinstance(kind, str):
        raise CheckpointError(f"{path}: model_type should be a string, found {kind!r}; download it again")


def check_numbers(raw: Mapping[str, Any], path: Path) -> None:
    """Refuse sizes and counts that no encoder has. Raises CheckpointError."""
    for field, value in raw.items():
        most = _most(field)
        if most is None or value is None or isinstance(value, bool | str | list | dict):
            continue
        least = 1 if field in _POSITIVE else -1
        if not isinstance(value, int) or not least <= value <= most:
            raise CheckpointError(
                f"{path}: {field} should be a whole number from {least} to {most}, found {value!r}; download it again"
            )


def _most(field: str) -> int | None:
    """Return the largest number that a field may have, None where any will do."""
    if field == "num_labels":
        return MOST_LABELS
    return MOST_LAYERS if _COUNTS.fullmatch(field) else LARGEST_SIZE if _SIZES.fullmatch(field) else None


def unused_values(raw: Mapping[str, Any], config: Any) -> Iterator[tuple[str, Any]]:
    """Yield the (field, value) pairs of config.json that say how to compute, but that the model does not know."""
    kind = type(config)
    known = {*kind().to_dict(), *getattr(kind, "attribute_map", {})}
    modules = (sys.modules[one.__module__] for one in (kind, AutoModel._model_mapping[kind]))
    code = "".join(map(inspect.getsource, modules))
    for field, value in raw.items():
        if field in known or not _COMPUTES.search(field) or _HARMLESS.fullmatch(field) or _is_neutral(value):
            continue
        read = rf"""(config|self|kwargs)(\.|, |\.\w+\()["']?{re.escape(field)}\b"""  # without being declared
        if not re.search(read, code) and not _is_converted(kind, raw, field):
            yield field, value


def _is_neutral(value: Any) -> bool:
    if isinstance(value, str):
        return value.lower() in _NEUTRAL
    if isinstance(value, bool):
        return not value
    return not value or (isinstance(value, int | float) and value == 1)


def _is_converted(kind: Any, raw: Mapping[str, Any], field: str) -> bool:
    """Tell whether a field of an older name changes another field of the configuration."""
    without = {name: value for name, value in raw.items() if name != field}
    value = raw[field]
    others = [without, {**raw, field: value + 1}] if isinstance(value, int | float) else [without]
    try:
        one, *rest = (kind.from_dict(dict(each)).to_dict() for each in (raw, *others))
    except Exception:  # transformers validates with errors of many kinds; then the field is read at least
        return True
    return any({**one, field: None} != {**other, field: None} for other in rest)


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]).rstrip(".: ") if lines else first_line(error)
