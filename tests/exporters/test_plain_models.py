"""A pack and its base as one plain model: the engine's logits, files that transformers reads, and what is said."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import transformers

from bitfit_exporters import ExportError, PlainModel, write_plain_model
from bitfit_exporters.plain.card import notes
from bitfit_runtime import Base, Engine, Pack, Row
from bitfit_runtime.errors import BaseFormatError, BaseIntegrityError
from bitfit_runtime.formats import file_digest, parse_pack
from bitfit_runtime.session import make_exact
from bitfit_runtime.tasks import TASK_TYPES
from vectors.packs import BASE, PACKS

TEXTS = ("Please send the blue box to Anna.", "Why? The lamp is in Paris.", "")


@pytest.fixture(scope="module")
def tiny() -> Base:
    return Base.open(BASE)


def pack(name: str) -> Pack:
    return parse_pack((PACKS / f"{name}.safetensors").read_bytes())


def outputs(written: PlainModel, text: str) -> dict[str, np.ndarray]:
    """What a program without our code gets of a text."""
    options = make_exact(onnxruntime.SessionOptions())
    session = onnxruntime.InferenceSession(str(Path(written.folder, written.model)), options)
    tokenizer = transformers.AutoTokenizer.from_pretrained(written.folder)
    values = session.run(None, dict(tokenizer(text, truncation=True, return_tensors="np")))
    return {output.name: value[0] for output, value in zip(session.get_outputs(), values, strict=True)}


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_a_plain_model_gives_the_bits_of_the_engine(task_type: str, tiny: Base, tmp_path: Path) -> None:
    engine = Engine(tiny, threads=1)
    engine.install("task", pack(f"{task_type}-int4"))
    written = write_plain_model(tiny, pack(f"{task_type}-int4"), tmp_path / "model")
    for text in TEXTS:
        found = outputs(written, text)
        if task_type == "embedding":
            np.testing.assert_array_equal(found["sentence_embedding"], engine.embed([text], "task")[0])
            np.testing.assert_array_equal(found["last_hidden_state"], engine.hidden_states([text], "task")[0])
            continue
        one = np.stack([found["start_logits"], found["end_logits"]], -1) if task_type == "span" else found["logits"]
        np.testing.assert_array_equal(one, engine.logits([text], "task")[0])


def test_a_pair_is_answered_as_by_the_engine(tiny: Base, tmp_path: Path) -> None:
    engine = Engine(tiny, threads=1)
    engine.install("task", pack("classification-int8"))
    written = write_plain_model(tiny, pack("classification-int8"), tmp_path / "model")
    options = make_exact(onnxruntime.SessionOptions())
    session = onnxruntime.InferenceSession(str(Path(written.folder, written.model)), options)
    tokens = transformers.AutoTokenizer.from_pretrained(written.folder)("Where?", "In the box.", return_tensors="np")
    (expected,) = engine.logits([Row("Where?", "task", "In the box.")])
    np.testing.assert_array_equal(session.run(["logits"], dict(tokens))[0][0], expected)


def test_labels_and_limits_are_where_transformers_looks(tiny: Base, tmp_path: Path) -> None:
    written = write_plain_model(tiny, pack("multi-label-int4"), tmp_path / "model")
    config = transformers.AutoConfig.from_pretrained(written.folder)
    assert config.id2label == {0: "red", 1: "green", 2: "blue"} and config.label2id["blue"] == 2
    assert config.problem_type == "multi_label_classification"
    assert config.architectures == ["BertForSequenceClassification"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(written.folder)
    assert tokenizer.model_max_length == 24 and tokenizer.mask_token == "[MASK]" and tokenizer.pad_token_id == 0
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "README.md", "config.json", "onnx", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip


def test_embeddings_have_the_layout_of_sentence_transformers(tiny: Base, tmp_path: Path) -> None:
    written = write_plain_model(tiny, pack("embedding-int4"), tmp_path / "model")
    modules = json.loads(Path(written.folder, "modules.json").read_text())
    assert [module["path"] for module in modules] == ["", "1_Pooling"]
    pooling = json.loads(Path(written.folder, "1_Pooling", "config.json").read_text())
    assert pooling["pooling_mode_mean_tokens"] and not pooling["pooling_mode_cls_token"]
    found = outputs(written, TEXTS[0])
    np.testing.assert_allclose(found["last_hidden_state"].mean(0), found["sentence_embedding"], rtol=1e-5, atol=1e-6)


def test_a_temperature_is_folded_into_the_head(tiny: Base, tmp_path: Path) -> None:
    engine = Engine(tiny, threads=1)
    engine.install("task", pack("classification-accepting"))
    written = write_plain_model(tiny, pack("classification-accepting"), tmp_path / "model")
    for text in TEXTS:
        answer = engine.predict(text, "task").as_dict(top=4)
        logits = outputs(written, text)["logits"].astype(np.float64)
        chances = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        assert max(chances) == pytest.approx(answer["probability"], abs=1e-6)
        assert pack("classification-accepting").info.labels[int(chances.argmax())] == answer["label"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("classification-windows-mean", ("windows",)),
        ("token-classification-whole", ("windows", "transitions", "words")),
        ("classification-outliers-logits", ("temperature", "acceptance", "outlier")),
        ("multi-label-thresholds", ("temperature", "thresholds")),
        ("classification-int4", ()),
    ],
)
def test_what_is_lost_is_said(name: str, said: tuple[str, ...], tiny: Base, tmp_path: Path) -> None:
    written = write_plain_model(tiny, pack(name), tmp_path / "model")
    lost = " ".join(written.notes)
    assert all(word in lost for word in said) and bool(said) == bool(lost)
    assert all(note in (tmp_path / "model" / "README.md").read_text() for note in written.notes)


@pytest.mark.parametrize(
    ("name", "by_first_token"), [("token-classification-whole", False), ("token-classification-int4", True)]
)
def test_words_are_said_to_be_tagged_as_the_pack_has_it(name: str, by_first_token: bool, tiny: Base) -> None:
    (tagged,) = (note for note in notes(tiny, pack(name).info) if "the engine tags words" in note)
    assert tagged.endswith("words by their first token") == by_first_token


def one_bit_less(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("name", ["model.weights", "model.onnx", "tokenizer.json", "config.json"])
def test_an_altered_base_is_refused(name: str, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(BASE, tmp_path / "base"))
    for content in (one_bit_less((copy / name).read_bytes()), b"garbage"):
        (copy / name).write_bytes(content)
        with pytest.raises(BaseIntegrityError, match=rf"{name} was altered or is incomplete"):
            write_plain_model(Base.open(copy), pack("classification-int4"), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def listed(folder: Path, name: str, content: bytes) -> Base:
    """The base in `folder` with another file, whose digest its manifest has."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "bitfit.json").read_text())
    manifest["files"][name] = file_digest(folder / name)
    (folder / "bitfit.json").write_text(json.dumps(manifest))
    return Base.open(folder)


def test_a_base_whose_graph_is_not_of_its_own_files_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(BASE, tmp_path / "base"))
    graph, weights = ((folder / name).read_bytes() for name in ("model.onnx", "model.weights"))
    (folder / "other.weights").write_bytes(weights)
    for name, content, error, message in (
        ("model.onnx", b"garbage", BaseFormatError, "is not an ONNX graph"),
        ("model.onnx", graph.replace(b"model.weights", b"other.weights"), BaseFormatError, "outside the files of the"),
        ("model.weights", one_bit_less(weights), BaseIntegrityError, "belongs to weights with SHA-256"),
    ):
        copy = Path(shutil.copytree(folder, tmp_path / "copy", dirs_exist_ok=True))
        with pytest.raises(error, match=message):
            write_plain_model(listed(copy, name, content), pack("classification-int4"), tmp_path / "model")


def test_a_base_of_links_gives_the_same_plain_model(tiny: Base, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    for path in BASE.iterdir():
        (tmp_path / "links" / path.name).symlink_to(path)
    one, other = (
        write_plain_model(base, pack("classification-int4"), tmp_path / name)
        for name, base in (("one", tiny), ("other", Base.open(tmp_path / "links")))
    )
    assert Path(one.folder, one.model).read_bytes() == Path(other.folder, other.model).read_bytes()


def test_a_plain_model_replaces_its_like_alone(tiny: Base, tmp_path: Path) -> None:
    for name in ("classification-int4", "regression-int4"):
        written = write_plain_model(tiny, pack(name), tmp_path / "model")
    assert written.task_type == "regression"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}")
    with pytest.raises(ExportError, match="exists and is not a model"):
        write_plain_model(tiny, pack("classification-int4"), tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "other"]
