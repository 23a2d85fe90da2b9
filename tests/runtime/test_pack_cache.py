import threading

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bitfit_runtime import Base, Engine, Pack, Row
from bitfit_runtime.pack_cache import DecodedPack, PackCache
from support.packs import random_pack


def same_bits(one: DecodedPack, other: DecodedPack) -> bool:
    found, expected = {**one.biases, **one.head}, {**other.biases, **other.head}
    return found.keys() == expected.keys() and all(found[k].tobytes() == expected[k].tobytes() for k in expected)


@settings(max_examples=30)
@given(asked=st.lists(st.integers(0, 5), min_size=1), room=st.floats(0, 7))
def test_the_cache_never_exceeds_its_bound_and_always_gives_the_pack_that_was_asked_for(
    base: Base, asked: list[int], room: float
) -> None:
    packs = [random_pack(base, seed, labels=1 + seed) for seed in range(6)]
    limit = int(room * DecodedPack.from_pack(packs[0], base).nbytes)
    decoded = PackCache(base, limit)
    for place in asked:
        assert same_bits(decoded.get(packs[place]), DecodedPack.from_pack(packs[place], base))
        assert decoded.nbytes <= limit


def test_what_was_used_last_is_remembered_and_what_is_not_kept_takes_no_room(base: Base) -> None:
    packs = [random_pack(base, seed) for seed in range(3)]
    size = DecodedPack.from_pack(packs[0], base).nbytes
    decoded = PackCache(base, 2 * size)
    first, second = decoded.get(packs[0]), decoded.get(packs[1])
    assert decoded.get(packs[0]) is first
    decoded.get(packs[2])  # evicts the second, which was used least recently
    assert decoded.get(packs[0]) is first
    assert decoded.get(packs[1]) is not second
    decoded.keep(packs[1:])
    assert decoded.nbytes == size
    decoded.keep([])
    assert decoded.nbytes == 0


def test_what_packs_stack_is_kept_for_the_same_packs_where_there_is_room(base: Base) -> None:
    packs = [random_pack(base, seed) for seed in range(3)]
    size = DecodedPack.from_pack(packs[0], base).nbytes
    cache = PackCache(base, 3 * size)

    def feeds(rows: int) -> dict[str, np.ndarray]:
        return {"a": np.zeros(size // 4 * rows, np.float32)}

    cache.get(packs[0])
    first = cache.stacked(0, packs[:2], lambda: feeds(2))
    assert cache.stacked(0, packs[:2], lambda: feeds(2)) is first and cache.nbytes <= 3 * size
    assert cache.stacked(1, packs[:2], lambda: feeds(1)) is not first  # for which there is no room
    assert cache.stacked(0, packs[1::-1], lambda: feeds(1)) is not first
    assert cache.stacked(0, packs[:2], lambda: feeds(3)) is not first
    cache.stacked(0, packs[:2], lambda: feeds(2))
    cache.get(packs[1])  # decoded packs come first
    assert cache.nbytes == 2 * size
    again = cache.stacked(0, packs[:2], lambda: feeds(1))
    cache.keep(packs)  # when one of them may have been replaced
    assert cache.nbytes == 2 * size and cache.stacked(0, packs[:2], lambda: feeds(1)) is not again


def test_tasks_that_are_asked_together_again_answer_as_alone_also_when_one_was_replaced(base: Base) -> None:
    engine = Engine(base, threads=1)
    for seed in range(3):
        engine.install(f"t{seed}", random_pack(base, seed, labels=2 + seed))
    tasks = ["t0", "t1", "t2"]
    for change in (None, random_pack(base, 7, labels=3), None):
        if change is not None:
            engine.install("t1", change)
        for text in ("one text", "another"):
            found = engine.predict(text, tasks=tasks)
            assert found == {task: engine.predict(text, task) for task in tasks}
            assert found == engine.predict([text, text], tasks=tasks)[1]


def test_a_replaced_pack_that_a_running_request_decodes_again_is_dropped_with_the_next_change(base: Base) -> None:
    engine = Engine(base, threads=1)
    engine.install("t", random_pack(base, 1))
    replaced = engine._packs["t"]
    engine.install("t", random_pack(base, 2))
    engine._pack_cache.get(replaced)  # as a request does that began before
    assert engine._pack_cache.nbytes > 0
    engine.install("u", random_pack(base, 3))
    assert engine._pack_cache.nbytes == 0


def test_evicted_packs_answer_as_before_to_the_bit_alone_and_mixed(base: Base, engine: Engine) -> None:
    size = DecodedPack.from_pack(random_pack(base), base).nbytes
    small, none = (Engine(base, threads=1, pack_cache_bytes=room) for room in (3 * size, 0))
    rows = [Row("some text", f"t{seed}") for seed in range(8)]
    for one in (engine, small, none):
        for seed, row in enumerate(rows):
            one.install(str(row.task), random_pack(base, seed, labels=2 + seed))
    expected = engine.logits(rows)
    for one in (small, none):
        for turn in (rows, rows[::-1]):
            for row in turn:
                np.testing.assert_array_equal(one.logits(row)[0], expected[int(str(row.task)[1:])])
        for found, wanted in zip(one.logits(rows), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_an_installed_pack_does_not_change_with_the_callers_arrays(base: Base) -> None:
    engine = Engine(base, threads=1, pack_cache_bytes=0)
    pack = random_pack(base)
    engine.install("t", pack)
    before = engine.logits("a", "t")[0]
    pack.tensors["biases"][:] = np.nan
    np.testing.assert_array_equal(engine.logits("a", "t")[0], before)


def test_threads_that_share_a_small_cache_get_their_own_packs(base: Base) -> None:
    packs = [random_pack(base, seed) for seed in range(4)]
    expected = [DecodedPack.from_pack(pack, base) for pack in packs]
    decoded = PackCache(base, 2 * expected[0].nbytes)
    wrong: list[Pack] = []

    def ask(seed: int) -> None:
        for place in np.random.default_rng(seed).integers(0, 4, 300):
            if not same_bits(decoded.get(packs[place]), expected[place]) or decoded.nbytes > 2 * expected[0].nbytes:
                wrong.append(packs[place])
            if place == seed:
                decoded.keep(packs[:place])

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    decoded.keep([])
    assert decoded.nbytes == 0
