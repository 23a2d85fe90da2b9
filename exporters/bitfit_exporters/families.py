"""What is particular to each supported encoder family."""

import re
from dataclasses import dataclass

_BERT_LAYER = r"encoder\.layer\.(\d+)\."
_BERT_TERMS = (
    (_BERT_LAYER + r"attention\.self\.query", "q"),
    (_BERT_LAYER + r"attention\.self\.key", "k"),
    (_BERT_LAYER + r"attention\.self\.value", "v"),
    (_BERT_LAYER + r"attention\.output\.dense", "m1"),
    (_BERT_LAYER + r"attention\.output\.LayerNorm", "LN1"),
    (_BERT_LAYER + r"intermediate\.dense", "m2"),
    (_BERT_LAYER + r"output\.dense", "m3"),
    (_BERT_LAYER + r"output\.LayerNorm", "LN2"),
    (r"embeddings\.LayerNorm|embeddings_project", "embeddings"),
    (r"pooler\.dense", "pooler"),
)
_DISTILBERT_LAYER = r"transformer\.layer\.(\d+)\."
_DISTILBERT_TERMS = (
    (_DISTILBERT_LAYER + r"attention\.q_lin", "q"),
    (_DISTILBERT_LAYER + r"attention\.k_lin", "k"),
    (_DISTILBERT_LAYER + r"attention\.v_lin", "v"),
    (_DISTILBERT_LAYER + r"attention\.out_lin", "m1"),
    (_DISTILBERT_LAYER + r"sa_layer_norm", "LN1"),
    (_DISTILBERT_LAYER + r"ffn\.lin1", "m2"),
    (_DISTILBERT_LAYER + r"ffn\.lin2", "m3"),
    (_DISTILBERT_LAYER + r"output_layer_norm", "LN2"),
    (r"embeddings\.LayerNorm", "embeddings"),
)
_MPNET_TERMS = (
    (_BERT_LAYER + r"attention\.attn\.q", "q"),
    (_BERT_LAYER + r"attention\.attn\.k", "k"),
    (_BERT_LAYER + r"attention\.attn\.v", "v"),
    (_BERT_LAYER + r"attention\.attn\.o", "m1"),
    (_BERT_LAYER + r"attention\.LayerNorm", "LN1"),
    *_BERT_TERMS[5:],
)


@dataclass(frozen=True, slots=True)
class Family:
    """One encoder family.

    `terms` maps modules to the paper's bias names (Ben Zaken et al., 2021). `reserved_positions` is how many rows of
    the position table no token can take. `pooling` is the default: `pooler` only where it is pretrained.
    """

    terms: tuple[tuple[str, str], ...]
    reserved_positions: int = 0
    has_pooler: bool = True
    pooling: str = "mean"

    def term(self, bias: str) -> tuple[str, int] | None:
        """Return the term and the layer (-1 outside the layers) of a bias by its parameter name, None if unknown."""
        for pattern, term in self.terms:
            if match := re.fullmatch(rf"(?:{pattern})\.bias", bias):
                return term, int(match[1]) if match.groups() else -1
        return None


FAMILIES = {
    "bert": Family(_BERT_TERMS),
    "roberta": Family(_BERT_TERMS, reserved_positions=2),
    "xlm-roberta": Family(_BERT_TERMS, reserved_positions=2),
    "electra": Family(_BERT_TERMS, has_pooler=False),
    "distilbert": Family(_DISTILBERT_TERMS, has_pooler=False),
    "mpnet": Family(_MPNET_TERMS, reserved_positions=2),
}
