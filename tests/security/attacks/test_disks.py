"""What was altered on a device's disk is noticed, and a link in the store is neither followed nor emptied."""

import json
import shutil
from pathlib import Path

import pytest

from bitfit_runtime import Base, Engine
from bitfit_runtime.errors import (
    BaseError,
    BaseIntegrityError,
    InputError,
    PackNotFoundError,
    StoreError,
)
from bitfit_runtime.formats import serialize
from support.packs import random_pack
from support.victim import Victim

COMPANIONS = ("model.onnx", "tokenizer.json", "config.json", "biases.safetensors")


def pack_in_store(victim: Victim) -> Path:
    """The file of the active pack."""
    whole = serialize(victim.active)
    [path] = (path for path in victim.store.rglob("*.safetensors") if path.read_bytes() == whole)
    return path


@pytest.mark.parametrize("altered", ["another pack", "one bit", "cut", "swollen", "gone"])
def test_an_active_pack_that_was_altered_gives_way_at_start_up_and_is_fetched_again(
    victim: Victim, altered: str
) -> None:
    path = pack_in_store(victim)
    data = path.read_bytes()
    if altered == "gone":
        path.unlink()
    else:
        other = serialize(random_pack(victim.base, 66))
        swollen = data + bytes(5 << 20)
        flipped = data[:-1] + bytes([data[-1] ^ 1])
        path.write_bytes({"another pack": other, "one bit": flipped, "cut": data[:50], "swollen": swollen}[altered])
    restarted = victim.engine.fork()
    problems = victim.open().install(restarted)
    assert isinstance(problems["mood"], PackNotFoundError)
    assert victim.same(restarted, random_pack(victim.base, 1))
    [outcome] = victim.open().run(victim.engine)
    assert (outcome.release.number, outcome.active) == (2, True)


def test_a_fetched_pack_that_was_altered_does_not_become_active_and_is_fetched_again(victim: Victim) -> None:
    newer = victim.publish("mood", 3, seed=3)
    [release] = victim.updater.check().releases
    victim.updater.fetch(release)
    [path] = victim.store.rglob(f"{release.sha256}.safetensors")
    path.write_bytes(serialize(random_pack(victim.base, 66)))
    with pytest.raises(PackNotFoundError):
        victim.updater.activate("mood", victim.engine)
    assert victim.answers(victim.active)
    [outcome] = victim.run()
    assert outcome.active
    victim.active = newer


def test_with_both_packs_altered_the_task_answers_nothing_and_the_reason_is_told(victim: Victim) -> None:
    for path in pack_in_store(victim).parent.glob("*.safetensors"):
        path.write_bytes(b"altered")
    restarted = victim.engine.fork()
    problems = victim.open().install(restarted)
    assert isinstance(problems["mood"], PackNotFoundError)
    assert set(restarted.tasks) == {"spam"}
    [outcome] = victim.open().run(restarted)
    assert outcome.active


@pytest.mark.parametrize("name", COMPANIONS)
def test_a_base_of_which_a_file_was_altered_is_not_run(base: Base, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(base.folder, tmp_path / "base")
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(BaseIntegrityError, match=f"{name} was altered"):
        Engine(folder)


def test_a_manifest_that_was_altered_is_refused_or_leads_to_no_pack(victim: Victim) -> None:
    folder = shutil.copytree(victim.base.folder, victim.folder / "base")
    path = folder / "bitfit.json"
    text = path.read_text()
    document = json.loads(text)
    moved = [[value + 1 for value in row] for row in document["self_test"]["pooled"]]
    changes = {
        "biases": document["biases"][1:],
        "hidden_size": document["hidden_size"] // 2,
        "self_test": document["self_test"] | {"pooled": moved},
        "files": document["files"] | {"model.onnx": "0" * 64},
    }
    for name, value in changes.items():
        path.write_text(json.dumps(document | {name: value}))
        with pytest.raises(BaseError):
            Engine(folder)
    path.write_text(json.dumps(document | {"files": document["files"] | {"model.onnx": "0" * 64}}))
    with pytest.raises(InputError, match="base"):
        victim.open().install(Engine(folder, verify=False))


@pytest.mark.parametrize("name", ["floor.json", "metadata/timestamp.json", "pointer.json", "pack"])
def test_a_link_in_place_of_a_file_of_the_store_is_replaced_and_what_it_leads_to_left_alone(
    victim: Victim, name: str
) -> None:
    pack = pack_in_store(victim)
    path = {"pack": pack, "pointer.json": pack.parent / "pointer.json"}.get(name, victim.store / name)
    elsewhere = victim.folder / "elsewhere"
    shutil.move(path, elsewhere)
    content = elsewhere.read_bytes()
    path.symlink_to(elsewhere)
    victim.active = victim.update("mood", 3, seed=3)
    victim.active = victim.update("mood", 4, seed=4)
    assert elsewhere.read_bytes() == content
    assert not path.is_symlink()


def test_a_link_in_place_of_the_lock_is_refused_and_what_it_leads_to_left_alone(victim: Victim) -> None:
    elsewhere, lock = victim.folder / "elsewhere", victim.store / "lock"
    elsewhere.write_text("content")
    lock.unlink(missing_ok=True)
    lock.symlink_to(elsewhere)
    with pytest.raises(StoreError, match="symbolic links"):
        victim.updater.check()
    assert elsewhere.read_text() == "content"
    lock.unlink()


def test_of_a_folder_that_a_link_in_the_store_leads_to_nothing_but_packs_is_removed(victim: Victim) -> None:
    task = pack_in_store(victim).parent
    elsewhere = victim.folder / "elsewhere"
    shutil.move(task, elsewhere)
    task.symlink_to(elsewhere)
    for name in ("letter.txt", "model.safetensors", "pointer.json.bak"):
        (elsewhere / name).write_text("content")
    before = set(elsewhere.iterdir()) - set(elsewhere.glob("*.safetensors"))
    victim.active = victim.update("mood", 3, seed=3)
    assert before <= set(elsewhere.iterdir())
    assert (elsewhere / "model.safetensors").exists()
