"""The shapes of answers, against those of transformers' own pipelines."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers

from bitfit_runtime import Base, Engine
from bitfit_runtime.errors import InputError, UnknownTaskError
from bitfit_toolkit.faces import Pipeline, SentenceEncoder
from support.packs import random_pack

TEXTS = ["aaa zz", "quick brown"]


def shape(value: Any) -> Any:
    """The shape of an answer: its lists and keys, without its values."""
    if isinstance(value, list):
        return [shape(item) for item in value]
    return sorted(value) if isinstance(value, dict) else type(value).__name__


@pytest.mark.filterwarnings("ignore")
def test_labels_come_in_the_shapes_of_transformers(engine: Engine, checkpoint: Path, base: Base) -> None:
    engine.install("t", random_pack(base, labels=3))
    kind = transformers.AutoModelForSequenceClassification
    model = kind.from_pretrained(checkpoint, num_labels=3)
    theirs = transformers.pipeline(
        "text-classification", model=model, tokenizer=transformers.AutoTokenizer.from_pretrained(checkpoint)
    )
    ours = Pipeline(engine, "t")
    pair = {"text": "aa", "text_pair": "zz"}
    for inputs in (TEXTS[0], TEXTS, TEXTS[:1], pair, [pair, pair]):
        for options in ({}, {"top_k": None}, {"top_k": 2}, {"top_k": 1}, {"batch_size": 2}):
            assert shape(ours(inputs, **options)) == shape(theirs(inputs, **options)), (inputs, options)
    best = engine.predict(TEXTS[0], "t").top(1)[0]
    assert ours(TEXTS[0]) == [{"label": best[0], "score": best[1]}]
    assert ours([]) == []


def test_entities_have_the_keys_of_transformers(engine: Engine, base: Base) -> None:
    pack = random_pack(base, labels=3, task_type="token-classification")
    engine.install("e", pack)
    ours = Pipeline(engine, "e")
    for text in TEXTS:
        for found in ours(text):
            assert {*found} == {"entity_group", "score", "word", "start", "end"}
            assert found["word"] == text[found["start"] : found["end"]]
    assert ours(TEXTS) == [ours(text) for text in TEXTS]


def test_wrong_calls_are_refused(engine: Engine, base: Base) -> None:
    engine.install("t", random_pack(base))
    engine.install("v", random_pack(base, labels=0, task_type="embedding"))
    with pytest.raises(UnknownTaskError):
        Pipeline(engine, "nothing")
    with pytest.raises(InputError, match="no labels"):
        Pipeline(engine, "v")
    for inputs in (3, [3], {"texts": "a"}, [None]):
        with pytest.raises((InputError, TypeError)):
            Pipeline(engine, "t")(inputs)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="top_k"):
        Pipeline(engine, "t")("a", top_k=0)
    with pytest.raises(InputError, match="type embedding"):
        SentenceEncoder(engine, "t")


def test_encode_has_the_signature_of_sentence_transformers(engine: Engine, base: Base) -> None:
    engine.install("v", random_pack(base, labels=0, task_type="embedding"))
    encoder = SentenceEncoder(engine, "v")
    vectors = encoder.encode(TEXTS, batch_size=1, show_progress_bar=True)
    assert vectors.shape == (2, encoder.get_sentence_embedding_dimension())
    assert np.array_equal(vectors, engine.embed(TEXTS, "v"))
    assert np.allclose(np.linalg.norm(encoder.encode(TEXTS, normalize_embeddings=True), axis=1), 1)
    assert np.array_equal(encoder.encode(TEXTS[0]), vectors[0])
    assert len(encoder.encode(TEXTS, convert_to_numpy=False)) == 2
    assert encoder.encode(TEXTS, convert_to_tensor=True).shape == vectors.shape
    assert np.array_equal(encoder.encode([{"text": TEXTS}], task_metadata=None, hf_split="test"), vectors)  # of MTEB
    assert encoder.encode([]).shape == (0, vectors.shape[1])
    for wrong in ([1], [TEXTS], [{"text": 1}], [{"texts": TEXTS}]):
        with pytest.raises(InputError, match="expected texts"):
            encoder.encode(wrong)


def test_a_mapping_has_one_text_or_a_batch_of_them(engine: Engine) -> None:
    encoder = SentenceEncoder(engine)
    vectors = encoder.encode(TEXTS)
    for given in ([{"text": TEXTS[0]}, {"text": TEXTS[1:]}], [{"text": text} for text in TEXTS], {"text": TEXTS}):
        assert np.array_equal(encoder.encode(given), vectors)


def test_encode_drops_no_argument_that_would_change_vectors(engine: Engine) -> None:
    encoder = SentenceEncoder(engine)
    plain = {"precision": "float32", "truncate_dim": None, "prompt_name": None, "device": "cpu", "prompt_type": "query"}
    assert np.array_equal(encoder.encode(TEXTS, **plain), encoder.encode(TEXTS))
    for name, value in (
        ("precision", "int8"),
        ("output_value", "token_embeddings"),
        ("truncate_dim", 8),
        ("prompt_name", "query"),
        ("normalise_embeddings", True),
    ):
        with pytest.raises(InputError, match=name):
            encoder.encode(TEXTS, **{name: value})
