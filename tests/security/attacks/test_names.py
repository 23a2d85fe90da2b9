"""A name is never a path: neither at the publisher, nor in what was signed, nor at the server."""

import http.client
import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from securesystemslib.formats import encode_canonical
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, MetaFile, TargetFile, Targets

from bitfit_runtime.errors import InputError, StoreError, UntrustedUpdateError
from bitfit_runtime.updates import Updater
from bitfit_runtime.updates.schema import base_folder
from bitfit_toolkit.publish import validate_pack
from support.attacker import CHAIN, Attacker, sets, signed_by
from support.publishing import candidate, served
from support.victim import Victim

FAR_AWAY = datetime(2100, 1, 1, tzinfo=UTC)
NAMES = [
    *("../evil", "mood/../../evil", "/etc/evil", "..\\evil", "c:evil", "%2e%2e%2fevil", "mood\0evil", "mood\n"),
    *("Mood", "ｍood", "mood\u0131", "moo\u0301d"),  # twins of a name, by case or by Unicode
    *("con", "lpt1.x", ".mood", "mood.", "mood ", "mood?x", "", "m" * 65, "m" * 100_000),
]


def test_no_side_takes_a_name_that_could_be_a_path_or_another_name(victim: Victim) -> None:
    publisher, digest = victim.published.publisher, victim.base.manifest.digest
    before = files(victim)
    for task in NAMES:
        with pytest.raises(InputError):
            validate_pack(victim.engine, task, victim.folder / "pack.safetensors")
        with pytest.raises(InputError):
            publisher.add([candidate(task, base=digest)])
        with pytest.raises(InputError):
            publisher.withdraw([task], digest)
        with pytest.raises(InputError):
            Updater(victim.store, victim.server.url, b"", victim.base, [task])
    assert files(victim) == before


def test_signed_names_that_are_paths_or_twins_touch_no_file(victim: Victim) -> None:
    folder = base_folder(victim.base.manifest.digest)
    paths = [form.format(name) for name in NAMES for form in ("{}", folder + "/{}.safetensors", "{}/x")]

    def add(targets: Targets) -> None:
        targets.targets |= {path: TargetFile(10, {"sha256": "0" * 64}, path) for path in paths if path}

    attacker = victim.attack(*CHAIN)
    attacker.publish(targets=add)
    before = files(victim)
    assert victim.run() == ()
    assert any(path.endswith("targets.json") for path in attacker.used)
    assert files(victim) == before
    victim.replace_keys(*CHAIN)


@pytest.mark.parametrize("name", ["../../evil", "/evil", "..\\evil", "e?vil", "%2e%2e%2fevil", "root_history/1.root"])
def test_a_signed_role_whose_name_is_a_path_stays_in_its_folder(victim: Victim, name: str) -> None:
    attacker = victim.attack(*CHAIN)
    before = files(victim)
    quoted = delegate_all(attacker, name)
    assert victim.updater.check().withdrawn == ("mood", "spam")
    assert f"metadata/1.{quoted}.json" in attacker.used
    assert files(victim) - before == {victim.store / "metadata" / f"{quoted}.json"}
    victim.replace_keys(*CHAIN)


def test_a_signed_role_whose_name_is_too_long_for_a_file_is_an_error_of_one_line(victim: Victim) -> None:
    attacker = victim.attack(*CHAIN)
    delegate_all(attacker, "e" * 1000)
    with pytest.raises(StoreError, match="name too long"):
        victim.updater.check()
    victim.replace_keys(*CHAIN)


@pytest.mark.parametrize("name", ["root", "timestamp", "targets"])
def test_a_signed_role_that_takes_the_name_of_another_is_refused(victim: Victim, name: str) -> None:
    attacker = victim.attack(*CHAIN)
    delegate_all(attacker, "spare")
    [path] = (path for path in attacker.answers if path.endswith("targets.json"))
    targets = Metadata.from_bytes(attacker.answers[path]).signed.to_dict()
    targets["delegations"]["roles"][0]["name"] = name
    payload = encode_canonical(targets).encode()
    signature = attacker.keys[Targets.type].sign(payload).to_dict()
    attacker.answers[path] = json.dumps({"signed": targets, "signatures": [signature]}).encode()
    with pytest.raises(UntrustedUpdateError):
        victim.updater.check()
    assert path in attacker.used
    victim.replace_keys(*CHAIN)


def test_the_server_for_trying_out_gives_nothing_beside_its_folder(victim: Victim) -> None:
    with served(victim.site) as url, closing(http.client.HTTPConnection(url.split("/")[2])) as connection:
        for path in ("metadata/timestamp.json", *(f"{up}/keys/root.json" for up in ("..", "metadata/../..", "%2e%2e"))):
            connection.request("GET", f"/{path}")
            response = connection.getresponse()
            response.read()
            assert response.status == (404 if "keys" in path else 200)


def delegate_all(attacker: Attacker, name: str) -> str:
    """Sign targets that leave every task to a role of the attacker's, which lists none; return its quoted name."""
    key = attacker.own.public_key
    role = DelegatedRole(name, [key.keyid], 1, False, paths=["*/*"])
    quoted = quote(name, "")
    attacker.answers[f"metadata/1.{quoted}.json"] = signed_by(Targets(expires=FAR_AWAY), attacker.own)
    attacker.publish(
        targets=sets(targets={}, delegations=Delegations({key.keyid: key}, {name: role})),
        snapshot=lambda snapshot: snapshot.meta.update({f"{name}.json": MetaFile(1)}),
    )
    return quoted


def files(victim: Victim) -> set[Path]:
    return {path for path in victim.folder.parent.rglob("*") if path.is_file()}
