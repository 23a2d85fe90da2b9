"""Notes on a task's data that explain a disappointing, or a flattering, figure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from bitfit_toolkit.tasks import Example, TrainableTask

OFTEN: Final = 0.8  # of the rows: a class that alone explains a high accuracy
FEW: Final = 5  # rows of a class, of which little can be learned


def data_notes(
    task: TrainableTask[Any, Any], train: Sequence[Example], evaluation: Sequence[Example]
) -> tuple[str, ...]:
    """Return what a user should know: repeated and empty texts, rows of both sets, classes of few, most or no rows."""
    of_classes = (*_unbalanced(task, train), *_not_measured(task, evaluation))
    return (*_repeated(train), *_empty(train), *_in_both(train, evaluation), *of_classes)


def _texts(example: Example) -> tuple[str, str | None]:
    return example.text, example.text_pair


def _repeated(train: Sequence[Example]) -> Iterator[str]:
    """Say how many rows repeat a text, and how many of the texts have several labels."""
    labels = defaultdict[tuple[str, str | None], list[Any]](list)
    for example in train:
        labels[_texts(example)].append(example.label)
    more = sum(len(own) - 1 for own in labels.values())
    different = sum(any(label != own[0] for label in own) for own in labels.values())
    if more:
        said = f"; {different:,} of these texts have different labels, which cannot all be learned" if different else ""
        yield f"{more:,} training rows repeat the text of another{said}"


def _empty(train: Sequence[Example]) -> Iterator[str]:
    """Say how many rows have no text."""
    empty = sum(not (example.text.strip() or (example.text_pair or "").strip()) for example in train)
    if empty:
        yield f"{empty:,} training rows have an empty text, of which nothing can be learned"


def _in_both(train: Sequence[Example], evaluation: Sequence[Example]) -> Iterator[str]:
    known = {_texts(example) for example in train}
    both = sum(_texts(example) in known for example in evaluation)
    if both:
        yield f"{both:,} of {len(evaluation):,} evaluation rows are training rows too: figures on them flatter the pack"


def _unbalanced(task: TrainableTask[Any, Any], train: Sequence[Example]) -> Iterator[str]:
    """Say where one class has most rows, or classes have few, of tasks that give each row one class."""
    counts = Counter(example.label for example in train if isinstance(example.label, str))
    if not counts or not task.has_classes():
        return
    (label, most), rows = counts.most_common(1)[0], counts.total()
    if most >= OFTEN * rows:
        yield (
            f"{most / rows:.0%} of the training rows are {label!r}: an answer that is always {label!r} would be as "
            "accurate; `metric_for_best_model` f1_macro and `class_weights` balanced count classes alike"
        )
    few = [name for name, count in counts.items() if count < FEW]
    if few:
        yield f"{len(few)} of {len(counts)} labels have fewer than {FEW} training rows: {_named(few)}"


def _not_measured(task: TrainableTask[Any, Any], evaluation: Sequence[Example]) -> Iterator[str]:
    """Say which classes no evaluation row has, of tasks that give each row one class."""
    found = {example.label for example in evaluation if isinstance(example.label, str)}
    missing = [label for label in task.labels if label not in found]
    if found and missing and task.has_classes():
        told = "so figures say nothing of them"
        yield f"no evaluation row has {len(missing)} of {len(task.labels)} labels, {told}: {_named(missing)}"


def _named(labels: Sequence[str]) -> str:
    """Return the first of some labels, for a line."""
    return ", ".join(repr(name) for name in sorted(labels)[:3]) + (" …" if len(labels) > 3 else "")
