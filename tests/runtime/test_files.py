"""What is written replaces regular files alone, through links, under names that nobody can foretell."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bitfit_exporters.errors import OutputError
from bitfit_exporters.staging import staged
from bitfit_runtime import Base, write_pack
from bitfit_runtime.errors import PackError
from bitfit_runtime.files import TEMPORARY_PREFIX, write_file, write_output
from bitfit_runtime.formats.schema import MANIFEST_FILE
from bitfit_runtime.onnx_adapter import write_onnx_adapter
from bitfit_toolkit.compare.table import write_tables
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.training.train import check_output
from support.packs import random_pack

Writer = Callable[[Base, Path], object]
WRITERS: dict[str, Writer] = {
    "file": lambda base, path: write_output(path, b"new"),
    "pack": lambda base, path: write_pack(random_pack(base), path),
    "adapter": lambda base, path: write_onnx_adapter(random_pack(base), base, path),
    "report": lambda base, path: write_tables([], path.parent),
}
writers = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        os.chdir(path.parent)  # a socket's path is short
        one.bind(path.name)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("device nodes are made by root alone")


@writers
@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("make", [make_pipe, make_socket, make_folder, make_device])
def test_what_is_no_regular_file_is_refused_and_stays(
    base: Base,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Writer,
    linked: bool,
    make: Callable[[Path], None],
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "table.md"
    there = tmp_path / "there" if linked else path
    make(there)
    if linked:
        path.symlink_to(there)
    before = there.lstat().st_mode
    with pytest.raises((OSError, PackError), match="not a regular file"):
        write(base, path)
    assert there.lstat().st_mode == before and path.is_symlink() == linked
    with pytest.raises(TrainingError, match="cannot be written"):
        check_output(path)
    assert not list(tmp_path.glob(f"{TEMPORARY_PREFIX}*"))


@writers
@pytest.mark.parametrize("exists", [False, True])
def test_a_link_is_followed_and_stays(base: Base, tmp_path: Path, write: Writer, exists: bool) -> None:
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "target", tmp_path / "table.md"
    if exists:
        target.write_bytes(b"old")
    link.symlink_to(Path("far", "target"))
    check_output(link)
    write(base, link)
    assert link.is_symlink() and target.read_bytes() != b"old"
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_temporary_names_cannot_be_foretold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: seen.append(self.name) or replace(self, target))
    for _ in range(5):
        write_file(tmp_path / "f", b"")
    assert len(set(seen)) == 5


def test_a_base_goes_through_a_link_and_replaces_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "base"
    link.symlink_to(Path("far", "base"))
    for content in ("one", "two"):
        with staged(link) as folder:
            (folder / MANIFEST_FILE).write_text(content)
        assert link.is_symlink() and (tmp_path / "far" / "base" / MANIFEST_FILE).read_text() == content
    for make in (make_pipe, make_device):
        make(tmp_path / make.__name__)
        with pytest.raises(OutputError), staged(tmp_path / make.__name__):
            pass
        assert not (tmp_path / make.__name__).is_dir()


def test_what_killed_exports_left_is_removed_from_a_folder_with_a_pattern_for_a_name(tmp_path: Path) -> None:
    other = tmp_path / ".b.partial-other"
    own = tmp_path / ".[ab].partial-own"
    other.mkdir(), own.mkdir()
    with staged(tmp_path / "[ab]") as folder:
        (folder / MANIFEST_FILE).touch()
    assert other.exists() and not own.exists()
