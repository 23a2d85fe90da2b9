"""What callers pass to a publisher is taken, or refused in one line by its name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bitfit_runtime.errors import BitfitError, InputError
from bitfit_toolkit.errors import PublishError
from bitfit_toolkit.publish import KeyRing, Lifetimes, Publisher
from support.publishing import new_publisher

ODD: tuple[Any, ...] = (5, 1.5, float("nan"), b"bytes", "a\0b", [None], {1: 2}, object(), True, "", 10**5000)


def refused(call: Callable[[], object], kind: type[BitfitError] = InputError) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize("odd", [None, 5, b"bytes", [], object(), "a\0b"])
def test_folders_are_paths_and_a_clock_is_a_function(tmp_path: Path, odd: Any) -> None:
    assert "`repository` should be a path" in refused(lambda: Publisher(odd, tmp_path))
    assert "`keys` should be a path" in refused(lambda: Publisher(tmp_path, odd))
    assert "`clock` should be a function" in refused(lambda: Publisher(tmp_path, tmp_path, odd))
    assert "`folder` should be a path" in refused(lambda: KeyRing(odd))
    assert "`ask` should be a function" in refused(lambda: KeyRing(tmp_path, None, odd))
    assert odd is None or "`root_keys` should be a path" in refused(lambda: KeyRing(tmp_path, odd))


@pytest.mark.parametrize("odd", ODD, ids=[f"{type(odd).__name__}-{i}" for i, odd in enumerate(ODD)])
def test_every_method_refuses_odd_arguments_and_publishes_nothing(tmp_path: Path, odd: Any) -> None:
    publisher = new_publisher(tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()}
    calls: tuple[tuple[str, Callable[[], object]], ...] = (
        ("lifetimes", lambda: publisher.initialize(odd)),
        ("packs", lambda: publisher.publish(odd if not isinstance(odd, dict) else [odd], tmp_path)),  # type: ignore[arg-type]
        ("candidates", lambda: publisher.add([odd])),
        ("tasks", lambda: publisher.withdraw(odd if not isinstance(odd, list) else [odd])),
        ("days", lambda: publisher.expiring(odd if odd not in (5, 1.5) else -1)),
        ("role", lambda: publisher.rotate_key(odd)),
        ("key", lambda: publisher.rotate_key("root", odd if not isinstance(odd, str) else 1)),  # type: ignore[arg-type]
    )
    for name, call in calls:
        assert refused(call).startswith(f"`{name}` should"), name
    for value in (odd if odd is not True else "yes",):
        assert "`force`" in refused(lambda value=value: publisher.add([], force=value))
        assert "`root`" in refused(lambda value=value: publisher.refresh(root=value))
        assert "`targets`" in refused(lambda value=value: publisher.refresh(targets=value))
        assert "`lost`" in refused(lambda value=value: publisher.rotate_key("targets", lost=value))
    assert isinstance(odd, int) or "`release`" in refused(lambda: publisher.add([], release=odd))
    assert odd == 5 or refused(lambda: Lifetimes(root=odd), PublishError)
    assert before == {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()}
