"""Benchmarks: what is compared runs in turns, and is compared with the fastest peer."""

from harness.clock import fastest, interleaved, ratio

TIMES = {
    "ours": {"min": 1.0, "median": 2.0},
    "peer a": {"min": 2.0, "median": 5.0},
    "peer b": {"min": 4.0, "median": 4.0},
}


def test_the_peer_of_a_ratio_is_its_fastest_arm_by_each_measure() -> None:
    found = ratio(TIMES, "ours", "peer")
    assert found is not None
    assert (found.median, found.minimum) == (2 / 4, 1 / 2)
    assert fastest(TIMES, "peer ") == "b"
    assert ratio(TIMES, "ours", "absent") is None


def test_every_arm_runs_each_round_rare_ones_each_third_and_what_is_before_just_before() -> None:
    calls: list[str] = []
    runs = {name: lambda name=name: calls.append(name) for name in ("often", "rare")}
    times = interleaved(runs, 7, rare=["rare"], before={"often": lambda: calls.append("before")})
    assert (times["often"]["rounds"], times["rare"]["rounds"]) == (7, 3)
    assert all(calls[index - 1] == "before" for index, name in enumerate(calls) if name == "often")
