"""What lies below the first layer that learns is computed once a text, and changes nothing but time."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from bitfit_exporters.encoder import add_missing_biases
from bitfit_exporters.families import FAMILIES as KNOWN
from bitfit_runtime import Base, read_pack
from bitfit_runtime.formats import BiasSpec
from bitfit_toolkit import Example, TrainOptions, train
from bitfit_toolkit.training import train as train_module
from bitfit_toolkit.training.layers import UpperLayers, reached_by
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.state_store import StateStore
from bitfit_toolkit.training.trunk import Trunks
from support.checkpoints import FAMILIES
from support.command_line import ROWS

EXAMPLES = [Example(text + " ab" * (index % 3), None, label) for index, (text, label) in enumerate(ROWS)]
OPTIONS = TrainOptions(from_layer=1, max_steps=6, learning_rate=0.01, encoding="float32")


@pytest.mark.parametrize("family", FAMILIES)
def test_upper_layers_go_on_from_states_to_the_bit_in_every_family_whose_layers_part(family: str) -> None:
    torch.manual_seed(0)
    kind, options = FAMILIES[family]
    encoder = transformers.AutoModel.from_config(kind(**options)).eval()
    add_missing_biases(encoder)
    found = {name: KNOWN[encoder.config.model_type].term(name) for name, _ in encoder.named_parameters()}
    biases = [BiasSpec(name, 1, *place) for name, place in found.items() if place is not None]
    test = SimpleNamespace(input_ids=(2, 7, 9, 11, 30, 3))
    base: Any = SimpleNamespace(biases=biases, self_test=test, inputs=("input_ids", "attention_mask"))
    ids = torch.randint(5, 60, (3, 20))
    tokens = {"input_ids": ids, "attention_mask": (torch.arange(20) < torch.tensor([[20], [12], [5]])).long()}
    levels = [UpperLayers(encoder, base, start) for start in range(1, max(spec.layer for spec in biases) + 2)]
    assert [level.complete() for level in levels] == [family != "albert" for _ in levels]
    if family != "albert":
        with torch.no_grad():
            expected = encoder(**tokens).last_hidden_state
            for level, hidden in zip(levels, reached_by(encoder, levels, tokens), strict=True):
                assert torch.equal(level.encode(hidden, tokens).last_hidden_state, expected)
            assert torch.equal(encoder(**tokens).last_hidden_state, expected), "the encoder is as it was"


def test_states_of_a_text_are_the_same_in_any_batch_and_padded_with_zeros(base: Base) -> None:
    run = Run.start(base, EXAMPLES, OPTIONS)
    items = run.preprocessor.prepare(EXAMPLES).items
    texts = sorted((row for item in items for row in item.rows), key=len)
    trunk = run.preprocessor.trunk
    assert trunk is not None
    together, fresh = trunk.states(texts), Trunks(run.model.encoder, base.manifest, [1]).below(1)
    assert fresh is not None and len(texts[0]) < len(texts[-1])
    for row, text in zip(together, texts, strict=True):
        assert torch.equal(row[: len(text)], fresh.states([text])[0])
        assert not row[len(text) :].any()


def test_packs_have_the_same_bytes_wherever_states_are_kept_and_where_they_are_not(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs, notes, width = [], [], base.manifest.hidden_size * 4
    for bounds in ((1 << 30, 0), (10 * width, 1 << 30), (10 * width, 100 * width), (0, 0)):
        made = lambda *given, at=bounds: Trunks(*given, store=StateStore(*at))  # noqa: E731
        monkeypatch.setattr(train_module, "Trunks", made)
        report = train(base, EXAMPLES, EXAMPLES, tmp_path / "pack", OPTIONS)
        packs.append((tmp_path / "pack").read_bytes())
        notes.append(any("than once a text" in note for note in report.notes))
    assert len(set(packs)) == 1
    assert notes == [False, False, True, True]


@pytest.mark.parametrize("task_type", ["token-classification", "embedding", "classification"])
def test_a_run_over_the_trunk_learns_what_one_over_every_layer_learns(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task_type: str
) -> None:
    from support.examples import rows_of

    rows = EXAMPLES if task_type == "classification" else rows_of(task_type)
    options = replace(OPTIONS, task_type=task_type)
    train(base, rows, rows, tmp_path / "trunk", options)
    monkeypatch.setattr(Trunks, "below", lambda *_: None)
    train(base, rows, rows, tmp_path / "plain", options)
    found, expected = (
        read_pack(tmp_path / name).decode(base.manifest, base.default_biases) for name in ("trunk", "plain")
    )
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        moved = np.linalg.norm(value - base.default_biases.get(name, 0))
        assert np.linalg.norm(found[name] - value) <= 1e-3 * moved + 1e-6, name


def test_dropout_and_simulated_rounding_run_every_layer(base: Base) -> None:
    for changed in (
        replace(OPTIONS, dropout=True),
        replace(OPTIONS, simulate_int8=True),
        replace(OPTIONS, from_layer=0),
    ):
        assert Run.start(base, EXAMPLES, changed).preprocessor.trunk is None
    assert Run.start(base, EXAMPLES, OPTIONS).preprocessor.trunk is not None


def test_a_killed_run_goes_on_from_a_layer_to_the_same_bytes(base: Base, tmp_path: Path) -> None:
    train(base, EXAMPLES, EXAMPLES, tmp_path / "whole", OPTIONS)
    options = replace(OPTIONS, checkpoints=tmp_path / "kept")
    train(base, EXAMPLES, EXAMPLES, tmp_path / "first", options)
    last = max((tmp_path / "kept").glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in last.iterdir():
        path.unlink()
    last.rmdir()
    train(base, EXAMPLES, EXAMPLES, tmp_path / "resumed", replace(options, resume_from_checkpoint=True))
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 20)), max_size=30), st.integers(0, 200), st.integers(0, 400)
)
def test_a_store_gives_back_what_it_took_and_takes_no_more_than_its_bounds(
    puts: list[tuple[int, int]], in_memory: int, on_disk: int
) -> None:
    store, kept = StateStore(in_memory, on_disk), dict[int, np.ndarray]()
    for number, (key, size) in enumerate(puts):
        array = np.full((size, 1), number, np.float32)
        known = key in kept
        if store.put(key, array) and not known:
            kept[key] = array
    assert len(store) == len(kept)
    assert sum(array.nbytes for array in kept.values()) <= in_memory + on_disk
    for key in range(10):
        found = store.get(key)
        assert (found is None) == (key not in kept)
        assert found is None or np.array_equal(found, kept[key])
