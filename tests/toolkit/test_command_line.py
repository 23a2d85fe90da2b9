import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from bitfit_runtime import Base, read_pack, write_pack
from bitfit_toolkit import Example, load_examples
from bitfit_toolkit.errors import DataError
from support.command_line import ROWS, bitfit, write_csv
from support.packs import random_pack


def test_train_run_eval_inspect_and_convert_work_together(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, pack = write_csv(tmp_path / "d.csv", ROWS), tmp_path / "letters.safetensors"
    code, out, err = bitfit(
        *("train", "--base", base.folder, "--train", data, "--eval", data, "--output", pack),
        *("--epochs", 6, "--learning-rate", 0.01, "--terms", "q,M2", "--json"),
        capsys=capsys,
    )
    assert code == 0, err
    report = json.loads(out.splitlines()[-1])
    assert report["engine"]["accuracy"] == 1.0
    assert read_pack(pack).info.terms == ("q", "m2")
    decoded = read_pack(pack).decode(base.manifest, base.default_biases)
    assert {b.term for b in base.manifest.biases if b.name in decoded} == {"q", "m2"}

    code, out, _ = bitfit("eval", "--base", base.folder, "--pack", pack, "--data", data, "--json", capsys=capsys)
    assert (code, json.loads(out)["metrics"]["accuracy"]) == (0, 1.0)

    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "aaa", "task": "x"}\n{"text": "zzz", "task": "y"}\n')
    packs = ("--pack", f"x={pack}", "--pack", f"y={pack}")
    code, out, _ = bitfit("run", "--base", base.folder, *packs, "--input", rows, "--json", capsys=capsys)
    answers = [json.loads(line) for line in out.splitlines()]
    assert [(a["task"], a["label"]) for a in answers] == [("x", "first"), ("y", "second")]

    code, out, _ = bitfit("inspect", pack, "--json", capsys=capsys)
    assert json.loads(out)["labels"] == ["first", "second"]
    code, out, _ = bitfit("inspect", base.folder, "--json", capsys=capsys)
    assert json.loads(out)["digest"] == base.manifest.digest
    adapter = tmp_path / "letters.onnx_adapter"
    code, _, _ = bitfit(
        "convert", "--to", "onnx-adapter", "--base", base.folder, "--pack", pack, "--output", adapter, capsys=capsys
    )
    assert code == 0 and adapter.stat().st_size > 1000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"text,label\n", "no rows"),
        ("a.csv", b"text,label\na,b\nc\n", "cannot be read"),
        ("a.csv", b"line,label\na,b\n", "no text column"),
        ("a.csv", b"text,kind\na,b\n", "no label column"),
        ("a.csv", b"text,label\na,\n", "label is missing"),
        ("a.csv", b"text,label\n\xff\xfe\xfa,b\n", "cannot be read"),
        ("a.jsonl", b'{"text": "a", "label": "b"}\n{"text": \n', "cannot be read"),
        ("a.jsonl", b'{"text": 3, "label": "b"}\n', "should be a string"),
        ("a.jsonl", b'{"text": "a"}\n', "no label column"),
        ("a.parquet", b"PAR1", "cannot be read"),
        ("a.txt", b"a", "should end in"),
    ],
)
def test_data_that_cannot_be_used_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_examples(tmp_path / name)
    with pytest.raises(DataError, match="not found"):
        load_examples(tmp_path / "none.csv")


def test_tab_separated_files_hold_quotes_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('sentence\tlabel\nhe said "no\t1\n"yes" they said\t0\n')
    assert load_examples(tmp_path / "a.tsv") == [
        Example('he said "no', None, "1"),
        Example('"yes" they said', None, "0"),
    ]


def test_csv_jsonl_and_parquet_hold_the_same_examples(tmp_path: Path) -> None:
    expected = [Example("1.50", "b\nc", "0"), Example('say "a"', "", "1")]
    columns = {"sentence1": [e.text for e in expected], "sentence2": [e.text_pair for e in expected], "label": [0, 1]}
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    lines = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = [tuple(str(v) for v in line.values()) for line in lines]
    write_csv(tmp_path / "a.csv", rows, tuple(columns))  # type: ignore[arg-type]
    for suffix in ("parquet", "jsonl", "csv"):
        assert load_examples(tmp_path / f"a.{suffix}") == expected


def test_failures_are_one_line_with_an_exit_code_of_their_own(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = write_pack(random_pack(base), tmp_path / "p.safetensors")
    data = write_csv(tmp_path / "d.csv", [("a", "stranger")])
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(pack.read_bytes()[:500])
    common = ("--base", base.folder)
    for expected, arguments in (
        (2, ("run", *common, "--pack", pack)),
        (2, ("export", "--output", tmp_path / "out")),
        (2, ("export", "--model", "minilm", "--onnx", tmp_path, "--output", tmp_path / "out")),
        (2, ("convert", "--to", "nothing", *common, "--pack", pack, "--output", "x")),
        (3, ("eval", *common, "--pack", pack, "--data", data)),
        (3, ("run", *common, "--pack", pack, "--input", tmp_path / "none.csv")),
        (4, ("run", "--base", tmp_path, "--pack", pack, "--text", "a")),
        (5, ("run", *common, "--pack", torn, "--text", "a")),
        (6, ("run", *common, "--pack", pack, "--text", "a", "--task", "nope")),
        (7, ("train", *common, "--train", data, "--eval", data, "--output", tmp_path / "q")),
        (8, ("export", "--model", "bert-bse", "--output", tmp_path / "out", "--offline")),
        (8, ("export", "--model", "minilm", "--precision", "int3", "--output", tmp_path / "out", "--offline")),
        (8, ("export", "--onnx", torn, "--output", tmp_path / "out")),
    ):
        code, _, err = bitfit(*arguments, capsys=capsys)
        assert code == expected, (arguments, err)
        assert expected == 2 or (err.startswith("error: ") and err.count("\n") == 1)


def test_help_of_every_command_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("export", "train", "run", "eval", "inspect", "convert"):
        code, out, _ = bitfit(command, "--help", capsys=capsys)
        assert code == 0 and "Example" in out
    code, out, _ = bitfit("--help", capsys=capsys, program="bitfit-export")
    assert code == 0 and "bitfit-export --model bert-base" in out and "bitfit-export export" not in out


def test_the_command_line_answers_without_torch() -> None:
    blocked = ["torch", "transformers", "onnx", "onnx_ir", "sklearn"]
    block = f"import sys; sys.modules.update(dict.fromkeys({blocked})); "
    code = block + "from bitfit_toolkit.cli.app import run; run(['--help'])"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
