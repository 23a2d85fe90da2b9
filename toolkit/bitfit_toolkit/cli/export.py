"""`bitfit export`: make a base."""

import re
from pathlib import Path
from typing import Annotated

import typer

from bitfit_toolkit.cli.output import print_json, print_pairs, steps

EXAMPLES = (
    "Examples: `bitfit export --model bert-base --output base` · "
    "`bitfit export --model ./checkpoint --output base --precision fp32 --offline` · "
    "`bitfit export --onnx ./optimum-model --output base`"
)


def command(
    output: Annotated[Path, typer.Option(help="Folder of the base; an earlier base there is replaced at the end.")],
    model: Annotated[
        str | None, typer.Option(help="Short name (bert-base, minilm, …), hub name, or checkpoint folder.")
    ] = None,
    onnx: Annotated[
        Path | None,
        typer.Option(
            help="Instead of --model: a float32 ONNX model of optimum or torch, with its config.json beside it."
        ),
    ] = None,
    precision: Annotated[str, typer.Option(help="int8; int4, half the size; or fp32.")] = "int8",
    pooling: Annotated[str | None, typer.Option(help="mean, cls or pooler; default: the model's own.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Longest input in tokens; default: the model's own.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the base; default: the model's.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    branch_points: Annotated[
        str,
        typer.Option(help="Layers below which rows may branch, to share what lies below: auto, none, or e.g. 4,8,12."),
    ] = "auto",
    activations: Annotated[
        str, typer.Option(help="Scales of rounded activations: dynamic, one a row; or static, constants, faster.")
    ] = "dynamic",
    calibration: Annotated[
        Path | None, typer.Option(help="Text file, a text a line, that static activations are calibrated on too.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use folders and the local cache only.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Export a pretrained encoder as a base, and verify it."""
    if (model is None) == (onnx is None):
        raise typer.BadParameter("give either --model or --onnx", param_hint="--model / --onnx")
    from bitfit_exporters import ExportOptions, export, export_onnx
    from bitfit_exporters.calibration_texts import read_texts

    texts = () if calibration is None else read_texts(calibration)
    options = ExportOptions(
        precision, pooling, max_length, revision, offline, name, _layers(branch_points), activations, texts
    )
    with steps(quiet or json) as progress:
        if onnx is None:
            report = export(str(model), output, options, progress)
        else:
            report = export_onnx(onnx, output, options, progress)
    if json:
        print_json(report.as_dict())
    else:
        print_pairs(report.rows())


def _layers(given: str) -> tuple[int, ...] | None:
    """Return the layers of `--branch-points`, None for the default ones."""
    words = {"auto": None, "none": ()}
    if given in words:
        return words[given]
    if not re.fullmatch(r"\d{1,6}(,\d{1,6})*", given, re.ASCII):
        raise typer.BadParameter(
            f"expected auto, none, or layers such as 4,8,12; found {given!r}", param_hint="--branch-points"
        )
    return tuple(map(int, given.split(",")))
