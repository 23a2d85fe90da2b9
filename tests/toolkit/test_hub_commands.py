"""`bitfit push` and `bitfit pull`, and hub names in other commands, through a stand-in of the hub."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitfit_runtime import Base, write_pack
from support.hub_stand_in import HubStandIn, hub_stand_in, run_bitfit
from support.packs import random_pack


@pytest.fixture(scope="module")
def place(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    write_pack(random_pack(base), folder / "mood.safetensors")
    return folder


@pytest.fixture(scope="module")
def hub(base: Base, place: Path) -> Iterator[HubStandIn]:
    with hub_stand_in() as server:
        for arguments in (
            [str(base.folder), "me/base"],
            ["mood.safetensors", "me/mood", "--base", "me/base"],
            ["mood.safetensors", "me/alone", "--private"],
        ):
            done = run_bitfit(["push", *arguments], server.environment(place / "home"), place)
            assert done.returncode == 0, done.stderr
        yield server


def bitfit(hub: HubStandIn, place: Path, *arguments: str) -> tuple[int, str, str]:
    done = run_bitfit([*arguments], hub.environment(place / "home"), place)
    return done.returncode, done.stdout, (done.stderr.strip().splitlines() or [""])[-1]


def test_a_pack_comes_back_with_its_base(hub: HubStandIn, place: Path, base: Base) -> None:
    code, out, err = bitfit(hub, place, "pull", "me/mood", "back.safetensors", "--base", "back", "--json")
    assert code == 0, err
    facts = json.loads(out)
    assert facts["base"] == base.manifest.digest
    assert facts["base from"] == f"me/base@{hub.repositories['me/base'].names['main']}"
    assert (place / "back.safetensors").read_bytes() == (place / "mood.safetensors").read_bytes()
    Base.open(place / "back").verify()
    assert Base.open(place / "back").manifest == base.manifest
    assert hub.repositories["me/alone"].private and not hub.repositories["me/mood"].private


def test_commands_take_hub_names(hub: HubStandIn, place: Path) -> None:
    code, out, err = bitfit(
        hub, place, "predict", "--base", "me/base", "--pack", "me/mood@main", "--text", "a", "--json"
    )
    assert code == 0 and json.loads(out)["task"] == "mood", err
    for name, kind in (("me/base", "base"), ("me/mood", "pack")):
        code, out, err = bitfit(hub, place, "inspect", name, "--json")
        assert code == 0 and json.loads(out)["kind"] == kind, err


def test_a_base_that_moved_or_went_is_told_of(hub: HubStandIn, place: Path) -> None:
    code, _, err = bitfit(hub, place, "pull", "me/alone", "x.safetensors", "--base", "x")
    assert code == 13 and "does not say where its base" in err, err
    there = hub.repositories["me/base"]
    commit, files = there.names["main"], there.commits[there.names["main"]]
    pack = hub.repositories["me/mood"]
    document = json.loads(pack.commits[pack.names["main"]]["bitfit.json"])
    altered = {**files, "bitfit.json": files["bitfit.json"].replace(document["base"]["digest"][7:].encode(), 64 * b"0")}
    moved = there.commit("main", altered)
    for revision, says in ((moved, "by now, me/mood@"), (40 * "0", "the base of me/mood@")):
        document["base"]["revision"] = revision
        pack.commit("main", {"bitfit.json": json.dumps(document).encode()})
        code, _, err = bitfit(hub, place, "pull", "me/mood", "x.safetensors", "--base", "x")
        assert code == 13 and says in err, err
        assert not (place / "x").exists() and not (place / "x.safetensors").exists()
    there.names["main"] = commit
