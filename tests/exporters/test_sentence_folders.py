"""Folders of sentence-transformers, and models by names of the hub: pooling and settings are taken over, or said."""

import json
import logging
import shutil
import time
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import constants

from bitfit_exporters import ExportError, ExportOptions, model_source
from bitfit_exporters.checkpoint import load_checkpoint
from bitfit_exporters.errors import CheckpointError, ModelUnavailableError, UnknownModelError
from support.checkpoints import make_checkpoint
from support.model_changes import OFFLINE, Change, both, document, load, write


@pytest.fixture
def folder(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "model"))


def sentence_transformers(*modules: str, pooling: dict[str, object], **settings: object) -> Change:
    names = [
        ("Transformer", ""),
        ("Pooling", "1_Pooling"),
        *((name, f"{i}_{name}") for i, name in enumerate(modules, 2)),
    ]
    listed = [
        {"idx": i, "path": path, "type": f"sentence_transformers.models.{n}"} for i, (n, path) in enumerate(names)
    ]
    return both(
        write("modules.json", json.dumps(listed)),
        document("1_Pooling/config.json", **pooling),
        document("sentence_bert_config.json", **settings),
    )


MODES = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")


def modes(*names: str) -> dict[str, object]:
    return {"word_embedding_dimension": 64, **{f"pooling_mode_{name}": name in names for name in MODES}}


def test_settings_of_sentence_transformers_are_taken_over_unless_options_say_otherwise(folder: Path) -> None:
    sentence_transformers(pooling=modes("cls_token"), max_seq_length=32, do_lower_case=False)(folder)
    found = load(folder)
    assert (found.pooling, found.max_length, found.notes) == ("cls", 32, ())
    found = load(folder, ExportOptions(offline=True, pooling="mean", max_length=64))
    assert (found.pooling, found.max_length) == ("mean", 64)


def test_a_longest_input_beyond_the_positions_is_refused_where_it_was_asked_for(folder: Path) -> None:
    sentence_transformers(pooling=modes("cls_token"), max_seq_length=512)(folder)
    assert load(folder).max_length == 130
    assert load(folder, ExportOptions(offline=True, max_length=130)).max_length == 130
    with pytest.raises(
        ExportError, match="`max_length` should be at most 130, as many tokens as model takes, found 131"
    ):
        load(folder, ExportOptions(offline=True, max_length=131))


def test_a_longest_input_that_no_base_can_have_is_refused_where_it_counts(folder: Path) -> None:
    sentence_transformers(pooling=modes("cls_token"), max_seq_length=7)(folder)
    assert load(folder, ExportOptions(offline=True, max_length=64)).max_length == 64
    with pytest.raises(
        CheckpointError, match=r"max_seq_length in sentence_bert_config\.json should be at least 8, found 7"
    ):
        load(folder)


@pytest.mark.parametrize(
    ("change", "pooling", "notes"),
    [
        (sentence_transformers(pooling=modes("mean_tokens")), "mean", ()),
        (sentence_transformers(pooling={"pooling_mode": "cls"}), "cls", ()),
        (sentence_transformers("Normalize", pooling=modes("cls_token")), "cls", ("not scaled to length 1",)),
        (sentence_transformers("Dense", "LayerNorm", pooling=modes("cls_token")), "cls", ("Dense", "LayerNorm")),
        (sentence_transformers("Dropout", pooling=modes("mean_tokens")), "mean", ()),
        (sentence_transformers("WordWeights", pooling=modes("mean_tokens")), "mean", ("WordWeights",)),
        (sentence_transformers(pooling=modes("max_tokens")), "mean", ("by max_tokens, which a base cannot",)),
        (sentence_transformers(pooling=modes("lasttoken")), "mean", ("by lasttoken",)),
        (sentence_transformers(pooling=modes("cls_token", "mean_tokens")), "mean", ("by cls_token and mean_tokens",)),
        (sentence_transformers(pooling=modes("mean_sqrt_len_tokens")), "mean", ("root of the length",)),
        (sentence_transformers(pooling=modes("mean_tokens"), do_lower_case=True), "mean", ("do_lower_case",)),
    ],
)
def test_what_of_sentence_transformers_cannot_be_taken_over_is_said(
    folder: Path, change: Change, pooling: str, notes: tuple[str, ...]
) -> None:
    change(folder)
    found = load(folder)
    assert found.pooling == pooling and len(found.notes) == len(notes)
    assert all(part in note for part, note in zip(notes, found.notes, strict=True))


def test_prompts_of_sentence_transformers_are_said(folder: Path) -> None:
    sentence_transformers(pooling=modes("mean_tokens"))(folder)
    document("config_sentence_transformers.json", prompts={"query": "query: ", "plain": ""})(folder)
    assert load(folder).notes == ("the model has prompts (query); put them before the texts yourself",)


def test_an_encoder_in_a_folder_of_its_own_is_found_with_its_pooling(folder: Path, tmp_path: Path) -> None:
    top = tmp_path / "sentence-model"
    sentence_transformers(pooling=modes("cls_token"))(folder)
    top.mkdir()
    shutil.copytree(folder, top / "0_Transformer")
    shutil.move(top / "0_Transformer" / "1_Pooling", top / "1_Pooling")
    listed = json.loads((top / "0_Transformer" / "modules.json").read_text())
    listed[0]["path"] = "0_Transformer"
    (top / "0_Transformer" / "modules.json").unlink()
    (top / "modules.json").write_text(json.dumps(listed))
    found = load(top)
    assert (found.name, found.pooling) == ("sentence-model", "cls")


@pytest.mark.parametrize(
    "name", ["./no-such-model", "../no/such", "~/no-such-model", "/no/such/model", "a/b/c", "c:\\x"]
)
def test_a_path_that_leads_nowhere_is_not_taken_for_a_name_of_the_hub(name: str) -> None:
    with pytest.raises(UnknownModelError, match="there is no folder"):
        load_checkpoint(name, OFFLINE)


def test_a_name_that_the_hub_does_not_give_says_that_there_is_no_such_folder_either() -> None:
    with pytest.raises(ModelUnavailableError, match="no folder of that name; run once without `offline`"):
        load_checkpoint("models/mine", OFFLINE)


def test_a_revision_of_a_folder_is_refused_whatever_it_is_called(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owner").mkdir()
    folder.rename(tmp_path / "owner" / "model")
    monkeypatch.chdir(tmp_path)
    for name in ("owner/model", "./owner/model"):
        load_checkpoint(name, OFFLINE)
        with pytest.raises(ExportError, match=r"`revision` is for a model of the hub, and .*/owner/model is on this"):
            load_checkpoint(name, ExportOptions(offline=True, revision="main"))


def test_attempts_to_reach_the_hub_are_not_written(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    monkeypatch.setattr(logger, "propagate", True)  # to where they are looked for
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/{revision}/{filename}")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(ModelUnavailableError, match=r"owner/name is not available .*check the name and the network"):
        load_checkpoint("owner/name", ExportOptions())
    assert caplog.messages == [] and logger.level == level
    with pytest.raises(OSError, match="connect"):
        model_source.cached_file("owner/name", "config.json")
    assert "Retrying in 1s [Retry 1/5]." in caplog.messages


def test_a_model_of_the_hub_is_taken_from_one_revision_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, revision = tmp_path / "models--owner--tiny", "0f" * 20
    model = make_checkpoint("bert", cache / "snapshots" / revision)
    sentence_transformers(pooling=modes("cls_token"))(model)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(revision)
    monkeypatch.setattr(model_source, "cached_file", partial(model_source.cached_file, cache_dir=tmp_path))
    found = load_checkpoint("owner/tiny", OFFLINE)
    assert (found.name, found.pooling) == ("tiny", "cls")
    with pytest.raises(ModelUnavailableError, match="owner/other is not available"):
        load_checkpoint("owner/other", OFFLINE)
