"""Cards: what the hub's library parses of them, and that they say what is not known."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from bitfit_exporters import ExportOptions, export
from bitfit_exporters.base_card import base_card, placed
from bitfit_exporters.origin import Origin
from bitfit_runtime import Base, read_pack
from bitfit_runtime.hub import PackBase
from bitfit_toolkit import TrainOptions, train
from bitfit_toolkit.cards.facts import facts_file, read_facts
from bitfit_toolkit.cards.pack_card import PIPELINES, pack_card
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import TRAINABLE_TASKS
from support.hub_stand_in import hub_stand_in, run_bitfit, run_python
from support.packs import random_pack

ROWS = [{"text": f"{word} {i}", "label": word} for i in range(30) for word in ("good", "bad|worse")]


@pytest.fixture(scope="module")
def trained(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cards") / "mood.safetensors"
    train(
        base, ROWS, ROWS, path, TrainOptions(task="mood", max_steps=2, card=True, encoding="int8", learning_rate=0.01)
    )
    return path


def test_a_base_has_a_card_that_takes_over_the_license(checkpoint: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    copy.mkdir()
    for file in checkpoint.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "README.md").write_text("---\nlicense: mit\n---\n# Model\n")
    export(copy, tmp_path / "base", ExportOptions(offline=True))
    card = ModelCard((tmp_path / "base" / "README.md").read_text())
    assert card.data.license == "mit" and card.data.pipeline_tag == "feature-extraction"
    assert card.data.library_name == "bitfit-edge" and "bitfit-base" in card.data.tags


def test_a_license_that_nobody_states_is_said_to_be_missing(base: Base) -> None:
    text = (base.folder / "README.md").read_text()
    card = ModelCard(text)
    assert card.data.license is None and "License: not stated" in text
    assert base.manifest.digest in text


@pytest.mark.parametrize("text", ["---\nlicense: [a\n---\n", "no metadata", "---\nlicense: 3\n---\n", "\0"])
def test_a_card_that_states_no_license_that_can_be_read_states_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(text)
    assert Origin.of(tmp_path, "a/b") == Origin("a/b")


def test_hand_written_words_of_a_base_stay_when_it_is_placed(base: Base) -> None:
    card = base_card(base.manifest, Origin("a/b", "mit")) + "Ours: BASE stays.\n"
    found = placed(card, "me/base")
    assert 'Engine("me/base")' in found and "https://huggingface.co/me/base/resolve/main/" in found
    assert found.endswith("Ours: BASE stays.\n") and ModelCard(found).data.base_model == "a/b"


def test_a_trained_pack_has_options_confusion_and_calibration(trained: Path) -> None:
    pack, facts = read_pack(trained), read_facts(trained)
    assert facts is not None and facts.rows == 60
    assert sum(one.count for one in facts.confusion) == 60
    base = PackBase(pack.info.base, pack.info.base_name, "me/base", 40 * "a")
    text = pack_card(pack.info, base, "me/mood", facts, "mit", ["me/rows"])
    card = ModelCard(text)
    assert card.data.base_model == "me/base" and card.data.datasets == ["me/rows"] and card.data.license == "mit"
    assert card.data.model_name == "mood"
    values = {one.metric_type: one.metric_value for one in card.data.eval_results}
    assert values == {name: round(value, 6) for name, value in pack.info.metrics.items()}
    assert "| expected, found | bad\\|worse | good |" in text
    assert "Calibration error" in text and "`max_steps` 2" in text and f"me/base@{40 * 'a'}" in text
    assert "What it is not for" in text


def test_facts_of_another_pack_are_refused(trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "mood.safetensors"
    other.write_bytes(trained.read_bytes() + b" ")
    facts_file(other).write_bytes(facts_file(trained).read_bytes())
    with pytest.raises(TrainingError, match="tells of another pack"):
        read_facts(other)
    facts_file(other).write_text("{")
    with pytest.raises(TrainingError, match="is not JSON"):
        read_facts(other)


def test_every_task_type_has_a_card_that_parses(base: Base) -> None:
    assert PIPELINES.keys() == TRAINABLE_TASKS.keys()
    info = random_pack(base).info
    for task_type, pipeline in PIPELINES.items():
        named = replace(info, task_type=task_type, task="# a\n| b: 'c'", metrics={"f1": 0.5})
        text = pack_card(named, PackBase(info.base, info.base_name), "me/x")
        card = ModelCard(text)
        assert card.data.pipeline_tag == pipeline and card.data.license is None
        assert "License: not stated" in text and "nobody said where that is" in text


def test_a_card_names_what_the_pack_holds(base: Base) -> None:
    info = random_pack(base).info
    for one, held in (
        (info, "deltas of biases and a head"),
        (replace(info, task_type="embedding", labels=()), "deltas of biases"),
        (replace(info, terms=()), "a head"),
    ):
        text = pack_card(one, PackBase(info.base, info.base_name), "me/x")
        assert f"for {one.task_type}: {held}, on base" in text


def test_pushed_cards_are_whole_and_valid(trained: Path, base: Base, tmp_path: Path) -> None:
    with hub_stand_in() as hub:
        environment = hub.environment(tmp_path / "home")
        pushes = ([str(base.folder), "me/base"], [str(trained), "me/mood", "--base", "me/base", "--license", "mit"])
        for arguments in pushes:
            done = run_bitfit(["push", *arguments, "--json"], environment, tmp_path)
            assert done.returncode == 0, done.stderr
            name = json.loads(done.stdout)["repository"]
            repository = hub.repositories[name]
            text = repository.commits[repository.names["main"]]["README.md"].decode()
            assert f'"{name}"' in text
            (tmp_path / "card.md").write_text(text)
            code = "from huggingface_hub import ModelCard; ModelCard(open('card.md').read()).validate()"
            done = run_python(code, environment, tmp_path)
            assert done.returncode == 0, done.stderr
            assert ("POST", "/api/validate-yaml") in hub.requests
