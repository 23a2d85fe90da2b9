import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bitfit_runtime import Base, read_pack, write_pack
from bitfit_runtime.errors import MissingExtraError
from bitfit_toolkit.cli.app import COMMANDS
from bitfit_toolkit.cli.failures import with_flags
from support.command_line import ROWS, bitfit, write_csv
from support.packs import random_pack
from support.publishing import PASSPHRASE, new_publisher


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
    code, out, _ = bitfit("predict", "--base", base.folder, *packs, "--input", rows, "--json", capsys=capsys)
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
    model = ("convert", "--to", "onnx", "--base", base.folder, "--pack", pack, "--output", tmp_path / "model", "--json")
    code, out, _ = bitfit(*model, capsys=capsys)
    assert code == 0 and Path(json.loads(out)["path"]).stat().st_size == json.loads(out)["bytes"]


def test_failures_are_one_line_with_an_exit_code_of_their_own(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = write_pack(random_pack(base), tmp_path / "p.safetensors")
    data = write_csv(tmp_path / "d.csv", [("a", "stranger")])
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(pack.read_bytes()[:500])
    common = ("--base", base.folder)
    for expected, arguments in (
        (2, ("predict", *common, "--pack", pack)),
        (2, ("export", "--output", tmp_path / "out")),
        (2, ("export", "--model", "minilm", "--onnx", tmp_path, "--output", tmp_path / "out")),
        (2, ("convert", "--to", "nothing", *common, "--pack", pack, "--output", "x")),
        (3, ("eval", *common, "--pack", pack, "--data", data)),
        (3, ("predict", *common, "--pack", pack, "--input", tmp_path / "none.csv")),
        (4, ("predict", "--base", tmp_path, "--pack", pack, "--text", "a")),
        (5, ("predict", *common, "--pack", torn, "--text", "a")),
        (6, ("predict", *common, "--pack", pack, "--text", "a", "--task", "nope")),
        (7, ("train", *common, "--train", data, "--eval", data, "--output", tmp_path / "q")),
        (8, ("export", "--model", "bert-bse", "--output", tmp_path / "out", "--offline")),
        (8, ("export", "--model", "minilm", "--precision", "int3", "--output", tmp_path / "out", "--offline")),
        (8, ("export", "--onnx", torn, "--output", tmp_path / "out")),
    ):
        code, _, err = bitfit(*arguments, capsys=capsys)
        assert code == expected, (arguments, err)
        assert expected == 2 or (err.startswith("error: ") and err.count("\n") == 1)


def test_help_of_every_command_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("export", "train", "predict", "run", "eval", "inspect", "convert", "compare"):
        code, out, _ = bitfit(command, "--help", capsys=capsys)
        assert code == 0 and "Example" in out
    code, out, _ = bitfit("--help", capsys=capsys, program="bitfit-export")
    assert code == 0 and "bitfit-export --model bert-base" in out and "bitfit-export export" not in out


def test_the_command_line_answers_without_torch(base: Base, tmp_path: Path) -> None:
    pack = write_pack(random_pack(base), tmp_path / "p.safetensors")
    data = write_csv(tmp_path / "d.csv", [("a", "label-0"), ("b", "label-1")])
    blocked = ["torch", "transformers", "onnx", "onnx_ir", "sklearn", "scipy"]
    arguments = [*("predict", "--base", base.folder, "--pack", pack, "--input", data)]
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked})); from bitfit_toolkit.cli.app import run; "
    code += f"run({[str(argument) for argument in arguments]})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.count("label-") == 2


def test_predict_takes_several_tasks_and_pairs(base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packs = [f"{name}={write_pack(random_pack(base, seed), tmp_path / name)}" for seed, name in enumerate("abc")]
    common = ("predict", "--base", base.folder, *(part for pack in packs for part in ("--pack", pack)), "--json")

    def tasks(*arguments: object) -> list[tuple[str, str, str | None]]:
        code, out, err = bitfit(*common, *arguments, capsys=capsys)
        assert code == 0, err
        return [(a["task"], a["text"], a.get("text_pair")) for a in map(json.loads, out.splitlines())]

    assert tasks("--text", "x", "--tasks", "c, a") == [("c", "x", None), ("a", "x", None)]
    assert [task for task, _, _ in tasks("--text", "x")] == ["a", "b", "c"]
    pairs = ("--text", "x", "--text", "y", "--text-pair", "u", "--text-pair", "v", "--task", "b")
    assert tasks(*pairs) == [("b", "x", "u"), ("b", "y", "v")]
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"line": "x", "task": "a"}\n{"line": "y", "task": null}\n')
    named = ("--input", rows, "--text-column", "line", "--tasks", "b,c")
    assert [(task, text) for task, text, _ in tasks(*named)] == [("a", "x"), ("b", "y"), ("c", "y")]
    table = write_csv(tmp_path / "rows.csv", [("x", "a"), ("y", ""), ("z", " ")], ("text", "task"))
    assert [task for task, _, _ in tasks("--input", table, "--task", "b")] == ["a", "b", "b"]
    for expected, wrong in (
        (2, ("--text", "x", "--task", "a", "--tasks", "b")),
        (2, ("--text", "x", "--text-pair", "u", "--text-pair", "v")),
        (3, ("--text", "x", "--tasks", "a,a")),
        (6, ("--text", "x", "--tasks", "a,d")),
    ):
        code, _, err = bitfit(*common, *wrong, capsys=capsys)
        assert code == expected, err


def test_predict_refuses_flags_that_would_do_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bulk = ("--packs", tmp_path, "--input", "*.csv", "--output", tmp_path / "out", "--tasks", "a")
    text, file = ("--pack", tmp_path, "--text", "x"), ("--pack", tmp_path, "--input", "a.csv")
    for given, flag, says in (
        ((*bulk, "--top", 3), "--top", "does not go with --packs"),
        ((*bulk, "--task", "a"), "--task", "does not go with --packs"),
        ((*file, "--text-pair", "u"), "--text-pair", "belongs to --text"),
        ((*file, "--output", "out"), "--output", "belongs to --packs"),
        ((*text, "--text-column", "line"), "--text-column", "belongs to --input"),
        ((*text, "--text-pair-column", "line"), "--text-pair-column", "belongs to --input"),
        ((*text, "--text-encoding", "cp1252"), "--text-encoding", "belongs to --input"),
    ):
        code, _, err = bitfit("predict", "--base", tmp_path, *given, capsys=capsys)
        assert code == 2 and f"Invalid value for {flag}: {says}" in err, err


def test_messages_of_the_library_name_flags_at_the_command_line() -> None:
    flags = {"max_length": "--max-length", "text": "--text", "num_train_epochs": "--epochs"}
    assert with_flags("max_length should be at least 8", flags) == "--max-length should be at least 8"
    assert with_flags("the text is empty; see `text`", flags) == "the text is empty; see --text"
    assert with_flags("`num_train_epochs` or my_max_length", flags) == "--epochs or my_max_length"
    assert with_flags("nothing", {}) == "nothing"


def test_a_column_that_is_missing_is_named_with_its_flag(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, pack = write_csv(tmp_path / "d.csv", ROWS, ("line", "label")), tmp_path / "p"
    arguments = ("train", "--base", base.folder, "--train", data, "--eval", data, "--output", pack)
    assert "name it with --text-column" in bitfit(*arguments, capsys=capsys)[2]


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    for name, listed in COMMANDS.items():
        module = listed.load()
        said = module.app.info.help if hasattr(module, "app") else (module.command.__doc__ or "").splitlines()[0]
        assert listed.hidden or listed.help == said, name


def test_help_imports_no_command_and_nothing_that_they_need() -> None:
    heavy = ("numpy", "onnxruntime", "tokenizers", "pyarrow", "torch", "bitfit_toolkit.cli.train")
    for arguments in (["--help"], [], ["predikt"]):
        code = f"import sys\nfrom bitfit_toolkit.cli.app import run\ntry: run({arguments})\n"
        code += f"except SystemExit: assert not set({heavy!r}) & set(sys.modules), set({heavy!r}) & set(sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def planted(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Base, "open", broken)


@pytest.mark.parametrize(
    "error",
    [KeyError("x"), ValueError("two\nlines \x1b[31m"), OSError("no number"), RecursionError(), StopIteration()],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_that_nobody_expected_is_a_defect_of_ours_with_a_file_to_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    planted(monkeypatch, error)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code, _, err = bitfit("inspect", tmp_path, capsys=capsys)
    (report,) = tmp_path.glob("bitfit-defect-*.txt")
    assert code == 70 and err.count("\n") == 1 and err[:-1].isprintable()
    assert "defect of bitfit-edge" in err and type(error).__name__ in err and str(report) in err
    assert "Traceback" in report.read_text() and report.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert "BITFIT_TRACEBACK=1" in bitfit("inspect", tmp_path, capsys=capsys)[2]


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (PermissionError(13, "Permission denied", "f\x1b"), 9, "Permission denied"),
        (MemoryError(), 9, "not enough memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (EOFError(), 130, "interrupted"),
        (MissingExtraError("it needs tuf; run: pip install 'bitfit-edge[update]'"), 11, "pip install"),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_defect_has_a_code_of_its_own(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    says: str,
) -> None:
    planted(monkeypatch, error)
    found, _, err = bitfit("inspect", tmp_path, capsys=capsys)
    assert found == code and says in err and err.strip().count("\n") == 0 and "\x1b" not in err


def test_a_missing_package_of_the_command_line_itself_is_named() -> None:
    code = "import sys; sys.modules['typer'] = None; import bitfit_toolkit.__main__ as m; m.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 11 and "needs typer; run: pip install 'bitfit-edge[cli]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_output_that_is_not_read_to_its_end_is_no_failure_of_ours(base: Base) -> None:
    command = f"{sys.executable} -m bitfit_toolkit inspect {base.folder} --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.strip() in ("0", "141") and done.stderr == ""


@pytest.mark.parametrize("command", ["inspect", "export", "predict"])
def test_a_command_behind_two_dashes_is_loaded_too(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = bitfit("--", command, capsys=capsys)
    assert code == 2 and err.startswith("error: ") and err.count("\n") == 1


@pytest.mark.parametrize("days", ["inf", "nan", "1e400", "99999999999999999999", "-1"])
def test_days_that_no_calendar_has_are_refused(days: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new_publisher(tmp_path)
    folders = ("--repository", tmp_path / "site", "--keys", tmp_path / "keys", "--warn-days", days)
    code, _, err = bitfit("publish", "status", *folders, capsys=capsys)
    assert code in (2, 3) and err.startswith("error: ") and err.count("\n") == 1


def test_a_loop_of_links_and_the_home_of_nobody_are_paths_that_do_not_exist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BITFIT_KEY_PASSPHRASE", PASSPHRASE)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for folders in ((loop, tmp_path / "keys"), (tmp_path / "site", loop)):
        code, _, err = bitfit("publish", "init", "--repository", folders[0], "--keys", folders[1],
                              "--root-keys", tmp_path / "root", capsys=capsys)  # fmt: skip
        assert code == 9 and err.startswith("error: ") and err.count("\n") == 1
    for option, name in (("--model", "~nobody-of-that-name/x"), ("--model", loop), ("--onnx", "~nobody-of-that-name")):
        code, _, err = bitfit("export", option, name, "--output", tmp_path / "base", "--offline", capsys=capsys)
        assert code == 8 and "no " in err and err.count("\n") == 1
