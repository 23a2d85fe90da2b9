"""Runs that begin with a pack: what they take over, what they refuse, alone and in company."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bitfit_runtime import Base, BitfitError, read_pack, write_pack
from bitfit_runtime.errors import PackMismatchError
from bitfit_toolkit import Example, TrainOptions, train
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.shared import read_run_configs, train_shared
from support.command_line import ROWS
from support.packs import random_pack

EXAMPLES = [Example(text, None, label) for text, label in ROWS]
LABELS = sorted({label for _, label in ROWS})
OPTIONS = TrainOptions(max_steps=1, encoding="float32")


def decoded(path: Path, base: Base) -> dict[str, np.ndarray]:
    return read_pack(path).decode(base.manifest, base.default_biases)


@pytest.fixture
def first(base: Base, tmp_path: Path) -> Path:
    """A pack of the task, trained a little."""
    path = tmp_path / "first.safetensors"
    train(base, EXAMPLES, EXAMPLES, path, replace(OPTIONS, max_steps=8, learning_rate=0.02))
    return path


def test_a_run_begins_where_the_pack_was_left(base: Base, tmp_path: Path, first: Path) -> None:
    almost_none = replace(OPTIONS, learning_rate=1e-12, start_from=first)
    train(base, EXAMPLES, EXAMPLES, tmp_path / "second", almost_none)
    found, expected = decoded(tmp_path / "second", base), decoded(first, base)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-6)
        assert name.startswith("head") or not np.array_equal(value, base.default_biases[name])


def test_known_labels_take_the_head_over_and_others_begin_fresh(base: Base, first: Path) -> None:
    more = [*EXAMPLES, Example("new", None, "another")]
    run, plain = (Run.start(base, more, replace(OPTIONS, start_from=start)) for start in (first, None))
    assert run.starting is not None and run.starting.notes == (
        f"`start_from` gave biases, and the head of {len(LABELS)} of {len(LABELS) + 1} labels; the others began fresh",
    )
    given, found, fresh = decoded(first, base), run.model.tensors(), plain.model.tensors()
    for index, label in enumerate(run.task.labels):
        known = label in LABELS
        expected = given["head.weight"][:, LABELS.index(label)] if known else fresh["head.weight"][:, index]
        np.testing.assert_array_equal(found["head.weight"][:, index], expected)


def test_a_number_keeps_its_units(base: Base, tmp_path: Path) -> None:
    def rows(shift: float) -> list[Example]:
        return [Example(text, None, shift + len(text)) for text, _ in ROWS]

    options = replace(OPTIONS, task_type="regression")
    train(base, rows(0), rows(0), tmp_path / "one", replace(options, max_steps=4))
    train(
        base, rows(50), rows(50), tmp_path / "two", replace(options, start_from=tmp_path / "one", learning_rate=1e-12)
    )
    one, two = (decoded(tmp_path / name, base) for name in ("one", "two"))
    np.testing.assert_allclose(two["head.weight"], one["head.weight"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(two["head.bias"], one["head.bias"], rtol=1e-4, atol=1e-3)


def test_another_type_takes_the_biases_alone(base: Base, first: Path) -> None:
    rows = [Example(text, None, (label,)) for text, label in ROWS]
    run = Run.start(base, rows, replace(OPTIONS, task_type="multi-label", start_from=first))
    assert run.starting is not None and run.starting.taken == 0 and not run.starting.head
    assert run.starting.biases.keys() <= run.model.tensors().keys()


def test_what_would_be_lost_or_belongs_elsewhere_is_refused(base: Base, tmp_path: Path, first: Path) -> None:
    def refused(error: type[BitfitError], message: str, **changes: object) -> None:
        options = replace(OPTIONS, **{"start_from": first, **changes})  # type: ignore[arg-type]
        with pytest.raises(error, match=message):
            train(base, EXAMPLES, EXAMPLES, tmp_path / "refused", options)
        assert not (tmp_path / "refused").exists()

    refused(TrainingError, "holds biases of .*, which `terms` leaves out", terms="q")
    refused(TrainingError, "holds biases from layer 0 on, `from_layer` is 1", from_layer=1)
    refused(TrainingError, "auto cannot begin with", from_layer="auto")
    refused(BitfitError, "no pack at", start_from=tmp_path / "nothing")
    other = random_pack(base)
    write_pack(replace(other, info=replace(other.info, base="sha256:" + "0" * 64)), tmp_path / "other")
    refused(PackMismatchError, "made for base", start_from=tmp_path / "other")


def test_a_run_goes_on_only_with_the_pack_it_began_with(base: Base, tmp_path: Path, first: Path) -> None:
    options = replace(OPTIONS, start_from=first, max_steps=None, num_train_epochs=1, checkpoints=tmp_path / "kept")
    train(base, EXAMPLES, EXAMPLES, tmp_path / "one", options)
    again = replace(options, resume_from_checkpoint=True)
    moved = tmp_path / "moved"
    moved.write_bytes(first.read_bytes())
    train(base, EXAMPLES, EXAMPLES, tmp_path / "two", replace(again, start_from=moved))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with pytest.raises(TrainingError, match=r"starting pack was '.*', now it is None"):
        train(base, EXAMPLES, EXAMPLES, tmp_path / "three", replace(again, start_from=None))


def test_a_run_in_company_begins_with_its_pack_too(base: Base, tmp_path: Path, first: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in ROWS))
    table = '[[task]]\ntrain = "rows.jsonl"\neval = "rows.jsonl"\noutput = "{}"\n'
    (tmp_path / "tasks.toml").write_text(
        table.format("begun") + f'start-from = "{first.name}"\n' + table.format("plain")
    )
    configs = read_run_configs(tmp_path / "tasks.toml", replace(OPTIONS, learning_rate=0.01, max_steps=3))
    list(train_shared(base, configs, at_once=8))
    for config in configs:
        train(base, EXAMPLES, EXAMPLES, tmp_path / "alone", config.options)
        found, expected = decoded(Path(config.output), base), decoded(tmp_path / "alone", base)
        for name, value in expected.items():
            size = np.linalg.norm(value - base.default_biases.get(name, 0))
            assert np.linalg.norm(found[name] - value) <= 1e-3 * size + 1e-6, name
