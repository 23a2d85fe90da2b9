"""A graph takes its weights from the file that the manifest lists or holds them; it is checked before it is opened."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bitfit_runtime import Base, Engine, engine
from bitfit_runtime.errors import BaseFormatError, BaseIntegrityError
from bitfit_runtime.formats.onnx_files import external_files
from bitfit_runtime.formats.schema import MODEL_FILE, WEIGHTS_FILE


@pytest.fixture
def copy(base: Base, tmp_path: Path) -> Path:
    return shutil.copytree(base.folder, tmp_path / "copy")


def outside(location: str) -> TensorProto:
    tensor = TensorProto(name="outside", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "4")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def in_initializers(model: onnx.ModelProto, tensor: TensorProto) -> None:
    model.graph.initializer.append(tensor)


def in_a_constant(model: onnx.ModelProto, tensor: TensorProto) -> None:
    model.graph.node.insert(0, helper.make_node("Constant", [], ["outside"], value=tensor))


def in_a_branch(model: onnx.ModelProto, tensor: TensorProto) -> None:
    inner = onnx.ModelProto()
    in_a_constant(inner, tensor)
    inner.graph.name = "inner"
    model.graph.node.insert(0, helper.make_node("If", ["x"], ["y"], then_branch=inner.graph, else_branch=inner.graph))


def in_a_function(model: onnx.ModelProto, tensor: TensorProto) -> None:
    node = helper.make_node("Constant", [], ["outside"], value=tensor)
    model.functions.append(helper.make_function("own", "F", [], ["outside"], [node], []))


def in_sparse_values(model: onnx.ModelProto, tensor: TensorProto) -> None:
    indices = numpy_helper.from_array(np.zeros(1, np.int64))
    model.graph.sparse_initializer.append(onnx.SparseTensorProto(values=tensor, indices=indices, dims=[1]))


PLACES = [in_initializers, in_a_constant, in_a_branch, in_a_function, in_sparse_values]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("location", ["other.weights", "./model.weights", "../x", ""])
def test_weights_in_a_file_that_the_manifest_does_not_list_are_refused(
    copy: Path, place: Callable[[onnx.ModelProto, TensorProto], None], location: str
) -> None:
    model = onnx.load(copy / MODEL_FILE, load_external_data=False)
    place(model, outside(location))
    onnx.save(model, copy / MODEL_FILE)
    assert location in external_files(copy / MODEL_FILE)
    with pytest.raises(BaseIntegrityError, match=r"takes weights from .*which the manifest does not list"):
        Engine(copy, verify=False)


def test_a_location_in_whatever_order_and_length_it_is_written_is_found(tmp_path: Path) -> None:
    entry = b"\x12\x05other" + b"\x0a\x88\x00location"  # the value first, the length in two bytes
    tensor = b"\x6a" + bytes([len(entry)]) + entry
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x0a" + b"\x3a" + bytes([len(graph)]) + graph)
    assert external_files(path) == {"other"}
    model = onnx.load(path, load_external_data=False)  # as others read it
    assert [(one.key, one.value) for one in model.graph.initializer[0].external_data] == [("location", "other")]


def test_the_file_of_weights_is_refused_where_the_manifest_does_not_list_it(copy: Path) -> None:
    if not (copy / WEIGHTS_FILE).exists():
        pytest.skip("this base holds its weights in the graph")
    manifest = json.loads((copy / "bitfit.json").read_text())
    del manifest["files"][WEIGHTS_FILE]
    (copy / "bitfit.json").write_text(json.dumps(manifest))
    with pytest.raises(BaseIntegrityError, match=r"takes weights from 'model\.weights'"):
        Engine(copy, verify=False)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff" * 40, b"\x3a\x7f", b"<html>", b"version https://git-lfs"])
def test_what_is_no_graph_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(BaseFormatError, match=r"is empty|is not an ONNX graph"):
        external_files(path)


def test_an_altered_graph_is_never_opened(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load(copy / MODEL_FILE, load_external_data=False)
    model.doc_string = "altered"
    onnx.save(model, copy / MODEL_FILE)
    opened: list[Path] = []
    monkeypatch.setattr(engine, "open_session", lambda path, *_: opened.append(path))
    with pytest.raises(BaseIntegrityError, match=r"model\.onnx was altered"):
        Engine(copy)
    assert opened == []
