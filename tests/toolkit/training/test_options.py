"""An option is declared once: the command line, TOML, checks and rules for resumed and shared runs follow from it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from bitfit_runtime import Base
from bitfit_toolkit import Example, TrainOptions
from bitfit_toolkit.cli.train_options import with_options
from bitfit_toolkit.errors import DataError, TrainingError
from bitfit_toolkit.training.checkpoints import run_facts
from bitfit_toolkit.training.option_spec import Sharing, option, option_specs
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.shared.config import read_run_configs, toml_options
from bitfit_toolkit.training.shared.train import check_sharing
from support.command_line import bitfit

TABLE = '[[task]]\ntrain = "a.csv"\neval = "a.csv"\noutput = "a-{spark-rate}.safetensors"\n'


@dataclass(frozen=True, slots=True)
class More(TrainOptions):
    """The options and three more, each of which is declared here and nowhere else."""

    sparkle: float = option(
        0.5, "Share of sparks.", flag="--spark-rate", above=0, at_most=1, sharing=Sharing.EACH, listed=True
    )
    mirror: str = option("none", "Kind of mirror.", choices=("none", "left"))
    note: Path | None = option(None, "Free text.", sharing=Sharing.COMMON, resumable=True, compared=True)


def test_a_declared_option_is_on_the_command_line() -> None:
    found: list[More] = []

    @with_options(More)
    def command(
        *,
        seed: Annotated[int, typer.Option(help="Own.")] = 5,
        options: More = More(max_length=64),
    ) -> None:
        found.append(replace(options, seed=seed))

    app = typer.Typer()
    app.command()(command)
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    for spec in option_specs(More).values():
        assert spec.hidden or (spec.flag in shown and (spec.name == "seed" or spec.help[:20] in shown)), spec.name
    assert "Own." in shown and "Seed of" not in shown
    given = ["--spark-rate", "0.25", "--mirror", "left", "--note", "n", "--steps", "3", "--dropout"]
    assert CliRunner().invoke(app, given).exit_code == 0
    (options,) = found
    assert (options.sparkle, options.mirror, options.note) == (0.25, "left", Path("n"))
    assert (options.max_steps, options.dropout, options.seed, options.max_length) == (3, True, 5, 64)


def test_a_declared_option_is_a_key_in_toml_where_each_run_may_set_it(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(TABLE + "spark-rate = [0.25, 1]")
    runs = read_run_configs(path, More(mirror="left"))
    assert [(run.options.sparkle, Path(run.output).name) for run in runs] == [  # type: ignore[attr-defined]
        (0.25, "a-0.25.safetensors"),
        (1, "a-1.safetensors"),
    ]
    assert {run.options.mirror for run in runs} == {"left"}  # type: ignore[attr-defined]
    for line, message in (
        ('spark-rate = "much"', "spark-rate should be of type float"),
        ('mirror = "left"', "unknown key 'mirror'"),
        ('note = "n"', "unknown key 'note'"),
    ):
        path.write_text(TABLE + line)
        with pytest.raises(DataError, match=message):
            read_run_configs(path, More())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (More(sparkle=0), "`sparkle` should be above 0 and at most 1, found 0"),
        (More(sparkle=float("nan")), "`sparkle` should be above 0 and at most 1, found nan"),
        (More(mirror="right"), "`mirror` should be one of none, left, found 'right'"),
        (TrainOptions(num_train_epochs=0), "`num_train_epochs` should be above 0 and below inf, found 0"),
        (TrainOptions(seed=1 << 32), "`seed` should be at least 0 and at most 4294967295"),
        (TrainOptions(max_length=7), "`max_length` should be at least 8, found 7"),
        (TrainOptions(tolerance=-0.1), "`tolerance` should be at least 0"),
        (TrainOptions(task="\udcff"), "`task` should be Unicode text"),
    ],
)
def test_a_declared_option_is_checked(wrong: TrainOptions, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        wrong.check()
    More(sparkle=1, mirror="left").check()


def test_declared_options_say_whether_runs_can_share_them() -> None:
    check_sharing(More(sparkle=0.1), More(sparkle=0.2))
    for own, message in (
        (More(mirror="left"), "`mirror` is for a run of its own"),
        (More(note=Path("n")), "need the same `note`"),
        (More(sparkle=2), "`sparkle` should be"),
    ):
        with pytest.raises(TrainingError, match=message):
            check_sharing(own, More())


def test_declared_options_must_be_equal_where_a_run_goes_on_unless_they_are_resumable(base: Base) -> None:
    examples = [Example("aa", None, "a"), Example("zz", None, "z")]
    run = Run.start(base, examples, More(terms="none"))
    data = run.prepare(examples)
    facts = run_facts(run, data, data)
    assert facts["spark_rate"] == 0.5 and facts["mirror"] == "none" and "note" not in facts


def test_records_of_runs_and_keys_of_toml_keep_their_names() -> None:
    specs = option_specs(TrainOptions).values()
    assert {spec.recorded for spec in specs if not spec.resumable} == {
        *("task_type", "terms", "class_weights", "epochs", "steps", "early_stopping", "metric", "learning_rate"),
        *("batch_size", "accumulation", "max_length", "seed", "dropout", "simulate_int8", "precision"),
        *("windows", "window_overlap", "max_windows", "from_layer"),
    }
    assert toml_options(TrainOptions).keys() == {
        *("name", "type", "terms", "class-weights", "metric", "epochs", "steps", "learning-rate", "batch-size"),
        *("max-length", "seed", "encoding", "tolerance", "windows", "window-overlap", "max-windows", "from-layer"),
        *("start-from", "transitions", "words", "decisions", "max-error"),
    }
    assert {spec.name for spec in specs if spec.sharing is Sharing.NONE} == {
        *("dropout", "simulate_int8", "early_stopping_patience", "checkpoints", "resume_from_checkpoint"),
        *("tensorboard", "gradient_accumulation_steps", "report"),
    }


def test_the_command_names_the_flag_where_the_library_names_the_parameter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ("--base", tmp_path, "--train", "a.csv", "--eval", "a.csv", "--output", tmp_path / "p")
    for arguments, message in (
        (("--batch-size", 0), "--batch-size should be at least 1, found 0"),
        (("--epochs", "nan"), "--epochs should be above 0"),
        (("--resume",), "--resume needs --checkpoints"),
        (("--metric", "f2"), "--metric of a classification task should be one of accuracy"),
    ):
        code, _, err = bitfit("train", *files, *arguments, capsys=capsys)
        assert code == 7 and message in err
