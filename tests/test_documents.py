"""Documents say what is there: links, paths, names, command lines, options, exit codes."""

import builtins
import re
from pathlib import Path

import pytest

from bitfit_runtime.tasks import TASK_TYPES
from bitfit_toolkit.cli.failures import EXIT_CODES
from bitfit_toolkit.tasks import TRAINABLE_TASKS
from support.documents import (
    DOCUMENTS,
    ROOT,
    anchors,
    classes,
    code_spans,
    commands,
    environment_variables,
    files,
    leaf_commands,
    links,
    parse,
    paths,
    with_options_table,
)

HISTORY = {"CHANGELOG.md"}  # which names what is gone
documents = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@documents
def test_links_lead_to_files_and_headings(document: Path) -> None:
    for path, anchor in links(document.read_text(encoding="utf-8")):
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{path} does not exist"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{path} has no heading #{anchor}"


@documents
def test_paths_in_code_exist(document: Path) -> None:
    if document.name in HISTORY:
        return
    for path in paths(document.read_text(encoding="utf-8")):
        assert any(one == path or one.endswith(f"/{path}") for one in files()), f"{path} does not exist"


@documents
def test_names_of_classes_and_their_members_exist(document: Path) -> None:
    if document.name in HISTORY:
        return
    for span in code_spans(document.read_text(encoding="utf-8")):
        member = re.fullmatch(r"([A-Z]\w+)\.(\w+)(\(.*\))?", span)
        if member and member[1] in classes():
            assert member[2] in classes()[member[1]], f"{member[1]} has no {member[2]}"
        if re.fullmatch(r"[A-Z]\w+Error", span):
            assert span in classes() or hasattr(builtins, span), f"{span} does not exist"


@documents
def test_command_lines_parse(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment_variables():  # a document sets them before
        monkeypatch.setenv(name, "x")
    for command, complete in commands(document.read_text(encoding="utf-8")):
        try:
            parse(command, complete)
        except Exception as error:
            pytest.fail(f"{command}: {error}")


@pytest.mark.parametrize("wrong", ("bitfit trian --base b", "bitfit train --bse b", "bitfit train --tolerance x"))
def test_a_wrong_command_line_is_noticed(wrong: str) -> None:
    with pytest.raises(Exception, match=r"trian|--bse|number"):
        parse(wrong, complete=False)
    with pytest.raises(Exception, match="base"):
        parse("bitfit train", complete=True)


def test_the_table_of_training_options_is_current() -> None:
    text = read("docs/training.md")
    assert text == with_options_table(text), "run: PYTHONPATH=tests python -m support.documents"


def test_every_command_variable_and_exit_code_is_described() -> None:
    text = read("docs/cli.md")
    for command in leaf_commands():
        assert f"bitfit {command}" in text, command
    for name in environment_variables():
        assert f"`{name}`" in text, name
    rows = dict(re.findall(r"^\| (\d+) \| (.*)$", text, re.MULTILINE))
    for error, code in EXIT_CODES:
        described = {"BitfitError": "ExportError", "KeyboardInterrupt": "interrupted"}.get(
            error.__name__, error.__name__
        )
        assert described in rows[str(code)], error


def test_every_task_type_is_described_with_its_answer_and_metrics() -> None:
    text = read("docs/training.md")
    for name, task in TRAINABLE_TASKS.items():
        row = re.search(rf"^\| `{name}`.*$", text, re.MULTILINE)
        assert row is not None, name
        assert f"`{TASK_TYPES[name].answer.__name__}`" in row[0]
        assert ", ".join(task.metric_names) in row[0]
