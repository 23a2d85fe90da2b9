import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bitfit_runtime import Base, Row
from bitfit_runtime.errors import InputError
from bitfit_runtime.inputs import as_rows, as_rows_per_task
from bitfit_runtime.tasks import Prediction
from bitfit_runtime.tasks.base import softmax
from bitfit_runtime.token_layout import longest_first
from bitfit_runtime.tokenizer import Tokenizer, collate


@given(st.integers(0, 600), st.integers(0, 600), st.integers(0, 600))
def test_truncation_fits_and_never_leaves_the_longer_side_shorter(first: int, second: int, room: int) -> None:
    kept = longest_first(first, second, room)
    assert sum(kept) == min(first + second, room)
    assert 0 <= kept[0] <= first and 0 <= kept[1] <= second
    if first > second:
        assert kept[0] >= kept[1]
    elif second > first:
        assert kept[1] + room % 2 >= kept[0]


def test_every_accepted_form_of_input_becomes_the_row_it_means() -> None:
    assert as_rows("a", "t") == [Row("a", "t")]
    assert as_rows(["a", Row("b", text_pair="c"), Row("d", "u")], "t") == [
        Row("a", "t"),
        Row("b", "t", "c"),
        Row("d", "u"),
    ]
    assert as_rows((Row("a"), Row("b", "u", "c")), None) == [Row("a"), Row("b", "u", "c")]
    assert list(as_rows_per_task(["a", Row("b", text_pair="c")], ["t", "u"])) == [
        [Row("a", "t"), Row("a", "u")],
        [Row("b", "t", "c"), Row("b", "u", "c")],
    ]


@pytest.mark.parametrize("bad", [[b"bytes"], ["fine", None], [("a", 3)], [1.5], 7, [("a", "b", "c", "d")], [Row(1)]])
def test_anything_else_is_refused(bad: object) -> None:
    with pytest.raises(InputError):
        as_rows(bad, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("bare", [("a", "b"), [("a", "b")], ["fine", ("a", "t")], ("a",), ("a", "b", "c")])
def test_a_bare_tuple_is_refused_with_the_right_form(bare: object) -> None:
    for task in (None, "t"):
        with pytest.raises(InputError, match=r"bare tuple.*write Row\(text, task, text_pair\)"):
            as_rows(bare, task)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("inputs", "tasks", "message"),
    [
        ("a", [], "tasks is empty"),
        ("a", ["t", "u", "t"], "'t' is named twice"),
        ("a", "t", "should be a list of names"),
        ([Row("a", "t")], ["t"], "input 0: the row has task 't'"),
        ("a", [3], "task should be a string"),
    ],
)
def test_tasks_that_mean_nothing_are_refused(inputs: object, tasks: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(as_rows_per_task(inputs, tasks))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tokenizer(base: Base) -> Tokenizer:
    return Tokenizer.from_file(base.tokenizer_path)


def test_an_empty_text_is_its_special_tokens(tokenizer: Tokenizer) -> None:
    assert tokenizer.tokenize([("", None)], [16])[0].ids.tolist() == [2, 3]  # [CLS] and [SEP]


def test_a_long_text_is_cut_to_its_limit_and_says_so(tokenizer: Tokenizer) -> None:
    long, short = tokenizer.tokenize([("word " * 99, None), ("a", None)], [16, 16])
    assert (len(long), long.truncated, short.truncated) == (16, True, False)
    assert long.ids[-1] == 3  # [SEP]


def test_pairs_carry_segments_and_padding_is_on_the_right(tokenizer: Tokenizer) -> None:
    pair, single = tokenizer.tokenize([("a", "b c"), ("a", None)], [16, 16])
    batch = collate([pair, single], ["input_ids", "attention_mask", "token_type_ids"], 0)
    assert batch["token_type_ids"][0].tolist() == [0, 0, 0, 1, 1, 1]
    assert batch["attention_mask"].tolist() == [[1] * 6, [1, 1, 1, 0, 0, 0]]
    assert batch["input_ids"][1, 3:].tolist() == [0, 0, 0]


def test_a_string_that_is_no_text_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(InputError):
        tokenizer.tokenize([("\ud800", None)], [16])


@given(hnp.arrays("float32", st.integers(1, 100), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_probabilities_sum_to_one_however_large_the_logits(logits: "hnp.np.ndarray") -> None:
    assert abs(sum(softmax(logits)) - 1) < 1e-9


def test_top_orders_labels_by_probability() -> None:
    answer = Prediction("t", ("a", "b", "c"), (0.2, 0.5, 0.3))
    assert (answer.label, answer.probability, answer.top(2)) == ("b", 0.5, [("b", 0.5), ("c", 0.3)])
