"""The manifest `bitfit.json`: what a base says about itself."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bitfit_runtime.errors import BaseFormatError
from bitfit_runtime.formats.json_fields import Fields, read_document
from bitfit_runtime.formats.schema import (
    ACTIVATIONS,
    BASE_SCHEMA,
    EXTENDED_BASE_SCHEMA,
    LIMITS,
    MODEL_FILE,
    PRECISIONS,
    TOKENIZER_FILE,
)
from bitfit_runtime.graph import ATTENTION_MASK, INPUT_IDS, POOLINGS, TOKEN_TYPE_IDS

FORMAT = "bitfit-base"
LARGEST = 1 << 53  # of a number that every reader of JSON knows exactly
MOST_TOKENS = 1 << 31  # of a vocabulary
WORD_EMBEDDINGS = re.compile(r"(word_embeddings|tok_embeddings|embed_tokens)\.weight$")
ABOVE_LAYERS = ("final", "pooler")  # terms that act on what the last layer gives
WEIGHT_DTYPES = ("float32", "int8", "int4")
# Fields whose names in the file are older than those in the code.
STORED_NAMES = {"dtype": "scheme", "redundant_terms": "inert_terms", "foldable_terms": "folded_terms"}


@dataclass(frozen=True, slots=True)
class BiasSpec:
    """One bias input of the graph, of shape `[rows, 1, size]`.

    `term` is the paper's name (`q`, `k`, `v`, `m1`, `m2`, `m3`, `LN1`, `LN2`) or another of `docs/formats.md`;
    `layer` is the encoder layer, or -1 outside the layers.
    """

    name: str
    size: int
    term: str
    layer: int

    def below(self, layer: int) -> bool:
        """Whether this bias acts below encoder layer `layer`: on what the layer receives."""
        return self.layer < layer if self.layer >= 0 else self.term not in ABOVE_LAYERS


@dataclass(frozen=True, slots=True)
class WeightSpec:
    """One frozen parameter and how the graph stores it.

    `shape` is the checkpoint's. The initializer `name` holds that tensor, with its two axes swapped if `transposed`.
    As `int8` a second initializer `name + ".scale"` holds one float32 for each index of the checkpoint's
    axis 0 (an output feature of a linear layer, a row of an embedding table): weight = int8 × scale. As `int4` the
    initializer holds the checkpoint's tensor row after row, as blocks `[1, blocks, 1, 16]` of int4, and `name +
    ".multiplier"` an int4 for each block: weight = int4 × multiplier × scale. Where `static` names the constants of a
    static scale, that weight is the checkpoint's divided by the factors of its inputs (axis 1).
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    transposed: bool
    static: str | None = None


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Token ids and the `pooled` vectors that the export computed for them.

    Row 0 runs with the default biases; row 1 with bias `i` of the table moved by `amplitude * (-1)**(i + j)` at its
    index `j`. `tolerance` bounds the relative L2 distance that other instruction sets may cause.
    """

    input_ids: tuple[int, ...]
    amplitude: float
    tolerance: float
    pooled: tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parsed and checked manifest.

    `files` maps each other file of the base to its SHA-256 in hexadecimal. `redundant_terms` are bias terms that cannot
    change an answer. `foldable_terms` maps terms to those that can carry them: Δb_m1 = W_o Δb_v where v maps to m1.
    `branches` are the layers, ascending, below which the rows of a batch may branch (`graph.branch_input`).
    `activations` says whether the scales of rounded activations are `dynamic`, one a row, or `static`.
    """

    name: str
    architecture: str
    precision: str
    pooling: str
    max_length: int
    hidden_size: int
    pad_token_id: int
    parameters: int
    inputs: tuple[str, ...]
    files: Mapping[str, str]
    biases: tuple[BiasSpec, ...]
    weights: tuple[WeightSpec, ...]
    redundant_terms: tuple[str, ...]
    foldable_terms: Mapping[str, str]
    self_test: SelfTest
    created_by: str
    branches: tuple[int, ...] = ()
    activations: str = "dynamic"

    @property
    def layers(self) -> int:
        """The number of encoder layers, layers that share their parameters being one."""
        return max((spec.layer for spec in self.biases), default=-1) + 1

    @property
    def digest(self) -> str:
        """The base's identity, which packs name: `sha256:` and the digest of the graph."""
        return f"sha256:{self.files[MODEL_FILE]}"

    @property
    def tokenizer_digest(self) -> str:
        """The other half of the identity, which packs name too: `sha256:` and the digest of the tokenizer."""
        return f"sha256:{self.files[TOKENIZER_FILE]}"

    @property
    def bias_parameters(self) -> int:
        """How many numbers the bias inputs hold together."""
        return sum(spec.size for spec in self.biases)

    def biases_of(self, terms: Collection[str], from_layer: int = 0) -> list[BiasSpec]:
        """Return the biases of some terms that act from an encoder layer on, all of them where that is 0."""
        return [spec for spec in self.biases if spec.term in terms and not (from_layer and spec.below(from_layer))]

    def to_json(self) -> str:
        """Return the manifest as the text of `bitfit.json`; `parse_manifest` reads it back unchanged."""
        fields = asdict(self, dict_factory=_stored)
        schema = EXTENDED_BASE_SCHEMA if self.activations == "static" else BASE_SCHEMA
        document = {"format": FORMAT, "schema_version": schema} | fields
        if not self.branches:
            del document["branches"]
        if schema == BASE_SCHEMA:
            del document["activations"]
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _stored(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return fields under their names in the file; weights that have no static scale name none."""
    return {STORED_NAMES.get(name, name): value for name, value in items if not (name == "static" and value is None)}


def parse_manifest(text: str, where: str = "bitfit.json") -> Manifest:
    """Parse and check the text of a manifest.

    Raises BaseFormatError, naming the field, what was expected and what was found.
    """
    schemas = (BASE_SCHEMA, EXTENDED_BASE_SCHEMA)
    fields = read_document(
        text, where, lambda message: BaseFormatError(f"{message}; export the base again"), FORMAT, *schemas
    )
    extended = fields.get("schema_version", int) == EXTENDED_BASE_SCHEMA
    manifest = Manifest(
        name=fields.get("name", str),
        architecture=fields.get("architecture", str),
        precision=fields.choice("precision", PRECISIONS),
        pooling=fields.choice("pooling", POOLINGS),
        max_length=fields.get("max_length", int),
        hidden_size=fields.get("hidden_size", int),
        pad_token_id=fields.get("pad_token_id", int),
        parameters=fields.get("parameters", int),
        inputs=fields.strings("inputs"),
        files=fields.mapping("files", str),
        biases=tuple(_bias(item) for item in fields.objects("biases")),
        weights=tuple(_weight(item) for item in fields.objects("weights")),
        redundant_terms=fields.strings("inert_terms"),
        foldable_terms=fields.mapping("folded_terms", str),
        self_test=_self_test(fields.nested("self_test")),
        created_by=fields.get("created_by", str),
        branches=fields.integers("branches") if "branches" in fields else (),
        activations=fields.choice("activations", ACTIVATIONS[1:]) if extended else ACTIVATIONS[0],
    )
    _check(manifest, where)
    return manifest


def _bias(item: Fields) -> BiasSpec:
    return BiasSpec(item.get("name", str), item.get("size", int), item.get("term", str), item.get("layer", int))


def _weight(item: Fields) -> WeightSpec:
    return WeightSpec(
        item.get("name", str),
        item.integers("shape"),
        item.choice("scheme", WEIGHT_DTYPES),
        item.get("transposed", bool),
        item.optional("static", str),
    )


def _self_test(item: Fields) -> SelfTest:
    default, moved = item.vectors("pooled", 2)
    return SelfTest(
        input_ids=item.integers("input_ids"),
        amplitude=item.get("amplitude", float),
        tolerance=item.get("tolerance", float),
        pooled=(default, moved),
    )


def _check(manifest: Manifest, where: str) -> None:
    names = [spec.name for spec in manifest.biases]
    test = manifest.self_test
    inputs = (INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS)
    embeddings = [w.shape[0] for w in manifest.weights if WORD_EMBEDDINGS.search(w.name) and w.shape]
    tokens = min((*embeddings, MOST_TOKENS))
    problems = {
        f"max_length should be 8 to {LIMITS.tokens}, found {manifest.max_length}": not (
            8 <= manifest.max_length <= LIMITS.tokens
        ),
        f"hidden_size should be positive, found {manifest.hidden_size}": manifest.hidden_size < 1,
        f"pad_token_id should be one of {tokens} tokens, found {manifest.pad_token_id}": not (
            0 <= manifest.pad_token_id < tokens
        ),
        f"parameters should be 1 to {LARGEST}, found {manifest.parameters}": not 1 <= manifest.parameters <= LARGEST,
        f"branches should be ascending layers, 1 to {manifest.layers}": list(manifest.branches)
        != sorted({layer for layer in manifest.branches if 1 <= layer <= manifest.layers}),
        "a bias is listed twice": len(set(names)) != len(names),
        "a bias has no elements": any(spec.size < 1 for spec in manifest.biases),
        f"files lists no {MODEL_FILE}": MODEL_FILE not in manifest.files,
        f"files lists no {TOKENIZER_FILE}": TOKENIZER_FILE not in manifest.files,
        f"inputs should be {', '.join(inputs[:2])}, perhaps {inputs[2]}": manifest.inputs not in (inputs[:2], inputs),
        f"self_test.input_ids should hold 1 to {manifest.max_length} token ids": not (
            1 <= len(test.input_ids) <= manifest.max_length
            and 0 <= min(test.input_ids) <= max(test.input_ids) < MOST_TOKENS
        ),
        "self_test.pooled is not as wide as the model": any(len(row) != manifest.hidden_size for row in test.pooled),
        f"self_test.tolerance should be above 0 and at most 1, found {test.tolerance}": not 0 < test.tolerance <= 1,
        f"self_test.amplitude should be 0 to 1000, found {test.amplitude}": not 0 <= test.amplitude <= 1000,
        "a weight has a negative or impossible size": any(
            not 0 < size <= LARGEST for spec in manifest.weights for size in spec.shape
        ),
        "a weight names a static scale, but activations are dynamic": manifest.activations == ACTIVATIONS[0]
        and any(spec.static is not None for spec in manifest.weights),
        "a bias is of an impossible size or layer": any(
            spec.size > LARGEST or not -1 <= spec.layer <= LARGEST for spec in manifest.biases
        ),
    }
    for problem, present in problems.items():
        if present:
            raise BaseFormatError(f"{where}: {problem}; export the base again")
