import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bitfit_runtime
from bitfit_runtime import Base, Engine
from bitfit_runtime.errors import (
    BaseError,
    BaseFormatError,
    BaseIntegrityError,
    BaseNotFoundError,
    SelfTestError,
    first_line,
)
from bitfit_runtime.formats.manifest import parse_manifest


@pytest.fixture
def copy(base: Base, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base.folder, tmp_path / "base"))


def test_a_manifest_reads_back_as_it_was_written(base: Base) -> None:
    assert parse_manifest(base.manifest.to_json()) == base.manifest


def test_every_missing_or_mistyped_field_is_named(base: Base) -> None:
    document = json.loads(base.manifest.to_json())
    for field in document:
        lacking = {k: v for k, v in document.items() if k != field}
        for broken in (document | {field: None}, *([lacking] if field != "branches" else [])):
            with pytest.raises(BaseFormatError, match=field):
                parse_manifest(json.dumps(broken))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}', "[" * 100_000])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(BaseFormatError):
        parse_manifest(text)


def test_a_newer_schema_is_refused(base: Base) -> None:
    document = json.loads(base.manifest.to_json()) | {"schema_version": 3}
    with pytest.raises(BaseFormatError, match="upgrade"):
        parse_manifest(json.dumps(document))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("inputs", ["input_ids", "attention_mask", "position_ids"]),
        ("pad_token_id", 60),  # of as many embeddings
        ("pad_token_id", 10**30),
        ("parameters", 0),
        ("parameters", 10**30),
        ("inputs", ["input_ids"]),
        ("pad_token_id", -1),
        ("max_length", 1 << 40),
        ("hidden_size", 0),
        ("precision", "int3"),
        ("weights", [{"name": "a.weight", "shape": [1], "scheme": "int3", "transposed": False}]),
    ],
)
def test_values_that_no_base_has_are_refused_by_name(base: Base, field: str, value: object) -> None:
    document = json.loads(base.manifest.to_json()) | {field: value}
    with pytest.raises(BaseFormatError, match=field):
        parse_manifest(json.dumps(document))


def test_golden_vectors_may_hold_whole_numbers(base: Base) -> None:
    document = json.loads(base.manifest.to_json())
    document["self_test"]["pooled"][0][0] = 0
    assert parse_manifest(json.dumps(document)).self_test.pooled[0][0] == 0.0


def test_token_ids_outside_the_vocabulary_fail_the_self_test(copy: Path) -> None:
    document = json.loads((copy / "bitfit.json").read_text())
    document["self_test"]["input_ids"][0] = 1 << 30
    (copy / "bitfit.json").write_text(json.dumps(document))
    with pytest.raises(SelfTestError, match="cannot run the base"):
        Engine(copy)


@pytest.mark.parametrize("name", ["model.onnx", "model.weights", "tokenizer.json", "config.json", "biases.safetensors"])
def test_an_altered_or_missing_file_is_refused(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BaseIntegrityError, match=name):
        Engine(copy)
    (copy / name).unlink()
    with pytest.raises(BaseNotFoundError, match=name):
        Engine(copy)


def test_a_folder_without_a_manifest_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BaseNotFoundError, match="bitfit export"):
        Engine(tmp_path)


def replace_listed(folder: Path, name: str, content: bytes) -> None:
    """Give a file of a base other content, and the manifest its digest."""
    (folder / name).write_bytes(content)
    document = json.loads((folder / "bitfit.json").read_text())
    document["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "bitfit.json").write_text(json.dumps(document))


def test_a_configuration_that_nests_too_deeply_for_python_is_passed_over(copy: Path) -> None:
    replace_listed(copy, "config.json", b"[" * 100_000)
    Engine(copy)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3"])
def test_default_biases_of_a_dtype_that_numpy_lacks_are_refused(copy: Path, dtype: str) -> None:
    content = (copy / "biases.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header, tensors = json.loads(content[8 : 8 + length]), content[8 + length :]
    header["more"] = {"dtype": dtype, "shape": [0], "data_offsets": [len(tensors)] * 2}
    table = json.dumps(header).encode()
    replace_listed(copy, "biases.safetensors", len(table).to_bytes(8, "little") + table + tensors)
    code = f"from bitfit_runtime import Base; Base.open({str(copy)!r})"  # a process whose NumPy nobody gave more dtypes
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].startswith("bitfit_runtime.errors.BaseFormatError: ")


def test_what_the_system_does_not_let_be_read_is_an_error_of_the_base(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BaseError, match=r"cannot read x+/bitfit.json \(File name too long\)"):
        Base.open("x" * 300)
    base = Base.open(copy)
    (copy / "model.onnx").unlink()
    (copy / "model.onnx").mkdir()
    for verify in (True, False):
        with pytest.raises(BaseError, match=r"cannot read .*model.onnx \(Is a directory\)"):
            base.check_graph(verify)

    def deny(path: Path, *_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", deny)
    with pytest.raises(BaseError, match=r"cannot read .*bitfit.json \(Permission denied\)"):
        Base.open(copy)


def test_the_self_test_notices_kernels_that_compute_something_else(copy: Path) -> None:
    document = json.loads((copy / "bitfit.json").read_text())
    document["self_test"]["pooled"][1] = [-x for x in document["self_test"]["pooled"][1]]
    (copy / "bitfit.json").write_text(json.dumps(document))
    with pytest.raises(SelfTestError, match="changed biases"):
        Engine(copy)
    Engine(copy, self_test="off")


def test_the_full_self_test_passes_on_a_sound_base(base: Base) -> None:
    Engine(base, self_test="full")


def test_every_public_name_is_there_and_nothing_is_imported_before_it_is_used() -> None:
    heavy = ["numpy", "onnxruntime", "tokenizers", "safetensors"]
    code = f"import sys, bitfit_runtime as b; assert not set({heavy}) & set(sys.modules)"
    code += "; [getattr(b, name) for name in b.__all__]"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    with pytest.raises(AttributeError, match="'Motor'"):
        bitfit_runtime.Motor  # noqa: B018


def test_the_runtime_imports_without_torch_transformers_or_onnx() -> None:
    blocked = ["torch", "transformers", "onnx", "onnx_ir", "typer", "rich", "pyarrow", "sklearn"]
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked})); import bitfit_runtime as b; b.Engine"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    "change",
    [
        {"self_test": {"tolerance": 1e300}},
        {"self_test": {"amplitude": 1e300}},
        {"self_test": {"input_ids": [2, 10**30]}},
        {"weights": [{"shape": [10**30]}]},
        {"weights": [{"shape": [64, 0]}]},
        {"biases": [{"size": 10**30}]},
        {"biases": [{"layer": -7}]},
    ],
    ids=str,
)
def test_impossible_numbers_are_refused_before_anything_is_computed_with_them(
    base: Base, change: dict[str, Any]
) -> None:
    document = json.loads(base.manifest.to_json())
    [(field, value)] = change.items()
    (document[field][0] if isinstance(value, list) else document[field]).update(
        value[0] if isinstance(value, list) else value
    )
    with pytest.raises(BaseFormatError, match="export the base again"):
        parse_manifest(json.dumps(document))


def test_the_first_line_of_a_foreign_error_is_without_its_colours() -> None:
    assert first_line(RuntimeError("\n\x1b[96mstep 2\x1b[0m failed\nmore")) == "step 2 failed"
