import os
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import ExpiredMetadataError

from bitfit_toolkit.publish.catalogue import FLAT_TASKS
from support.publishing import BASE, Client, candidate, make_publisher, new_publisher, served


def test_a_client_reads_what_was_published_withdrawn_and_published_again(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    with served(tmp_path / "site") as url:
        client = Client(tmp_path / "site", url, tmp_path / "device")
        assert client.find("mood") is None
        [release] = publisher.add([candidate("mood")])
        assert release.number == 1
        found = client.find("mood")
        assert found is not None
        assert (found.number, found.sha256, found.label_count) == (1, release.sha256, 77)
        assert found.metrics == {"accuracy": 0.8125, "f1_macro": 0.7981, "matthews": 0.6123}

        publisher.add([candidate("mood", "second"), candidate("intents")])
        assert [getattr(client.find(task), "number", None) for task in ("mood", "intents")] == [2, 1]

        publisher.withdraw(["mood"], BASE)
        assert client.find("mood") is None
        assert client.find("intents") is not None
        [again] = publisher.add([candidate("mood", "second")])
        assert again.number == 3
        assert getattr(client.find("mood"), "number", None) == 3


@pytest.mark.parametrize(("tasks", "budget"), [(10, 4_000), (1_000, 10_000)])
def test_an_idle_check_and_one_changed_task_cost_few_bytes(tmp_path: Path, tasks: int, budget: int) -> None:
    publisher = new_publisher(tmp_path)
    names = [f"some-task-{i:04}" for i in range(tasks)]
    publisher.add([candidate(name) for name in names])
    # every bin is counted, so that the fullest one is among them
    fullest = max(publisher.state().targets.values(), key=lambda role: len(role.targets))
    changed = next(iter(fullest.targets)).rpartition("/")[2].removesuffix(".safetensors")
    with served(tmp_path / "site") as url:
        client = Client(tmp_path / "site", url, tmp_path / "device")
        assert client.find(changed) is not None
        assert client.find(changed) is not None
        assert set(client.moved) == {"timestamp.json"}
        assert sum(client.moved.values()) <= 500
        publisher.add([candidate(changed, "second")])
        found = client.find(changed)
        assert found is not None and found.number == 2
        assert len(client.moved) == 3
        assert sum(client.moved.values()) <= budget


def test_a_flat_list_becomes_bins_when_tasks_are_many_and_clients_follow(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    publisher.add([candidate(f"task-{i}") for i in range(FLAT_TASKS)])
    publisher.withdraw(["task-1"], BASE)
    with served(tmp_path / "site") as url:
        client = Client(tmp_path / "site", url, tmp_path / "device")
        assert client.find("task-0") is not None
        assert publisher.state().bits == 0
        publisher.add([candidate("one-more")])
        assert publisher.state().bits == 7
        assert all(client.find(name) for name in ("task-0", "task-7", "one-more"))
        assert client.find("task-1") is None
        assert publisher.add([candidate("task-1")])[0].number == 2
        publisher.withdraw([f"task-{i}" for i in range(FLAT_TASKS)], BASE)
        assert publisher.state().bits == 7  # roles that a snapshot once named stay
        assert client.find("task-0") is None
        assert client.find("one-more") is not None


def test_refreshing_renews_what_is_past_half_of_its_time(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path, age=timedelta(days=60))
    publisher.add([candidate("mood")])
    before = publisher.state()
    with served(tmp_path / "site") as url:
        client = Client(tmp_path / "site", url, tmp_path / "device")
        with pytest.raises(ExpiredMetadataError):
            client.find("mood")
        publisher = make_publisher(tmp_path)
        publisher.refresh()
        assert client.find("mood") is not None
        after = publisher.state()
        assert after.versions["targets"] == before.versions["targets"]
        assert after.versions["snapshot"] == before.versions["snapshot"] + 1
        publisher.refresh(targets=True)
        assert publisher.state().versions["targets"] == before.versions["targets"] + 1
        publisher.refresh(targets=True)
        assert publisher.state().versions["targets"] == before.versions["targets"] + 1
        publisher.refresh(root=True)
        assert publisher.state().versions["root"] == 2
        assert client.find("mood") is not None


def test_only_the_newest_two_states_and_those_of_two_days_stay_in_the_folder(tmp_path: Path) -> None:
    new_publisher(tmp_path, age=timedelta(days=9))
    for days, content in ((8, "first"), (5, "second"), (0, "third")):
        make_publisher(tmp_path, age=timedelta(days=days)).add([candidate("mood", content)])
    names = sorted(path.name for path in (tmp_path / "site" / "metadata").iterdir())
    assert names == sorted(
        ["1.root.json", "timestamp.json", *(f"{v}.{r}.json" for v in (3, 4) for r in ("snapshot", "targets"))]
    )
    assert len(list((tmp_path / "site" / "packs").glob("*/*"))) == 2


def test_a_reader_that_is_slower_than_publications_finds_the_files_that_it_began_with(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path, age=timedelta(days=3))
    publisher.add([candidate("mood", "first")])
    state = publisher.state()
    files = list(state.files(publisher.layout))
    for hours, content in ((48, "second"), (24, "third"), (10, "fourth"), (1, "fifth")):
        make_publisher(tmp_path, age=timedelta(hours=hours)).add([candidate("mood", content)])
        assert all(path.is_file() for path in files), content
    publisher = make_publisher(tmp_path, age=timedelta(hours=-1))
    publisher.refresh()
    assert not any(path.is_file() for path in files), "two days after they were replaced"
    assert all(path.is_file() for path in publisher.state().files(publisher.layout))


def test_what_cannot_be_removed_does_not_make_a_publication_fail(tmp_path: Path) -> None:
    publisher = new_publisher(tmp_path)
    stuck = tmp_path / "site" / "metadata" / "9.snapshot.json"
    stuck.mkdir()
    os.utime(stuck, (0, 0))
    for content in ("first", "second", "third"):
        assert publisher.add([candidate("mood", content)])
    assert stuck.is_dir()
