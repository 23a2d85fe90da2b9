"""Data sets made by grammars: equal at each call, labelled by their rules, with words kept for the evaluation."""

from collections import Counter

import pytest

from bitfit_toolkit import Example
from bitfit_toolkit.tasks import Mark
from harness.datasets import DATASETS
from tasks import entailment, foreign

MADE = [dataset for dataset in DATASETS.values() if dataset.generate is not None]


@pytest.mark.parametrize("dataset", MADE, ids=lambda dataset: dataset.task)
def test_a_set_is_the_same_at_each_call_and_no_row_is_on_both_sides(dataset, tmp_path) -> None:
    training, evaluation = dataset.load(tmp_path)
    assert (training, evaluation) == dataset.load(tmp_path)
    assert (len(training), len(evaluation)) == (2500, 1000)
    sides = [{(row.text, row.text_pair) for row in rows} for rows in (training, evaluation)]
    assert not sides[0] & sides[1]


def marks(row: Example) -> list[Mark]:
    assert isinstance(row.label, tuple)
    return [mark for mark in row.label if isinstance(mark, Mark)]


def stems(rows: list[Example]) -> set[str]:
    """What is left of names whose endings tell a type."""
    endings = tuple(ending for group in foreign.ENDINGS.values() for ending in group)
    words = (word for row in rows for word in row.text.split() if word.endswith(endings))
    return {next(word.removesuffix(ending) for ending in endings if word.endswith(ending)) for word in words}


def test_foreign_entities_are_whole_words_of_every_type_with_stems_never_trained_on() -> None:
    training, evaluation = foreign.generate()
    assert not stems(training) & stems(evaluation)
    types = Counter(mark.label for row in training for mark in marks(row))
    assert types.keys() == set(foreign.TYPES) and min(types.values()) > len(training) / 5
    for row in training[:200]:
        for mark in marks(row):
            assert row.text[mark.start - 1 : mark.start] in ("", " ") and row.text[mark.end] == " "


def test_the_verb_and_its_particle_say_what_an_entity_is() -> None:
    doers = {verb: (doer, done) for verb, doer, done in foreign.VERBS}
    for row in foreign.generate()[1]:
        words = row.text.split()
        verb = next(index for index, word in enumerate(words) if word in doers)
        doer, done = doers[words[verb]]
        if words[verb - 1] == foreign.NOT_BY:
            doer, done = done, doer
        at = row.text.index(words[verb])
        assert {mark.label for mark in marks(row) if mark.end < at} == {doer}
        assert {mark.label for mark in marks(row) if mark.start > at} == {done}


def test_every_rule_of_entailment_gives_every_label_about_as_often() -> None:
    training, evaluation = entailment.generate()
    counts = Counter(row.label for row in training)
    assert counts.keys() == {"entailed", "contradicted", "neutral"} and min(counts.values()) > 750
    for rule in ("or", "before", "least", "never", "some"):
        labels = {row.label for row in training if rule in f"{row.text} {row.text_pair}".lower().split()}
        assert len(labels) == 3, rule
    words = [{word.strip(".,") for row in rows for word in row.text.split()} for rows in (training, evaluation)]
    one, other = (found & {*entailment.NAMES} for found in words)
    assert one and other and not one & other
