"""A task of an engine, called and answering as a pipeline of transformers."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bitfit_runtime import Engine, Entities, LabelSet, Prediction, Row, Score
from bitfit_runtime.arguments import instance, whole_number
from bitfit_runtime.errors import InputError

Text: TypeAlias = str | Mapping[str, str]
_ONE_BEST: Any = object()  # top_k was not given: a text has its best label alone


class Pipeline:
    """Answers texts as transformers' text-classification or token-classification (aggregation "simple") does.

        Pipeline(engine, "mood")("What a lovely day")  # [{"label": "positive", "score": 0.98}]

    `word` is the piece of the text as it is written, where transformers joins tokens. Labels of a set have each their
    own probability, a number has the label `score`.
    """

    def __init__(self, engine: Engine, task: str) -> None:
        """Raises UnknownTaskError where nothing is installed as `task`, InputError where its answers have no labels."""
        instance(engine, "engine", Engine, "an Engine")
        self.engine, self.task = engine, task
        kind = engine.tasks[task].task_type if task in engine.tasks else None
        if kind in ("embedding", "span"):
            raise InputError(
                f"task {task!r} is of type {kind}, which has no labels; use SentenceEncoder or Engine.predict"
            )
        if kind is None:
            engine.predict("", task)  # which says what is installed

    def __call__(self, inputs: Text | Sequence[Text], top_k: int | None = _ONE_BEST, batch_size: int = 32) -> Any:
        """Return answers in the shape that transformers gives them for one text or a list.

        A pair is `{"text": …, "text_pair": …}`. `top_k` is how many labels a text has, None being all: then each text
        has a list. `batch_size` is there for callers who give it: the engine makes its own batches. Raises InputError.
        """
        whole_number(batch_size, "batch_size", 1)
        if top_k is not _ONE_BEST and top_k is not None:
            top_k = whole_number(top_k, "top_k", 1)
        single = isinstance(inputs, (str, Mapping))
        texts: Sequence[Any] = [inputs] if single else list(inputs)
        answers = self.engine.predict([_row(text) for text in texts], self.task)
        found = [_shaped(answer, top_k) for answer in answers]
        as_list = isinstance(inputs, str) and top_k is _ONE_BEST and bool(found) and isinstance(found[0], dict)
        return found if not single or as_list else found[0]


def _row(text: Any) -> Row:
    if isinstance(text, Mapping):
        odd = text.keys() - {"text", "text_pair"}
        if odd or "text" not in text:
            raise InputError(f"a pair should be {{'text': …, 'text_pair': …}}, found the keys {sorted(map(str, text))}")
        return Row(text["text"], text_pair=text.get("text_pair"))
    if not isinstance(text, str):
        raise InputError(f"expected a text or {{'text': …, 'text_pair': …}}, found {type(text).__name__}")
    return Row(text)


def _shaped(answer: object, top_k: Any) -> Any:
    """Return one answer: a list of entities, or of labels; the best label alone where `top_k` was not given."""
    if isinstance(answer, Entities):
        return [
            {"entity_group": e.label, "score": e.probability, "word": e.text, "start": e.start, "end": e.end}
            for e in answer.entities
        ]
    if isinstance(answer, Score):
        scores = [("score", answer.value)]
    elif isinstance(answer, (Prediction, LabelSet)):
        scores = sorted(zip(answer.labels, answer.probabilities, strict=True), key=lambda pair: -pair[1])
    else:  # a task of the name was replaced by one of another type
        raise InputError(f"answers of class {type(answer).__name__} have no labels; use Engine.predict")
    labels = [{"label": label, "score": score} for label, score in scores]
    return labels[0] if top_k is _ONE_BEST else labels[:top_k]
