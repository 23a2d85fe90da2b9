"""Tags of words in training: what is counted, what a pack gets, and which choices make no sense."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bitfit_runtime import Base, Engine, read_pack
from bitfit_toolkit import Example, TrainOptions, load_examples, train
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import Mark
from bitfit_toolkit.tasks.base import CONTINUED, IGNORED
from bitfit_toolkit.tasks.losses import word_means
from bitfit_toolkit.tasks.token_classification import TokenClassification
from bitfit_toolkit.tasks.transition_scores import WEIGHT, transition_scores
from bitfit_toolkit.training.run import Run
from support.examples import rows_of

OPTIONS = TrainOptions(task_type="token-classification", max_steps=4, learning_rate=0.02, encoding="float32")


def test_scores_say_how_much_likelier_a_tag_is_after_another() -> None:
    texts = [[0, 1, 2], [0, 1, 2], [0, 0, 0], [1, 2, 0]]
    scores = transition_scores(texts, 3)
    assert scores.shape == (4, 3) and scores.dtype == np.float16
    assert scores[1, 2] == scores[1].max() > 0 > scores[1, 0]  # 2 always follows 1
    assert scores[3, 2] < 0 < scores[3, 0]  # no text begins with 2
    after, anywhere = (3 + 4 / 15) / (3 + 1), 4 / 15  # of 12 words 3 are a 2; each label counts once more
    assert scores[1, 2] == pytest.approx(WEIGHT * np.log(after / anywhere), rel=1e-3)


def test_labels_that_never_occur_and_no_text_at_all_give_finite_scores() -> None:
    assert np.isfinite(transition_scores([[0, 0]], 4)).all()
    np.testing.assert_array_equal(transition_scores([], 2), 0)


@pytest.fixture
def rows(tmp_path: Path) -> list[Example]:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows_of("token-classification")))
    return load_examples(path, task_type="token-classification")


@pytest.mark.parametrize(
    ("transitions", "words", "declared", "schema"),
    [
        ("auto", "auto", ("learned", "mean"), 3),
        ("legal", "first", ("legal", None), 3),
        ("none", "mean", (None, "mean"), 3),
        ("none", "first", (None, None), 1),
    ],
)
def test_a_pack_declares_what_was_chosen_and_answers_alike_in_torch_and_engine(
    base: Base,
    tmp_path: Path,
    rows: list[Example],
    transitions: str,
    words: str,
    declared: tuple[str | None, str | None],
    schema: int,
) -> None:
    report = train(base, rows, rows, tmp_path / "pack", replace(OPTIONS, transitions=transitions, words=words))
    pack = read_pack(tmp_path / "pack")
    assert (pack.info.transitions, pack.info.words) == declared
    assert f'schema_version\\": {schema}'.encode() in (tmp_path / "pack").read_bytes()
    assert report.agreement is not None and report.agreement > 0.9
    if declared[0] == "learned":
        task = Run.start(base, rows, OPTIONS).task
        tokens = Run.start(base, rows, OPTIONS).prepare(rows)
        task.learn_transitions([item.target for item in tokens.items])
        assert task.transitions is not None
        np.testing.assert_array_equal(pack.tensors["transitions"], task.transitions.ravel())


def test_a_words_logits_are_the_mean_over_its_tokens() -> None:
    raw = torch.arange(24.0).view(2, 4, 3)
    targets = torch.tensor([[IGNORED, 1, CONTINUED, 2], [0, CONTINUED, CONTINUED, IGNORED]])
    means, wanted = word_means(raw, targets)
    assert wanted.tolist() == [[IGNORED, 1, IGNORED, 2], [0, IGNORED, IGNORED, IGNORED]]
    np.testing.assert_allclose(means[0, 1], raw[0, 1:3].mean(0))
    np.testing.assert_allclose(means[0, 3], raw[0, 3])
    np.testing.assert_allclose(means[1, 0], raw[1, :3].mean(0))


def test_tokens_whose_word_began_in_a_window_that_is_not_seen_are_ignored() -> None:
    target = [IGNORED, 1, CONTINUED, CONTINUED, 2, CONTINUED, IGNORED]
    assert TokenClassification.part(target, np.array([0, 1, 3, 4, 5])) == [IGNORED, 1, IGNORED, 2, CONTINUED]
    assert TokenClassification.part(target, np.array([2, 3, 4])) == [IGNORED, CONTINUED, 2]


def test_transitions_are_for_tags(base: Base, tmp_path: Path) -> None:
    texts = [Example("a", None, "x"), Example("b", None, "y")]
    options = TrainOptions(transitions="legal")
    with pytest.raises(TrainingError, match="`transitions` should be none: a classification task has no tags"):
        train(base, texts, texts, tmp_path / "pack", options)
    with pytest.raises(TrainingError, match="`words` should be first: a classification task has no words"):
        train(base, texts, texts, tmp_path / "pack", TrainOptions(words="mean"))
    assert Run.start(base, texts, TrainOptions()).info.transitions is None


def test_more_labels_than_transitions_take_are_decided_alone(base: Base) -> None:
    many = [Example("aa", None, (Mark(f"name {index}", 0, 2),)) for index in range(256)]
    assert Run.start(base, many, OPTIONS).info.transitions is None
    with pytest.raises(TrainingError, match="at most 512 labels, found 513"):
        Run.start(base, many, replace(OPTIONS, transitions="legal"))


def test_long_texts_are_decided_as_a_whole(base: Base, tmp_path: Path, rows: list[Example]) -> None:
    options = replace(OPTIONS, windows="auto", max_length=8)
    train(base, rows, rows, tmp_path / "pack", options)
    engine = Engine(base, threads=1)
    engine.install("names", tmp_path / "pack")
    long = " ".join(example.text for example in rows[:4])
    together = engine.predict([long, rows[0].text], task="names")
    assert together[0] == engine.predict(long, task="names") and not together[0].truncated
