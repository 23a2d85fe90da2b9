"""Packs whose document says what no reader takes, or nothing that fits the tensors."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from vectors.packs import PACKS
from vectors.raw_pack import RawPack

OTHER: Final = "sha256:" + "0" * 64


@dataclass(frozen=True, slots=True)
class Malformed:
    """A file that is refused: its bytes, perhaps followed by `zeros` bytes of 0."""

    name: str
    why: str
    data: bytes
    zeros: int = 0


def pack(name: str) -> RawPack:
    """Return a pack that is checked in, to be changed."""
    return RawPack.of((PACKS / f"{name}.safetensors").read_bytes())


def malformed_fields() -> Iterator[Malformed]:
    """Yield packs of which a field is wrong."""

    def one(name: str, why: str, of: str = "classification-int4", /, **fields: Any) -> Malformed:
        raw = pack(of)
        raw.document |= {key: value for key, value in fields.items() if value is not None}
        for key in [key for key, value in fields.items() if value is None]:
            del raw.document[key]
        return Malformed(name, why, raw.data())

    def inside(name: str, why: str, of: str, where: str, /, **fields: Any) -> Malformed:
        held = copy.deepcopy(pack(of).document[where])
        return one(name, why, of, **{where: held | fields})

    yield one("other-format", "another format", format="bitfit-base")
    yield one("no-format", "no format", format=None)
    yield one("schema-4", "a schema that is not known", schema_version=4)
    yield one("schema-0", "a schema that never was", schema_version=0)
    yield one("schema-text", "the schema is a string", schema_version="1")
    yield one("schema-true", "the schema is true", schema_version=True)
    yield one("schema-1.0", "the schema is 1.0", schema_version=1.0)
    early = "from_layer needs schema 2"
    yield one("early-from-layer", early, "classification-from-1", schema_version=1)
    yield one("early-windows", "windows need schema 2", "classification-windows-mean", schema_version=1)
    yield one("early-decisions", "decisions need schema 3", "classification-accepting", schema_version=2)
    yield one("early-transitions", "transitions need schema 3", "token-classification-legal", schema_version=1)
    yield one("early-words", "words needs schema 3", "token-classification-mean", schema_version=2)
    yield one("other-base", "made for another base", base=OTHER)
    yield one("other-tokenizer", "made with another tokenizer", tokenizer=OTHER)
    yield one("null-tokenizer", "the tokenizer is null", tokenizer=[])
    yield one("other-pooling", "pools in another way", pooling="cls")
    yield one("strange-pooling", "pools in no known way", pooling="median")
    yield one("strange-type", "a task type that is none", task_type="summary")
    yield one("strange-encoding", "an encoding that is none", encoding="int5")
    yield one("other-encoding", "says int8 and holds floats", "classification-float32", encoding="int8")
    yield one("long-task", "a name of 257 characters", task="x" * 257)
    yield one("long", "takes more tokens than the base", max_length=49)
    yield one("short-length", "takes two tokens", max_length=2)
    yield one("length-text", "max_length is a string", max_length="24")
    yield one("length-half", "max_length is a fraction", max_length=24.5)
    yield one("labels-twice", "a label is there twice", labels=["news", "sport", "news", "köche"])
    yield one("label-more", "a label more than the head has", labels=["news", "sport", "weather", "köche", "more"])
    yield one("label-number", "a label is a number", labels=["news", "sport", "weather", 4])
    yield one("no-labels", "classification without labels", labels=[])
    yield one("two-values", "regression with two labels", "regression-int4", labels=["value", "other"])
    yield one("embedding-labels", "an embedding with a label", "embedding-int4", labels=["value"])
    yield one("strange-term", "a term that the base lacks", terms=["q", "zeta"])
    yield one("no-terms", "biases of no term", terms=[])
    yield one("other-terms", "fewer biases than the terms have", "classification-two-terms", terms=["q", "m2", "m3"])
    yield one("term-text", "terms is a string", terms="q")
    yield one("metric-text", "a metric is a string", metrics={"accuracy": "0.9"})
    yield one("no-created-by", "created_by is missing", created_by=None)
    yield one("layer-negative", "from_layer is -1", "classification-from-1", from_layer=-1)
    yield one("layer-4", "begins above the last layer", "classification-from-1", from_layer=4)
    yield one("layer-2", "fewer biases than are held", "classification-from-1", from_layer=2)
    yield one("layer-true", "from_layer is true", "classification-from-1", from_layer=True)
    windowed, deciding = "classification-windows-mean", "classification-outliers-logits"
    yield inside("join-strange", "a join that is none", windowed, "windows", join="median")
    yield inside("join-other", "a join of another type", "regression-windows-mean", "windows", join="noisy-or")
    yield inside("overlap-9", "windows overlap by more than half", windowed, "windows", overlap=9)
    yield inside("windows-0", "no windows", windowed, "windows", max_windows=0)
    yield inside("windows-1025", "too many windows", windowed, "windows", max_windows=1025)
    yield one("windows-list", "windows is a list", windowed, windows=[])
    yield inside("temperature-0", "a temperature of 0", deciding, "decisions", temperature=0)
    yield inside("temperature-text", "a temperature that is a string", deciding, "decisions", temperature="1")
    yield inside("rows-0", "fitted on no rows", deciding, "decisions", rows=0)
    yield inside("thresholds-there", "a type that has no thresholds", deciding, "decisions", thresholds=[0.5] * 4)
    few = "a threshold is missing"
    yield inside("thresholds-2", few, "multi-label-thresholds", "decisions", thresholds=[0.1, 0.2])
    yield inside("threshold-2", "a threshold of 2", "multi-label-thresholds", "decisions", thresholds=[0.1, 0.2, 2])
    yield one(
        "regression-decides", "a type without decisions", "regression-int4", schema_version=3, decisions={"rows": 1}
    )
    yield inside("space-strange", "outliers in no known space", deciding, "decisions", outliers={"threshold": 0})
    other = {"threshold": 0.5, "false_alarms": 0.1, "space": "pooled", "weight": 0.5}
    yield inside("space-other", "centres of another space", deciding, "decisions", outliers=other)
    heavy = {"threshold": 0.5, "false_alarms": 0.1, "space": "logits", "weight": 1e7}
    yield inside("weight-large", "a weight over a million", deciding, "decisions", outliers=heavy)
    accepted = {"threshold": 1.5, "max_error": 0.1, "coverage": 0.5}
    yield inside("acceptance-1.5", "a probability over 1", deciding, "decisions", acceptance=accepted)
    yield one("transitions-strange", "transitions of no known kind", "token-classification-legal", transitions="soft")
    yield one("transitions-type", "transitions of another type", schema_version=3, transitions="legal")
    yield one("words-strange", "words of no known kind", "token-classification-mean", words="last")
    yield one("words-type", "words of another type", schema_version=3, words="mean")
    tags = ["O", "B-PLACE", "I-PLACE", "B-NAME", "I-OTHER"]
    yield one("tags-loose", "an I- tag without its B-", "token-classification-legal", labels=tags)
    yield inside("canary-kernels", "kernels is no fingerprint", "classification-int4", "canary", kernels="XYZ")
    yield inside("canary-empty", "a canary without inputs", "classification-int4", "canary", inputs=[])
    many = [{"text": "a"}] * 65
    yield inside("canary-many", "a canary of 65 inputs", "classification-int4", "canary", inputs=many)
    yield one("no-canary", "a canary's tensor without its field", canary=None)
