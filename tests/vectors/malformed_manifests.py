"""Manifests with which every implementation refuses the base of the vectors, with what is wrong with each."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from vectors.packs import BASE

DIGEST: Final = "0" * 64


class MalformedManifest(NamedTuple):
    """The text of a `bitfit.json`, and what is wrong with it."""

    name: str
    why: str
    text: str


def malformed_manifests() -> Iterator[MalformedManifest]:
    """Yield them."""
    whole = (BASE / "bitfit.json").read_text(encoding="utf-8")
    document = json.loads(whole)

    def one(name: str, why: str, change: Callable[[dict[str, Any]], object]) -> MalformedManifest:
        changed = copy.deepcopy(document)
        change(changed)
        return MalformedManifest(name, why, json.dumps(changed))

    def with_field(name: str, why: str, **fields: Any) -> MalformedManifest:
        return one(name, why, lambda changed: changed.update(fields))

    yield MalformedManifest("empty", "nothing", "")
    yield MalformedManifest("cut", "ends in the middle", whole[: len(whole) // 2])
    yield MalformedManifest("list", "a list", "[]")
    yield MalformedManifest("deep", "nested ten thousand times", "[" * 10_000 + "]" * 10_000)
    yield MalformedManifest("key-twice", "a field is there twice", whole.replace('"name"', '"name": "x", "name"', 1))
    yield with_field("other-format", "another format", format="bitfit-pack")
    yield with_field("schema-3", "a schema that is not known", schema_version=3)
    yield with_field("schema-true", "the schema is true", schema_version=True)
    yield with_field("extended", "schema 2 without activations", schema_version=2)
    yield with_field("precision", "a precision that is none", precision="int5")
    yield with_field("pooling", "pools in no known way", pooling="median")
    yield with_field("short", "takes less than 8 tokens", max_length=7)
    yield with_field("long", "takes more than 65,536 tokens", max_length=65_537)
    yield with_field("length-text", "max_length is a string", max_length="48")
    yield with_field("no-width", "hidden_size is 0", hidden_size=0)
    yield with_field("pad", "pads with a token that the model lacks", pad_token_id=1 << 20)
    yield with_field("inputs", "inputs in another order", inputs=["attention_mask", "input_ids"])
    yield with_field("branches", "branches that descend", branches=[3, 2, 1])
    yield with_field("branch-4", "a branch point above the last layer", branches=[1, 2, 4])
    yield with_field("files", "files lists no graph", files={"tokenizer.json": DIGEST})
    for name in ("model.onnx", "model.weights", "tokenizer.json", "biases.safetensors"):
        yield one(
            f"digest-{name}",
            f"another digest of {name}",
            lambda changed, name=name: changed["files"].update({name: DIGEST}),
        )
    yield one(
        "outside", "a file outside the folder", lambda changed: changed["files"].update({"../model.onnx": DIGEST})
    )
    yield one("bias-twice", "a bias is there twice", lambda changed: changed["biases"].append(changed["biases"][0]))
    yield one("bias-empty", "a bias of no elements", lambda changed: changed["biases"][0].update(size=0))
    yield one("bias-longer", "a bias longer than its default", lambda changed: changed["biases"][0].update(size=33))
    yield one("bias-layer", "a layer below -1", lambda changed: changed["biases"][0].update(layer=-2))
    yield one("bias-strange", "a bias that the base lacks", lambda changed: changed["biases"][0].update(name="strange"))
    yield one("bias-missing", "a bias is missing", lambda changed: changed["biases"].pop())
    yield one("no-self-test", "no self-test", lambda changed: changed.pop("self_test"))
    yield one("tolerance", "a tolerance of 2", lambda changed: changed["self_test"].update(tolerance=2))
    yield one(
        "narrow", "a vector of the self-test is too short", lambda changed: changed["self_test"]["pooled"][0].pop()
    )
    yield one(
        "tokens", "a token of the self-test is negative", lambda changed: changed["self_test"].update(input_ids=[-1])
    )
    yield one("moved", "the self-test expects something else", _other_vector)


def _other_vector(changed: dict[str, Any]) -> None:
    pooled = changed["self_test"]["pooled"]
    pooled[1] = [-value for value in pooled[1]]
