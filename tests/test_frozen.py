"""What earlier versions wrote loads and answers the same for ever. See tests/data/README.md."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitfit_runtime import Answer, Base, Engine, Row, read_pack
from bitfit_runtime.canary import check_canary
from bitfit_runtime.formats import ENCODINGS, serialize
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_runtime.updates.slots import Slots, StoredRelease, parse_slots
from bitfit_runtime.updates.version_floor import parse_version_floor
from bitfit_toolkit.publish import Publisher

FROZEN = Path(__file__).parent / "data" / "frozen"
PRECISIONS = ("int8", "int4", "fp32")


class Frozen:
    """A frozen base with all its packs installed, and what it answered when it was frozen."""

    def __init__(self, precision: str) -> None:
        self.engine = Engine(FROZEN / f"base-{precision}", threads=1, self_test="full")
        self.packs = {path.stem: path for path in sorted((FROZEN / f"packs-{precision}").iterdir())}
        for name, path in self.packs.items():
            self.engine.install(name, path)
        self.expected: dict[str, Any] = json.loads((FROZEN / f"answers-{precision}.json").read_text(encoding="utf-8"))

    def rows(self, task: str | None) -> list[Row]:
        return [Row(text, task, pair) for text, pair in self.expected["rows"]]

    def compare(self, found: list[np.ndarray], expected: list[np.ndarray]) -> bool:
        """Compare within the margin of the self-test, as kernels may be others; return whether bits are equal."""
        one, other = (np.concatenate([part.ravel() for part in parts]) for parts in (found, expected))
        margin = self.engine.base.manifest.self_test.tolerance
        assert np.linalg.norm(one - other) <= margin * np.linalg.norm(other)
        return np.array_equal(one, other)


def as_frozen(answer: Answer) -> dict[str, Any]:
    """An answer's values under the names that they had when they were frozen."""
    found = answer.as_dict(top=3)
    if "chosen" in found:
        found["labels"] = found.pop("chosen")
    for entity in found.get("entities", ()):
        del entity["probability"]  # which was not frozen
    return found


@pytest.fixture(scope="module", params=PRECISIONS)
def frozen(request: pytest.FixtureRequest) -> Frozen:
    return Frozen(request.param)


def test_every_task_type_and_encoding_is_frozen() -> None:
    names = {path.stem for path in (FROZEN / "packs-int8").iterdir()}
    assert names == {f"{task_type}-{encoding}" for task_type in TASK_TYPES for encoding in ENCODINGS}


def test_a_frozen_base_keeps_its_identity(frozen: Frozen) -> None:
    assert frozen.engine.base.manifest.digest == frozen.expected["digest"]
    Base.open(frozen.engine.base.folder).verify()


def test_frozen_packs_answer_as_they_did(frozen: Frozen) -> None:
    for task, expected in frozen.expected["packs"].items():
        rows = frozen.rows(task)
        values = [np.array(e["values"], np.float32).reshape(e["shape"]) for e in expected]
        has_head = bool(frozen.engine.tasks[task].labels)
        same = frozen.compare(frozen.engine.logits(rows) if has_head else list(frozen.engine.embed(rows)), values)
        answers = frozen.engine.predict(rows)
        assert [answer.truncated for answer in answers] == [e["truncated"] for e in expected]
        if same:
            assert [as_frozen(answer) for answer in answers] == [e["answer"] for e in expected]


def test_the_bare_frozen_base_answers_as_it_did(frozen: Frozen) -> None:
    expected = [np.array(values, np.float32) for values in frozen.expected["bare"]]
    frozen.compare(list(frozen.engine.embed(frozen.rows(None))), expected)


def test_frozen_packs_pass_their_canaries_and_are_written_as_they_were(frozen: Frozen) -> None:
    for path in frozen.packs.values():
        check_canary(frozen.engine, read_pack(path))
        assert serialize(read_pack(path)) == path.read_bytes()


def test_a_frozen_manifest_is_written_as_it_was(frozen: Frozen) -> None:
    base = frozen.engine.base
    assert base.manifest.to_json() == (base.folder / "bitfit.json").read_text(encoding="utf-8")


def test_frozen_files_of_a_store_are_read_and_written_as_they_were() -> None:
    data = (FROZEN / "store" / "pointer.json").read_bytes()
    slots = parse_slots(data, "pointer")
    assert slots == Slots(StoredRelease(3, "ab" * 32), StoredRelease(2, "cd" * 32), StoredRelease(5, "ef" * 32), 4)
    assert slots.to_json() == data
    data = (FROZEN / "store" / "floor.json").read_bytes()
    floor = parse_version_floor(data, "floor")
    assert (floor.root, sorted(floor.releases.values())) == (2, [1, 7])
    assert floor.to_json() == data


def test_a_frozen_repository_can_be_read() -> None:
    publisher = Publisher(FROZEN / "published", FROZEN / "published-keys")
    catalogue = publisher.state().catalogue
    assert [release.task for release in catalogue.releases.values()] == ["classification-int4"]
    assert [path.partition("/")[2] for path in catalogue.withdrawn] == ["span-int2.safetensors"]
