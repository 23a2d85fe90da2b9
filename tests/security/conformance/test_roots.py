"""How a client follows from the root that it was given to the newest one."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root

from support.simulated import DAY, NOW, TOP, Repository, SuiteClient

KEYS = [CryptoSigner.generate_ed25519() for _ in range(6)]


@dataclass(frozen=True)
class Step:
    """A version of the root: which keys it names, how many must sign, and which do."""

    keys: str
    threshold: int
    signed: str


CHAINS = {
    "another key": ([Step("0", 1, "0"), Step("1", 1, "01"), Step("1", 1, "1")], 3),
    "signatures of strangers": ([Step("0", 1, "30"), Step("1", 1, "4013")], 2),
    "other two of three": ([Step("012", 2, "01"), Step("012", 2, "12"), Step("012", 2, "02")], 3),
    "one of three replaced": ([Step("012", 2, "01"), Step("013", 2, "01")], 2),
    "all replaced": ([Step("012", 2, "02"), Step("345", 2, "0245"), Step("345", 2, "34")], 3),
    "higher threshold": ([Step("012", 1, "0"), Step("012", 2, "12")], 2),
    "lower threshold": ([Step("012", 2, "01"), Step("012", 1, "01"), Step("012", 1, "2")], 3),
    "more keys": ([Step("0", 1, "0"), Step("01", 2, "01")], 2),
    "not by the old key": ([Step("0", 1, "0"), Step("1", 1, "123")], 1),
    "not by the new key": ([Step("0", 1, "0"), Step("1", 1, "023")], 1),
    "too few old keys": ([Step("012", 2, "01"), Step("234", 2, "234")], 1),
    "too few new keys": ([Step("012", 2, "01"), Step("234", 2, "012")], 1),
    "higher threshold not met": ([Step("012", 1, "0"), Step("012", 2, "1")], 1),
    "lower threshold not met by the former": ([Step("012", 2, "01"), Step("012", 1, "0")], 1),
    "bad step after a good one": ([Step("0", 1, "0"), Step("1", 1, "01"), Step("2", 1, "2")], 2),
}


@pytest.mark.parametrize(("steps", "trusted"), CHAINS.values(), ids=CHAINS)
def test_each_root_is_signed_as_the_one_before_and_it_itself_ask(
    repository: Repository, client: SuiteClient, steps: list[Step], trusted: int
) -> None:
    repository.root.version = 0
    written = []
    for step in steps:
        repository.replace_keys(Root.type, count=0)
        for key in step.keys:
            repository.root.add_key(KEYS[int(key)].public_key, Root.type)
        repository.root.roles[Root.type].threshold = step.threshold
        repository.signers[Root.type] = [KEYS[int(key)] for key in step.signed]
        repository.publish_root()
        written.append(repository.path(Root.type).read_bytes())
    client.init(written[0])
    assert client.refresh() == (trusted < len(steps))
    assert (client.metadata / "root.json").read_bytes() == written[trusted - 1]
    # roots come before all else, so a bad one leaves the rest as it was
    assert client.versions()[1:] == ([1, 1, 1] if trusted == len(steps) else [0, 0, 0])


def test_a_long_chain_is_followed_one_by_one_and_remembered(repository: Repository, client: SuiteClient) -> None:
    for _ in range(4):
        repository.publish_root()
    assert client.refresh() == 0
    assert client.asked()[:5] == [f"{version}.root.json" for version in (2, 3, 4, 5, 6)]
    assert client.refresh() == 0
    assert client.asked() == ["6.root.json", "timestamp.json"]


def test_a_client_that_was_away_stops_where_the_chain_is_broken(repository: Repository, client: SuiteClient) -> None:
    repository.publish_root()
    missing = repository.path(Root.type)
    repository.replace_keys("timestamp")
    repository.publish_root()
    repository.publish()
    data = missing.read_bytes()
    missing.unlink()
    assert client.refresh() == 1
    assert client.versions() == [1, 0, 0, 0]
    missing.write_bytes(data)
    assert client.refresh() == 0
    assert client.version(Root.type) == 3


@pytest.mark.parametrize("version", [1, 3])
def test_a_root_under_the_name_of_another_version_is_refused(
    repository: Repository, client: SuiteClient, version: int
) -> None:
    repository.publish_root()
    path = repository.path(Root.type)
    repository.root.version = version
    path.write_bytes(repository.write(Root.type))
    assert client.refresh() == 1
    assert client.versions() == [1, 0, 0, 0]


def test_an_expired_root_is_a_step_to_the_next_but_not_the_last(repository: Repository, client: SuiteClient) -> None:
    assert client.refresh() == 0
    repository.root.expires = NOW - DAY
    repository.publish_root()
    repository.publish()
    assert client.refresh() == 1
    assert client.versions() == [2, 1, 1, 1]
    repository.root.expires = NOW + DAY
    repository.publish_root()
    assert client.refresh() == 0
    assert client.versions() == [3, 2, 2, 1]


@pytest.mark.parametrize("fault", ["no version", "another signature", "no signature", "no JSON", "a snapshot"])
def test_without_a_sound_first_root_nothing_is_asked_for(
    repository: Repository, client: SuiteClient, fault: str
) -> None:
    document = json.loads(repository.path(Root.type).read_bytes())
    if fault == "no version":
        del document["signed"]["version"]
    elif fault == "another signature":
        document["signatures"][0]["sig"] = "00" * 64
    elif fault == "no signature":
        document["signatures"] = []
    data = {"no JSON": b"{", "a snapshot": repository.path("snapshot").read_bytes()}
    client.init(data.get(fault, json.dumps(document).encode()))
    assert client.refresh() == 1
    assert client.asked() == []


def test_fields_that_the_specification_does_not_know_are_signed_too(
    repository: Repository, client: SuiteClient
) -> None:
    repository.root.unrecognized_fields["a"] = {"b": [1, "c", None, True]}
    keyid = repository.root.roles[Root.type].keyids[0]
    repository.root.keys[keyid].unrecognized_fields["keyid_hash_algorithms"] = ["md5"]
    repository.root.roles[Root.type].unrecognized_fields["d"] = "e"
    repository.publish_root()
    assert client.refresh() == 0
    assert client.version(Root.type) == 2
    path = repository.folder / "metadata" / "3.root.json"
    path.write_bytes(repository.write(Root.type).replace(b'"md5"', b'"md4"'))
    assert client.refresh() == 1


@pytest.mark.parametrize("make", [CryptoSigner.generate_ecdsa, CryptoSigner.generate_rsa], ids=["ecdsa", "rsa"])
def test_roles_may_have_keys_of_other_kinds(
    repository: Repository, client: SuiteClient, make: Callable[[], CryptoSigner]
) -> None:
    signer = make()
    for role in TOP:
        before = repository.replace_keys(role, count=0)
        repository.root.add_key(signer.public_key, role)
        repository.signers[role] = [signer, *(before if role == Root.type else [])]
    repository.publish_root()
    repository.publish("targets")
    assert client.refresh() == 0
    assert client.versions() == [2, 2, 2, 2]


def test_a_root_is_kept_though_what_follows_fails(repository: Repository, client: SuiteClient) -> None:
    repository.publish_root()
    repository.path("timestamp").unlink()
    assert client.refresh() == 1
    assert client.versions() == [2, 0, 0, 0]
    assert Metadata.from_file(str(client.metadata / "root.json")).signed.version == 2
