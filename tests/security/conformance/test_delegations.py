"""Which roles a client asks for a file, in which order, and whom it believes."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, Delegations, SuccinctRoles, Targets

from support.simulated import DAY, NOW, Repository, SuiteClient

# (delegator, role, paths, terminating) each, and the roles that a client visits for `dir/file.txt` that no one lists
GRAPHS = {
    "one": ([("targets", "a")], "a"),
    "two": ([("targets", "a"), ("targets", "b")], "ab"),
    "grandchild": ([("targets", "a"), ("a", "b")], "ab"),
    "children before siblings": ([("targets", "a"), ("targets", "b"), ("a", "c"), ("c", "d")], "acdb"),
    "order of appearance": ([("targets", "b"), ("targets", "a")], "ba"),
    "terminating": ([("targets", "a", "*/*", True), ("targets", "b")], "a"),
    "terminating, its children": ([("targets", "a", "*/*", True), ("a", "c"), ("targets", "b")], "ac"),
    "terminating below": ([("targets", "a"), ("a", "c", "*/*", True), ("a", "d"), ("targets", "b")], "ac"),
    "terminating elsewhere": ([("targets", "a", "other/*", True), ("targets", "b")], "b"),
    "paths that do not match": ([("targets", "a", "*/*.py"), ("a", "c"), ("targets", "b")], "b"),
    "a star is one folder": ([("targets", "a", "*"), ("targets", "b", "dir/*.txt")], "b"),
    "a question mark is one letter": ([("targets", "a", "dir/fil?.txt"), ("targets", "b", "dir/?.txt")], "a"),
    "by two ways": ([("targets", "a"), ("targets", "b"), ("a", "c"), ("b", "c")], "acb"),
    "in a circle": ([("targets", "a"), ("a", "b"), ("b", "a"), ("b", "c")], "abc"),
    "to itself": ([("targets", "a"), ("a", "a")], "a"),
}


@pytest.mark.parametrize(("edges", "visited"), GRAPHS.values(), ids=GRAPHS)
def test_delegations_are_followed_in_order_and_depth_first(
    repository: Repository, client: SuiteClient, edges: list[tuple[str, str, str, bool]], visited: str
) -> None:
    for delegator, role, *rest in edges:
        repository.delegate(delegator, role, (rest[0],) if rest else ("*/*",), bool(rest[1:]))
    repository.publish(*(role for role in repository.roles if len(role) == 1), Targets.type)
    assert client.download("dir/file.txt") == 1
    assert client.asked()[4:] == [f"1.{role}.json" for role in visited]


def test_a_file_is_believed_of_roles_that_were_given_its_path_all_the_way(
    repository: Repository, client: SuiteClient
) -> None:
    repository.delegate(Targets.type, "a", ["x/*"])
    repository.delegate("a", "b", ["x/*", "y/*"])
    repository.add_file("x/1", b"by b", "b")
    repository.add_file("y/1", b"not b's", "b")
    repository.publish("a", "b", Targets.type)
    assert client.download("x/1") == 0
    assert client.download("y/1") == 1
    assert client.downloaded() == [b"by b"]


def test_every_file_that_a_command_names_is_downloaded(repository: Repository, client: SuiteClient) -> None:
    for name in ("first", "second"):
        repository.add_file(name, name.encode())
    repository.publish(Targets.type)
    assert client.download("missing", "second") == 1
    assert client.download("first", "second") == 0
    assert client.downloaded() == [b"first", b"second"]


def test_a_role_that_two_others_delegate_to_is_verified_for_each_with_the_keys_that_it_names(
    repository: Repository, client: SuiteClient
) -> None:
    repository.delegate(Targets.type, "a", ["a/*"])
    repository.delegate(Targets.type, "b", ["b/*"])
    repository.delegate("a", "c", ["a/*"])
    signer, repository.signers["c"] = repository.signers["c"], [CryptoSigner.generate_ed25519()]
    repository.delegate("b", "c", ["b/*"])  # which names another key
    repository.signers["c"] = signer
    for name in ("a/file", "b/file"):
        repository.add_file(name, name.encode(), "c")
    repository.publish("a", "b", "c", Targets.type)
    assert client.download("a/file") == 0
    assert client.download("b/file") == 1, "cached by now, and signed by the key that `a` names"
    assert client.download("a/file", "b/file") == 1, "in one command as well"
    assert client.downloaded() == [b"a/file"]


def test_of_two_roles_that_list_a_file_the_first_is_believed(repository: Repository, client: SuiteClient) -> None:
    for role, data in (("b", b"second"), ("a", b"first")):
        repository.delegate(Targets.type, role)
        repository.add_file("file", data, role)
    assert repository.targets().delegations is not None
    repository.targets().delegations.roles = dict(sorted((repository.targets().delegations.roles or {}).items()))
    repository.publish("a", "b", Targets.type)
    assert client.download("file") == 0
    assert client.downloaded() == [b"first"]
    repository.add_file("file", b"top", Targets.type)
    repository.publish(Targets.type)
    assert client.download("file") == 0
    assert client.downloaded() == [b"top"]


@pytest.mark.parametrize("role", ["?", "#", "/role", "../role", "%2e", "a b", "ä", "role.json"])
def test_names_of_roles_are_quoted_in_addresses_and_on_disk(
    repository: Repository, client: SuiteClient, role: str
) -> None:
    repository.delegate(Targets.type, role)
    repository.publish(role, Targets.type)
    assert client.download("missing") == 1
    assert f"1.{quote(role, safe='')}.json" in client.asked()
    assert client.version(role) == 1
    assert {path.name for path in client.metadata.parent.iterdir()} == {"metadata", "downloads", "first.json"}


@pytest.mark.parametrize("fault", ["unsigned", "strange key", "too few", "unlisted", "another version", "old"])
def test_a_delegated_role_that_is_not_sound_is_refused(repository: Repository, client: SuiteClient, fault: str) -> None:
    repository.delegate(Targets.type, "a")
    repository.add_file("file", b"data", "a")
    if fault == "unsigned":
        repository.signers["a"] = []
    elif fault == "strange key":
        repository.signers["a"] = repository.signers[Targets.type]
    elif fault == "too few":
        role_of(repository, "a").threshold = 2
        repository.signers["a"] *= 2
    elif fault == "old":
        repository.targets("a").expires = NOW - timedelta(seconds=1)
    repository.publish("a", Targets.type)
    if fault == "unlisted":
        del repository.snapshot.meta["a.json"]
        repository.write("snapshot")
    elif fault == "another version":
        announced = repository.path("a")
        repository.targets("a").version += 1
        announced.write_bytes(repository.write("a"))
    assert client.refresh() == 0
    assert client.download("file") == 1
    assert (client.downloaded(), client.version("a")) == ([], 0)


def test_a_delegated_role_on_disk_is_used_until_it_expires_and_gives_way_to_a_newer(
    repository: Repository, client: SuiteClient
) -> None:
    repository.delegate(Targets.type, "a")
    for name in ("first", "second"):
        repository.add_file(name, name.encode(), "a")
    repository.targets("a").expires = NOW + 7 * DAY
    repository.publish("a", Targets.type)
    assert client.download("first") == 0
    client.asked()
    client.now += 6 * DAY
    assert client.download("first") == 0
    assert client.asked() == ["2.root.json", "timestamp.json"]
    client.now += 2 * DAY
    assert client.download("second") == 1
    repository.targets("a").expires = NOW + 21 * DAY
    repository.publish("a")
    assert client.download("second") == 0
    assert client.downloaded() == [b"first", b"second"]


def test_a_delegated_role_is_verified_by_the_keys_that_its_delegator_names_now(
    repository: Repository, client: SuiteClient
) -> None:
    repository.delegate(Targets.type, "a")
    repository.add_file("file", b"data", "a")
    repository.publish("a", Targets.type)
    assert client.download("file") == 0
    repository.signers["a"] = [CryptoSigner.generate_ed25519()]
    repository.delegate(Targets.type, "a")
    repository.publish(Targets.type)
    assert client.download("file") == 1
    repository.publish("a")
    assert client.download("file") == 0


def test_roles_may_be_given_paths_by_the_beginning_of_their_hashes(repository: Repository, client: SuiteClient) -> None:
    repository.delegate(Targets.type, "a")
    repository.add_file("file", b"data", "a")
    role = role_of(repository, "a")
    role.paths, role.path_hash_prefixes = None, ["0"]
    repository.publish("a", Targets.type)
    assert client.download("file") == 1
    role.path_hash_prefixes = ["3b9c"]  # of the SHA-256 of "file"
    repository.publish(Targets.type)
    assert client.download("file") == 0


def test_of_hash_bins_the_one_that_a_path_belongs_to_is_asked_and_believed(
    repository: Repository, client: SuiteClient
) -> None:
    [signer] = repository.signers[Targets.type]
    bins = SuccinctRoles([signer.public_key.keyid], 1, 3, "bin")
    names = list(bins.get_roles())
    for name in names:
        repository.delegate(Targets.type, name)
        repository.signers[name] = [signer]
    repository.targets().delegations = Delegations({signer.public_key.keyid: signer.public_key}, succinct_roles=bins)
    right = bins.get_role_for_target("file")
    wrong = next(name for name in names if name != right)
    repository.add_file("file", b"wrong", wrong)
    repository.publish(*names, Targets.type)
    assert client.download("file") == 1
    assert client.asked()[4:] == [f"1.{right}.json"]
    repository.add_file("file", b"right", right)
    repository.publish(right)
    assert client.download("file") == 0
    assert client.downloaded() == [b"right"]


def role_of(repository: Repository, name: str) -> DelegatedRole:
    delegations = repository.targets().delegations
    assert delegations is not None and delegations.roles is not None
    return delegations.roles[name]
