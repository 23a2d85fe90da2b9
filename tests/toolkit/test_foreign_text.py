"""Foreign text reaches tables and messages as it is, and a terminal takes none of it for a command."""

import json
from pathlib import Path

import pytest

from bitfit_runtime import Base, write_pack
from bitfit_toolkit.cli.output import print_json, print_notes, print_pairs, print_table
from bitfit_toolkit.cli.printable import printable
from support.command_line import bitfit
from support.packs import random_pack

MARKUP = ("see [/etc/passwd] now", "choose [a] or [b]", "[bold]x[/bold] [/]", "[link=x]y", "\\[a]", ":smile:")
COMMANDS = ("\x1b[31mred", "\x9b31m", "\x1b]0;title\x07", "a\rb", "\u202ereversed", "\u2028line", "tab\there")


def test_tables_pairs_notes_and_json_keep_every_word(capsys: pytest.CaptureFixture[str]) -> None:
    for text in (*MARKUP, *COMMANDS):
        shown = printable(text)
        for show in (
            lambda text=text: print_pairs([(text, text)]),
            lambda text=text: print_table((text,), [(text,)]),
            lambda text=text: print_notes([text]),
        ):
            show()
            captured = capsys.readouterr()
            assert (captured.out + captured.err).count(shown) >= 1
            assert not set(captured.out + captured.err) & set("\x1b\x9b\x07\r\t\u202e\u2028")
        print_json({"text": text})
        out = capsys.readouterr().out
        assert json.loads(out) == {"text": text} and out.strip().isprintable()
    assert printable("naïve 👩\u200d💻\u00a0日本") == "naïve 👩\u200d💻\u00a0日本"
    print_json({"half": "\ud800"})
    assert json.loads(capsys.readouterr().out) == {"half": "\ud800"}


def test_predict_shows_texts_with_brackets(base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = write_pack(random_pack(base), tmp_path / "p.safetensors")
    for text in (*MARKUP, *COMMANDS):
        code, out, err = bitfit(
            "predict", "--base", base.folder, "--pack", f"[x]={pack}", "--text", text, capsys=capsys
        )
        assert code == 0, err
        assert printable(text) in out and "[x]" in out
