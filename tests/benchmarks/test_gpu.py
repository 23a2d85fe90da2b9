"""Benchmarks: what travels to a machine with a GPU arrives whole, or is refused. `gpu.sh --tiny` runs all the rest."""

import subprocess
from pathlib import Path

import pytest
from safetensors.torch import load_file

from gpu.inputs import INDEX, WEIGHTS, join, part, tiny
from gpu.parity import write_rows
from harness.options import BENCHMARKS
from methods.jobs import Amount, large_jobs, small_jobs


def test_a_checkpoint_that_was_cut_into_parts_is_joined_again_in_halved_precision(tmp_path: Path) -> None:
    tiny(tmp_path / "here")
    count = part(tmp_path / "here", tmp_path / "parts", 500_000)
    pieces = sorted((tmp_path / "parts").glob("weights.*"))
    assert count == len(pieces) > 2 and all(piece.stat().st_size <= 500_000 for piece in pieces)
    join(tmp_path / "parts", tmp_path / "there")
    sent, arrived = (load_file(tmp_path / folder / WEIGHTS) for folder in ("here", "there"))
    assert sent.keys() == arrived.keys()
    assert all((arrived[name] == sent[name].half().float()).all() for name in sent)
    assert (tmp_path / "there/tokenizer.json").exists()


def test_parts_that_are_missing_or_altered_are_named(tmp_path: Path) -> None:
    tiny(tmp_path / "here")
    part(tmp_path / "here", tmp_path / "parts", 500_000)
    piece = tmp_path / "parts/weights.01"
    content = piece.read_bytes()
    piece.unlink()
    with pytest.raises(SystemExit, match=r"lacks parts 1 of \d; send them"):
        join(tmp_path / "parts", tmp_path / "there")
    piece.write_bytes(content[:-1] + b"?")
    with pytest.raises(SystemExit, match="send all of them again"):
        join(tmp_path / "parts", tmp_path / "there")
    (tmp_path / "parts" / INDEX).unlink()
    with pytest.raises(SystemExit, match="with the first part"):
        join(tmp_path / "parts", tmp_path / "there")


def test_the_table_of_a_larger_encoder_has_four_methods_and_each_compares_at_equal_time() -> None:
    amount = Amount(1000, 250, 3)
    for jobs, methods in ((large_jobs, 4), (small_jobs, 6)):
        found = list(jobs(("sst2", "wnut17"), amount))
        assert len({job.method for job in found}) == methods
        first, second = found[:2]
        assert (first.method, first.steps, second.method, second.steps) == ("bitfit", 417, "full", 250)
        assert {job.steps for job in found if job.method == "bitfit"} >= {417, 632, 1265}


def test_the_script_says_how_it_is_used() -> None:
    said = subprocess.run(["bash", BENCHMARKS / "gpu.sh"], capture_output=True, text=True, check=False)
    assert said.returncode == 2 and "benchmarks/gpu.sh step WORK DATA" in said.stdout


def test_rows_are_written_as_training_reads_them(tmp_path: Path) -> None:
    from bitfit_toolkit import Example, load_examples

    rows = [Example("a", None, "x"), Example("b", None, "y")]
    assert load_examples(write_rows(tmp_path / "r.jsonl", rows)) == rows
