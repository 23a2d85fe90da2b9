"""A comparison runs every method once, tunes each alike, and goes on where it stopped."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from bitfit_runtime import Base, Prediction
from bitfit_toolkit import Example, TrainOptions
from bitfit_toolkit.compare import Cell, CellFile, Comparison, Plan, budget_table, markdown, summarize
from bitfit_toolkit.compare.methods import METHODS, bias_count, method
from bitfit_toolkit.compare.plan import BUDGETS
from bitfit_toolkit.compare.protocol import MOST_FURTHER_RATES, neighbours
from bitfit_toolkit.compare.ranking import area_under_roc
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.training.run import Run
from support.command_line import bitfit

ROWS = [Example("zz ab" if i % 2 else "aa ab", label="z" if i % 2 else "a") for i in range(40)]
CELL = Cell("t", "bitfit", 10, 5, 0, 0.1, "accuracy", 0.5, 0.6, 0.7, 9, 4, 100, 1.0)
NAMES = tuple(one.name for one in METHODS)
QUICK = TrainOptions(num_train_epochs=1, encoding="int4")


def plan(*methods: str, sizes: tuple[int, ...] = (8,), seeds: int = 2) -> Plan:
    return Plan(methods, sizes, seeds, 2, options=QUICK)


@pytest.fixture(scope="module")
def compared(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cells of every method on a few rows, and of one on all rows as well."""
    path = tmp_path_factory.mktemp("compared") / "cells.jsonl"
    Comparison(base, ROWS, ROWS, plan(*NAMES), CellFile(path), base).run()
    Comparison(base, ROWS, ROWS, plan("bitfit", sizes=(0,)), CellFile(path), base).run()
    return path


def test_every_method_runs_with_tuned_rates_and_a_second_call_adds_nothing(base: Base, compared: Path) -> None:
    cells = CellFile(compared).cells
    for name, size in (*((name, 8) for name in NAMES), ("bitfit", 32)):
        own = [cell for cell in cells if (cell.method, cell.examples) == (name, size)]
        tuning = {cell.learning_rate: cell.held_out for cell in own if cell.seed == 0}
        (chosen,) = [cell.learning_rate for cell in own if cell.seed == 1]
        assert tuning[chosen] == max(tuning.values())
        assert {*neighbours(chosen)} <= tuning.keys() or len(tuning) == 3 + MOST_FURTHER_RATES
    assert {cell.examples for cell in cells} == {8, 32}
    packed = {cell.method for cell in cells if cell.engine is not None}
    assert packed == {"bitfit", "q,m2", "head"}
    again = CellFile(compared)
    Comparison(base, ROWS, ROWS, plan(*NAMES), again, base).run(lambda _: pytest.fail("ran a finished cell"))
    assert again.cells == cells
    rows = summarize(cells)
    assert {row.seeds for row in rows} == {2} and markdown(rows).count("\n") == 2 + len(rows)


def test_an_interrupted_comparison_keeps_what_it_has_and_ends_as_an_uninterrupted_one(
    base: Base, tmp_path: Path, compared: Path
) -> None:
    def stop(cell: Cell) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "cells.jsonl"
    with pytest.raises(KeyboardInterrupt):
        Comparison(base, ROWS, ROWS, plan("bitfit"), CellFile(path)).run(stop)
    assert len(path.read_text().splitlines()) == 1
    Comparison(base, ROWS, ROWS, plan("bitfit"), CellFile(path)).run()
    resumed, straight = ([replace(cell, seconds=0) for cell in CellFile(p).cells] for p in (path, compared))
    assert resumed == [cell for cell in straight if (cell.method, cell.examples) == ("bitfit", 8)]


def test_cells_of_other_data_or_options_are_neither_shown_nor_taken_for_ones_own(base: Base, tmp_path: Path) -> None:
    path, ran = tmp_path / "cells.jsonl", list[Cell]()
    wanted = plan("head", seeds=1)
    Comparison(base, ROWS, ROWS, wanted, CellFile(path)).run(ran.append)
    turned = [replace(row, label="a" if row.label == "z" else "z") for row in ROWS]
    longer, coded = (
        replace(wanted, options=replace(QUICK, **one)) for one in ({"max_length": 64}, {"encoding": "int8"})
    )
    others = ((turned, ROWS, wanted), (ROWS, ROWS[:20], wanted), (ROWS, ROWS, longer), (ROWS, ROWS, coded))
    for rows, evaluation, changed in others:
        other, before = Comparison(base, rows, evaluation, changed, CellFile(path)), len(ran)
        assert not other.own_cells
        other.run(ran.append)
        assert other.own_cells == ran[before:] != []
    Comparison(base, ROWS, ROWS, wanted, CellFile(path)).run(lambda _: pytest.fail("ran a finished cell"))


def test_budgets_are_equal_steps_equal_time_and_each_methods_own_best_steps(base: Base, tmp_path: Path) -> None:
    cells = CellFile(tmp_path / "cells.jsonl")
    wanted = replace(plan("bitfit", "head"), budgets=BUDGETS, steps=600)
    tiny = replace(wanted, options=replace(QUICK, terms="none"))
    assert (tiny.steps_in_time(8, True), tiny.steps_in_time(8, False)) == (1000, 600)
    found = {}
    for name, held_out in (("bitfit", {600: 0.5, 1000: 0.7, 1200: 0.6}), ("head", {600: 0.5, 1200: 0.5})):
        for steps, value in held_out.items():
            cells.add(replace(CELL, method=name, examples=8, steps=steps, held_out=value, engine=value))
            found[name, steps] = f"{100 * value:.1f} (one seed) in {steps:,}"
    lines = budget_table(cells.cells, tiny).splitlines()
    assert lines[0] == "| examples | method | equal steps | equal time | own best steps |"
    assert lines[2] == f"| 8 | bitfit | {found['bitfit', 600]} | {found['bitfit', 1000]} | {found['bitfit', 1000]} |"
    assert lines[3] == f"| 8 | head | {found['head', 600]} | {found['head', 600]} | {found['head', 600]} |"
    with pytest.raises(TrainingError, match="`budgets` should be among steps, time, best, found money"):
        replace(tiny, budgets=("money",)).check(40)


def test_a_method_looks_for_its_best_steps_by_doubling(base: Base, tmp_path: Path) -> None:
    cells = CellFile(tmp_path / "cells.jsonl")
    Comparison(base, ROWS, ROWS, replace(plan("head", seeds=2), budgets=("time", "best")), cells).run()
    counts = sorted({cell.steps for cell in cells.cells})
    assert counts == [2 << index for index in range(len(counts))] and len(counts) > 1
    best = {steps: max(c.held_out for c in cells.cells if (c.steps, c.seed) == (steps, 0)) for steps in counts}
    assert all(best[one] < best[other] for one, other in pairwise(counts[:-1]))
    assert best[counts[-1]] <= best[counts[-2]] or 2 * counts[-1] > 2000
    assert {cell.steps for cell in cells.cells if cell.seed == 1} >= {counts[0]}


@pytest.mark.parametrize("name", ["full", "random", "lora"])
def test_a_method_trains_just_the_parameters_it_names(base: Base, name: str) -> None:
    run = Run.start(base, ROWS, TrainOptions(terms="none"))
    chosen = method(name)
    assert chosen.choose is not None
    chosen.choose(run, 0)
    before = {n: p.detach().clone() for n, p in run.model.encoder.named_parameters()}
    optimizer = torch.optim.AdamW([p for p in run.model.parameters() if p.requires_grad], 0.1, weight_decay=0.0)
    for _ in range(2):  # LoRA's first matrix changes only after its second has
        batch = run.preprocessor.collate(run.prepare(ROWS[:8]).items)
        run.model(**batch)["loss"].backward()
        optimizer.step()
    changed = {n: int((p != before[n]).sum()) for n, p in run.model.encoder.named_parameters()}
    total = sum(changed.values())
    if name == "random":
        assert 0 < total <= bias_count(base.manifest)
    elif name == "lora":
        assert total and all("lora_" in n for n, count in changed.items() if count)
    else:
        assert total > bias_count(base.manifest)


def test_the_table_takes_the_rate_that_was_best_on_rows_held_out_not_on_the_evaluation() -> None:
    worse = replace(CELL, learning_rate=0.2, held_out=0.4, engine=0.9)
    (row,) = summarize([CELL, worse, replace(CELL, seed=1, engine=0.8)])
    assert (row.learning_rate, row.seeds, round(row.shipped, 6)) == (0.1, 2, 75.0)
    assert row.torch == pytest.approx(60)
    assert "75.0 ± 7.1" in markdown([row])


def test_what_cannot_be_compared_is_refused(base: Base, tmp_path: Path) -> None:
    cells = CellFile(tmp_path / "cells.jsonl")
    for wrong in (plan("bitfit", seeds=0), plan(), Plan(("bitfit",), (-1,))):
        with pytest.raises(TrainingError, match="change the option"):
            Comparison(base, ROWS, ROWS, wrong, cells)
    with pytest.raises(TrainingError, match="at least 10"):
        Comparison(base, ROWS[:5], ROWS, plan("bitfit"), cells)
    with pytest.raises(TrainingError, match="unknown bias term"):
        Comparison(base, ROWS, ROWS, plan("bitfat"), cells).run()
    with pytest.raises(DataError, match="'new'"):
        Comparison(base, ROWS, [*ROWS, Example("zz", label="new")], plan("bitfit"), cells)
    pairs = [Example(f"zz {i}", "ab", 0.5) for i in range(20)]
    embedding = replace(plan("head"), options=replace(QUICK, task_type="embedding"))
    with pytest.raises(TrainingError, match="name another method"):
        Comparison(base, pairs, pairs, embedding, cells)
    for malformed in (b"{}\n", b"\xff\n"):
        cells.path.write_bytes(malformed)
        with pytest.raises(DataError, match="move it away"):
            CellFile(cells.path)


def test_the_published_cells_of_the_benchmark_can_be_read_and_summarized() -> None:
    published = sorted(Path(__file__).parents[2].glob("benchmarks/methods/results/**/cells.jsonl"))
    assert [path.parent.name for path in published] == ["results", "paper", "paper-large"]
    for path in published:
        cells = CellFile(path).cells
        assert {row.task for row in summarize(cells)} == {cell.task for cell in cells} != set()


def test_the_command_writes_cells_tables_and_plots(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, output = tmp_path / "d.jsonl", tmp_path / "out"
    data.write_text("".join(json.dumps({"text": e.text, "label": e.label}) + "\n" for e in ROWS))
    arguments = ("compare", "--base", base.folder, "--train", data, "--eval", data, "--output", output)
    short = ("--method", "bitfit", "--method", "head", "--seeds", 1, "--steps", 2, "--epochs", 1)
    code, out, err = bitfit(*arguments, *short, "--examples", "all", "--json", capsys=capsys)
    assert code == 0, err
    assert {row["method"] for row in json.loads(out)["rows"]} == {"bitfit", "head"}
    code, out, _ = bitfit(*arguments, *short[2:], "--examples", "8,all", capsys=capsys)
    assert code == 0 and "| bitfit |" in out and "| 8 | 2 | head |" in out
    assert {path.suffix for path in output.iterdir()} == {".json", ".jsonl", ".md", ".png"}
    assert (output / "metric-by-examples.png").is_file()
    code, _, err = bitfit(*arguments, "--examples", "many", capsys=capsys)
    assert code == 2 and "numbers or all" in err


def test_methods_begin_at_a_layer_that_their_name_says_and_the_table_tells_it(base: Base, tmp_path: Path) -> None:
    cells = CellFile(tmp_path / "cells.jsonl")
    Comparison(base, ROWS, ROWS, plan("m2@1", "m2@auto", seeds=1), cells).run()
    starts = {cell.method: cell.from_layer for cell in cells.cells}
    assert starts == {"m2@1": 1, "m2@auto": 0}  # too few rows to choose by
    whole, above = (bias_count(base.manifest), next(c.encoder_parameters for c in cells.cells if c.method == "m2@1"))
    assert 0 < above < whole
    assert "| method | from layer |" in markdown(summarize(cells.cells))
    assert "from layer" not in markdown(summarize([CELL]))
    for wrong, message in (("full@1", "full@1"), ("head@1", "head@1"), ("m2@top", "m2@top"), ("m2@3", "at most 2")):
        with pytest.raises(TrainingError, match=message):
            Comparison(base, ROWS, ROWS, plan(wrong), cells)


def test_one_method_runs_at_given_rates_and_a_chosen_number_of_steps(base: Base, tmp_path: Path) -> None:
    cells = CellFile(tmp_path / "cells.jsonl")
    comparison = Comparison(base, ROWS, ROWS, plan("bitfit"), cells)
    found = list(comparison.cells("bitfit", 8, 3, (0, 1), (1.0,)))
    assert [(cell.seed, cell.learning_rate, cell.steps, cell.measured) for cell in found] == [
        (0, 1.0, 3, True),
        (1, 1.0, 3, True),
    ]
    assert found == cells.cells and not list(comparison.cells("bitfit", 8, 3, (0, 1), (1.0,)))
    assert all(cell.auc is not None and 0 <= cell.auc <= 1 and cell.collapsed is False for cell in found)
    assert {cell.encoding for cell in found} == {QUICK.encoding}


def test_the_area_under_the_curve_is_that_of_the_second_of_two_labels() -> None:
    examples = [Example("x", None, label) for label in "abab"]
    answers = [Prediction("t", ("a", "b"), (1 - p, p)) for p in (0.1, 0.3, 0.4, 0.9)]
    assert area_under_roc(examples, answers) == 0.75
    assert area_under_roc(examples[:1], answers[:1]) is None
    three = [Prediction("t", ("a", "b", "c"), (0.5, 0.25, 0.25))] * 4
    assert area_under_roc(examples, three) is None
