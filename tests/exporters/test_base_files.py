import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from bitfit_exporters import read_parameters
from bitfit_exporters.base_files import PAGE, write_graph
from bitfit_runtime import Base, Engine
from bitfit_runtime.errors import BaseError, BaseFormatError, BaseIntegrityError
from bitfit_runtime.formats import file_digest
from support.packs import random_pack

TEXTS = ["some words", "a", "and some more of them"]


@pytest.fixture
def copy(base: Base, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base.folder, tmp_path / "base"))


def sign(folder: Path) -> None:
    """Write the digests of the files as they are now into the manifest."""
    document = json.loads((folder / "bitfit.json").read_text())
    names = [name for name in document["files"] if (folder / name).exists()]
    document["files"] = {name: file_digest(folder / name) for name in names}
    (folder / "bitfit.json").write_text(json.dumps(document))


def point_weights_to(folder: Path, location: str) -> None:
    proto = onnx.load(folder / "model.onnx", load_external_data=False)
    places = [entry for tensor in proto.graph.initializer for entry in tensor.external_data if entry.key == "location"]
    assert places
    for place in places:
        place.value = location
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    sign(folder)


def test_large_constants_are_in_the_weights_file_on_pages_of_their_own_and_defaults_in_the_graph(base: Base) -> None:
    graph = onnx.load(base.model_path, load_external_data=False).graph
    places = {
        tensor.name: {entry.key: entry.value for entry in tensor.external_data}
        for tensor in graph.initializer
        if tensor.external_data
    }
    assert {place["location"] for place in places.values()} == {"model.weights"}
    assert all(int(place["offset"]) % PAGE == 0 for place in places.values())
    assert "encoder.layer.0.intermediate.dense.weight" in places
    assert not places.keys() & {value.name for value in graph.input}
    assert all(len(tensor.raw_data) < PAGE for tensor in graph.initializer if tensor.name not in places)


def test_equal_graphs_make_equal_files_and_name_their_weights(base: Base, tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write_graph(ir.load(base.model_path), tmp_path / name)
    for name in ("model.onnx", "model.weights"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
        assert (tmp_path / "one" / name).read_bytes() == (base.folder / name).read_bytes()


def test_other_weights_are_refused_even_if_the_manifest_lists_them(copy: Path) -> None:
    content = bytearray((copy / "model.weights").read_bytes())
    content[0] ^= 1
    (copy / "model.weights").write_bytes(content)
    with pytest.raises(BaseIntegrityError, match="altered"):
        Engine(copy)
    with pytest.raises(BaseIntegrityError, match="altered"):
        read_parameters(Base.open(copy))
    sign(copy)
    with pytest.raises(BaseIntegrityError, match="belongs to weights"):
        Engine(copy)
    with pytest.raises(BaseIntegrityError, match="belongs to weights"):
        read_parameters(Base.open(copy))


def test_a_manifest_that_lists_no_weights_does_not_hide_those_of_the_graph(copy: Path) -> None:
    document = json.loads((copy / "bitfit.json").read_text())
    del document["files"]["model.weights"]
    (copy / "bitfit.json").write_text(json.dumps(document))
    with pytest.raises(BaseIntegrityError, match=r"weights from 'model\.weights', which the manifest does not list"):
        Engine(copy)


@pytest.mark.parametrize("location", ["../model.weights", "{folder}/../model.weights"])
def test_weights_outside_the_folder_are_refused(copy: Path, location: str) -> None:
    shutil.copy(copy / "model.weights", copy.parent)
    point_weights_to(copy, location.format(folder=copy))
    with pytest.raises(BaseIntegrityError, match="which the manifest does not list"):
        Engine(copy)
    with pytest.raises((BaseFormatError, BaseIntegrityError), match=r"outside|which the manifest does not list"):
        read_parameters(Base.open(copy))


def linked(source: Path, folder: Path) -> None:
    """As a hub's cache keeps files: links to names that are digests, in another folder."""
    (folder / "blobs").mkdir()
    (folder / "snapshot").mkdir()
    for path in source.iterdir():
        blob = folder / "blobs" / file_digest(path)
        shutil.copy(path, blob)
        (folder / "snapshot" / path.name).symlink_to(Path("../blobs", blob.name))


def hard_linked(source: Path, folder: Path) -> None:
    """As a store of packages installs files: each has another name there."""
    shutil.copytree(source, folder / "store")
    shutil.copytree(folder / "store", folder / "snapshot", copy_function=os.link)


@pytest.mark.parametrize("arrange", [linked, hard_linked])
def test_a_base_of_links_is_run_and_trained_on(base: Base, tmp_path: Path, arrange: Callable[..., None]) -> None:
    arrange(base.folder, tmp_path)
    there = Base.open(tmp_path / "snapshot")
    np.testing.assert_array_equal(Engine(there, threads=1).embed(TEXTS), Engine(base, threads=1).embed(TEXTS))
    expected = read_parameters(base)
    found = read_parameters(there)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_a_file_that_the_manifest_does_not_list_is_not_trained_on(copy: Path) -> None:
    shutil.copy(copy / "model.weights", copy / "other.weights")
    point_weights_to(copy, "other.weights")
    with pytest.raises(BaseFormatError, match="outside the files of the base"):
        read_parameters(Base.open(copy))


def test_torn_weights_are_refused_without_verification_too(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = (copy / "model.weights").read_bytes()
    (copy / "model.weights").write_bytes(content[: len(content) // 2])
    with pytest.raises(BaseError, match="cannot load"):
        Engine(copy, verify=False)


def test_a_base_whose_graph_holds_the_weights_loads_and_answers_the_same(base: Base, copy: Path) -> None:
    model = ir.external_data.load_to_model(ir.load(copy / "model.onnx"))
    model.metadata_props.clear()
    (copy / "model.onnx").unlink()
    (copy / "model.weights").unlink()
    ir.save(model, copy / "model.onnx")
    sign(copy)
    single = Base.open(copy)
    assert "model.weights" not in single.manifest.files
    engines = [Engine(one, threads=1) for one in (base, single)]
    for engine in engines:
        engine.install("t", random_pack(engine.base))
    for found, expected in zip(*(engine.logits(TEXTS, "t") for engine in engines), strict=True):
        np.testing.assert_array_equal(found, expected)
    for name, values in read_parameters(base).items():
        np.testing.assert_array_equal(read_parameters(single)[name], values)
