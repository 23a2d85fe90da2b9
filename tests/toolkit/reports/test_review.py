"""What a report says of a pack's answers, and of the data that it learned from."""

import json
from pathlib import Path

import numpy as np
import pytest

from bitfit_runtime import Base, Engine
from bitfit_runtime.tasks.classification import Prediction
from bitfit_runtime.tasks.embedding import Embedding
from bitfit_runtime.tasks.multi_label import LabelSet
from bitfit_runtime.tasks.regression import Score
from bitfit_runtime.tasks.span import Span
from bitfit_runtime.tasks.token_classification import Entities, Entity
from bitfit_toolkit import Example, TrainOptions, train
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.reports.data_notes import data_notes
from bitfit_toolkit.reports.folder import write_report
from bitfit_toolkit.reports.review import MOST_MISTAKES, Review
from bitfit_toolkit.tasks import TRAINABLE_TASKS
from bitfit_toolkit.tasks.base import Mark
from bitfit_toolkit.tasks.judgement import NOTHING, Judgement
from bitfit_toolkit.training.evaluation import evaluate
from support.command_line import ROWS, bitfit, write_csv
from support.packs import random_pack

EXAMPLES = [Example(text, None, label) for text, label in ROWS]


def test_a_wrong_label_is_as_wrong_as_it_is_probable() -> None:
    examples = [Example("one", label="a"), Example("two", label="b")]
    answers = [Prediction("t", ("a", "b"), (0.75, 0.25)), Prediction("t", ("a", "b"), (0.625, 0.375))]
    right, wrong = TRAINABLE_TASKS["classification"].judge(examples, answers)
    assert right == Judgement("a", "a", 0.0, 0.75, (("a", "a"),)) and right.right
    assert wrong == Judgement("b", "a", 0.625, 0.625, (("b", "a"),)) and not wrong.right


def test_a_label_set_is_as_wrong_as_its_label_that_is_farthest_off() -> None:
    answer = LabelSet("t", ("a", "b", "c"), (0.875, 0.25, 0.625))
    (judged,) = TRAINABLE_TASKS["multi-label"].judge([Example("x", label=("a", "b"))], [answer])
    assert (judged.expected, judged.found, judged.error) == ("a, b", "a, c", 0.75)
    assert judged.classes == (("a", "a"), ("b", NOTHING), (NOTHING, "c"))
    (judged,) = TRAINABLE_TASKS["multi-label"].judge([Example("x", label=())], [LabelSet("t", ("a",), (0.25,))])
    assert judged == Judgement(NOTHING, NOTHING, 0.0)


def test_entities_are_missed_invented_and_renamed() -> None:
    text = "Ann saw Oslo and Rome"
    marks = (Mark("PER", 0, 3), Mark("LOC", 8, 12), Mark("LOC", 17, 21))
    found = (Entity("PER", "Ann", 0, 3, 0.9), Entity("ORG", "Oslo", 8, 12, 0.9), Entity("PER", "saw", 4, 7, 0.9))
    (judged,) = TRAINABLE_TASKS["token-classification"].judge([Example(text, label=marks)], [Entities("t", found)])
    assert judged.error == 3
    assert sorted(judged.classes) == sorted(
        [("PER", "PER"), ("LOC", "ORG"), ("LOC", NOTHING), (NOTHING, "PER")],
    )
    assert judged.expected == "Ann (PER), Oslo (LOC), Rome (LOC)"


def test_numbers_pairs_and_answers_are_as_wrong_as_they_are_far_off() -> None:
    (judged,) = TRAINABLE_TASKS["regression"].judge([Example("x", label=2.0)], [Score("t", 3.5)])
    assert judged == Judgement("2", "3.5", 1.5, numbers=(2.0, 3.5))
    one, two = (Embedding("t", np.array(values, np.float32)) for values in ([1, 0], [0, 1]))
    pairs = [Example("x", "y", 1.0), Example("x", "z", 0.0), Example("x", "w", 0.5)]
    vectors = [[one, two], [one, one], [one, Embedding("t", np.array([1, 1], np.float32))]]
    judgements = TRAINABLE_TASKS["embedding"].judge(pairs, vectors)
    assert [judgement.error for judgement in judgements] == [1.0, 1.0, 0.0]
    question = Example("where?", "in Oslo town", (Mark("answer", 3, 7),))
    wrong, right = TRAINABLE_TASKS["span"].judge(
        [question] * 2, [Span("t", "town", 8, 12, 0.5), Span("t", "Oslo", 3, 7, 0.5)]
    )
    assert (wrong.error, wrong.expected, right.error, right.confidence) == (0.5, "Oslo", 0.0, 0.5)


def test_a_review_has_the_worst_answers_first_and_every_pair_of_classes() -> None:
    examples = [Example("  long\n" + "x" * 500)] * (MOST_MISTAKES + 3)
    judgements = [Judgement("a", "b", 0.5 + index / 100, classes=(("a", "b"),)) for index in range(len(examples) - 1)]
    review = Review.of(examples, [*judgements, Judgement("a", "a", 0.0, classes=(("a", "a"),))])
    assert (review.rows, review.wrong, len(review.mistakes)) == (23, 22, MOST_MISTAKES)
    assert review.mistakes[0].row == 22 and review.mistakes[0].error > review.mistakes[1].error
    assert len(review.mistakes[0].text) == 200 and review.mistakes[0].text.startswith("long x")
    assert [(one.expected, one.found, one.count) for one in review.confusion] == [("a", "a", 1), ("a", "b", 22)]
    assert [one.count for one in review.most_confused(5)] == [22] and review.classes == ["a", "b"]


def test_numbers_are_off_rather_than_wrong_and_rows_have_the_places_they_are_given() -> None:
    examples = [Example("a", label=1.0), Example("b", label=2.0)]
    judgements = TRAINABLE_TASKS["regression"].judge(examples, [Score("t", 1.5), Score("t", 4.0)])
    review = Review.of(examples, judgements, (3, 8))
    assert review.wrong is None and [one.row for one in review.mistakes] == [8, 3]


def test_an_evaluation_takes_labels_as_training_does(base: Base) -> None:
    engine = Engine(base, threads=1)
    engine.install("t", random_pack(base, labels=2, task_type="multi-label"))
    metrics = [evaluate(engine, "t", [Example("aa", label=label)]) for label in (("label-0",), ["label-0"])]
    assert metrics[0] == metrics[1]
    with pytest.raises(DataError, match="example 1: the label should be a tuple of strings, found 'label-0'"):
        evaluate(engine, "t", [Example("aa", label="label-0")])


def test_odd_data_are_named() -> None:
    train = [Example("same", label="a"), Example("same", label="b"), *(Example(str(n), label="a") for n in range(20))]
    task = TRAINABLE_TASKS["classification"](train)
    train.append(Example(" ", label="a"))
    evaluation = [Example("same", label="a"), Example("new", label="a")]
    repeated, empty, both, most, few, missing = data_notes(task, train, evaluation)
    assert repeated.startswith("1 training rows repeat") and "1 of these texts have different labels" in repeated
    assert both.startswith("1 of 2 evaluation rows") and most.startswith("96% of the training rows are 'a'")
    assert few == "1 of 2 labels have fewer than 5 training rows: 'b'" and empty.startswith("1 training rows have an")
    assert missing == "no evaluation row has 1 of 2 labels, so figures say nothing of them: 'b'"
    numbers = [Example(str(n), label=float(n)) for n in range(9)]
    assert data_notes(TRAINABLE_TASKS["regression"](numbers), numbers, []) == ()


def test_a_run_without_evaluation_data_holds_rows_out_and_writes_a_report(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(f"{text} {index}", label) for index, (text, label) in enumerate(ROWS)]
    data = write_csv(tmp_path / "rows.csv", rows)
    arguments = ("--base", base.folder, "--train", data, "--output", tmp_path / "mood", "--epochs", 2)
    code, out, err = bitfit("train", *arguments, "--report", tmp_path / "report", "--json", capsys=capsys)
    found = json.loads(out)
    assert code == 0 and "training rows are held out to measure on" in err
    assert found["review"]["rows"] == 3
    texts = [text for text, _ in rows]
    assert all(texts[one["row"] - 1] == one["text"] for one in found["review"]["mistakes"])
    page = (tmp_path / "report" / "report.md").read_text()
    assert "on training rows" in page and "encodings tried" in page
    assert json.loads((tmp_path / "report" / "report.json").read_text()) == found
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        *("report.md", "report.json", "curve.png", "confusion.png", "reliability.png", "coverage.png")
    }
    plain = (tmp_path / "mood").read_bytes()
    bitfit("train", *arguments, "--quiet", capsys=capsys)
    assert (tmp_path / "mood").read_bytes() == plain  # to watch a run does not change it
    code, out, _ = bitfit("eval", "--base", base.folder, "--pack", tmp_path / "mood", "--data", data, capsys=capsys)
    assert code == 0 and "expected (rows), found (columns)" in out


def test_a_folder_that_cannot_be_made_and_too_few_rows_are_refused(base: Base, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="`report`"):
        train(base, EXAMPLES, EXAMPLES, tmp_path / "pack", TrainOptions(report=tmp_path / "file" / "report"))
    with pytest.raises(TrainingError, match="too few to hold out"):
        train(base, EXAMPLES[:2], None, tmp_path / "pack")
    with pytest.raises(TrainingError, match="all 9 training rows have one text"):
        train(base, [Example("same", None, label) for label in "abc" * 3], None, tmp_path / "pack")
    with pytest.raises(DataError, match="no examples"):
        evaluate(Engine(base), "t", [])


def test_foreign_text_is_no_markup_in_a_report(tmp_path: Path) -> None:
    judgements = [Judgement("[a](b)", "<img>", 1.0, classes=(("[a](b)", "<img>"),))]
    review = Review.of([Example("# head | <script>\x1b[0m")], judgements)
    facts = {"task": "*t*", "engine": {"f1": 0.5}, "notes": ["n_n"]}
    write_report(tmp_path, facts, review, judgements, "f1")
    page = (tmp_path / "report.md").read_text()
    assert "<" not in page and "\\# head \\|" in page and "\\*t\\*" in page and "\x1b" not in page
