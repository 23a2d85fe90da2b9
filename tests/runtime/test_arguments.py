"""Arguments of the wrong type or out of bounds are refused in one line by name, whatever a caller passes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitfit_exporters import ExportOptions, export, export_onnx
from bitfit_exporters.errors import ExportError
from bitfit_runtime import Base, Engine, Row, read_pack, write_pack
from bitfit_runtime.errors import BitfitError, InferenceError, InputError, UnknownTaskError
from bitfit_runtime.onnx_adapter import write_onnx_adapter
from bitfit_toolkit import Example, TrainOptions, train
from bitfit_toolkit.errors import TrainingError
from support.packs import random_pack

ODD: tuple[Any, ...] = (None, 5, 1.5, float("nan"), b"bytes", "a\0b", [], {}, object(), True, np.float32(2), Path, "")


def refused(call: Callable[[], object], *kinds: type[BitfitError]) -> str:
    with pytest.raises(kinds or BitfitError) as caught:
        call()
    message = str(caught.value)
    assert message.isprintable() and message
    return message


@pytest.mark.parametrize(
    ("options", "names"),
    [({"threads": value}, "threads") for value in ("2", 0, -1, 100_000, 1.5, True, 1 << 70, [1])]
    + [({"batch_size": value}, "batch_size") for value in (0, "8", None, 2.0, True)]
    + [({"max_batch_tokens": value}, "max_batch_tokens") for value in (0, "8", None)]
    + [({"pack_cache_bytes": value}, "pack_cache_bytes") for value in (-1, "8", None, float("inf"))]
    + [({"verify": value}, "verify") for value in ("no", 1, None)]
    + [({"self_test": value}, "self_test") for value in ("never", None, True, ["off"])]
    + [({"session_options": value}, "session_options") for value in ("fast", {}, 1)],
)
def test_an_engine_names_the_parameter_that_it_cannot_take(base: Base, options: dict[str, Any], names: str) -> None:
    assert f"`{names}` should be" in refused(lambda: Engine(base, **options), InputError)


def test_an_engine_takes_numbers_of_numpy(base: Base) -> None:
    assert Engine(base, threads=np.int64(1), batch_size=np.uint8(3)).embed("a").shape == (1, 64)


@pytest.mark.parametrize("value", ODD, ids=[f"{type(value).__name__}-{index}" for index, value in enumerate(ODD)])
def test_whatever_is_passed_is_taken_or_refused_with_an_error_of_ours(
    base: Base, engine: Engine, tmp_path: Path, value: Any
) -> None:
    engine.install("t", random_pack(base))
    folder, pack = str(base.folder), random_pack(base)
    calls: tuple[Callable[[], object], ...] = (
        lambda: Engine(value, threads=1),
        lambda: Base.open(value),
        lambda: read_pack(value),
        lambda: engine.install("t", value),
        lambda: engine.remove(value),
        lambda: engine.install(value, None),  # type: ignore[arg-type]
        lambda: engine.predict("a", task=[value]),  # type: ignore[call-overload]
        lambda: engine.predict([value, value], task=5),  # type: ignore[call-overload]
        lambda: engine.predict([("a", value)], task="t"),  # type: ignore[list-item]
        lambda: engine.predict(Row(value, "u")),
        lambda: engine.predict("a", tasks=[value, value]),
        lambda: engine.predict("a", "t", expect=value if value is not None and value != Path else 5),
        lambda: write_pack(pack, value if value != "" else tmp_path),
        lambda: write_onnx_adapter(pack, base, value if value != "" else tmp_path),
        lambda: export(value, tmp_path / "out", ExportOptions(offline=True)),
        lambda: export_onnx(value, tmp_path / "out"),
        lambda: export("minilm", tmp_path / "out", value),
        lambda: train(value, [], [], tmp_path / "p"),
        lambda: train(folder, [Example("a", None, "x")], [], tmp_path / "p", value),
    )
    for call in calls:
        refused(call)


def test_names_that_are_not_names_are_not_installed(base: Base, engine: Engine) -> None:
    refused(lambda: engine.remove([]), UnknownTaskError)  # type: ignore[arg-type]
    refused(lambda: engine.predict("a", tasks=[None]), InputError)  # type: ignore[list-item]


@pytest.mark.parametrize("name", TrainOptions.__dataclass_fields__)
def test_a_training_option_of_the_wrong_type_is_refused_by_name(name: str) -> None:
    for value in (object(), b"1", [1], {"a": 1}, complex(1)):
        assert f"`{name}`" in refused(lambda value=value: TrainOptions(**{name: value}).check(), TrainingError)


def test_training_options_take_numbers_of_numpy_and_no_booleans_for_them() -> None:
    TrainOptions(task="t", max_steps=np.int64(3), learning_rate=np.float64(1e-3), num_train_epochs=2).check()  # type: ignore[arg-type]
    refused(lambda: TrainOptions(max_steps=True).check(), TrainingError)
    refused(lambda: TrainOptions(learning_rate=float("nan")).check(), TrainingError)


@pytest.mark.parametrize("name", ExportOptions.__dataclass_fields__)
def test_an_export_option_of_the_wrong_type_is_refused_by_name(name: str) -> None:
    for value in (object(), b"1", [1], 1.5):
        assert f"`{name}`" in refused(lambda value=value: ExportOptions(**{name: value}).check(), ExportError)


def test_an_error_of_onnxruntime_in_the_middle_is_one_of_ours(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(base, threads=1, self_test="off")

    class Broken:
        def __init__(self, reason: str) -> None:
            self.reason = reason

        def run(self, *_: object) -> None:
            raise RuntimeError(f"[ONNXRuntimeError] : 6 : {self.reason}\nand more\n")

    monkeypatch.setattr(engine, "_session", Broken("RUNTIME_EXCEPTION"))
    assert "RUNTIME_EXCEPTION" in refused(lambda: engine.embed("a"), InferenceError)
    for reason in ("Failed to allocate memory for requested buffer of size 9", "std::bad_alloc"):
        monkeypatch.setattr(engine, "_session", Broken(reason))
        with pytest.raises(MemoryError):  # which is no fault of the base
            engine.embed("a")
