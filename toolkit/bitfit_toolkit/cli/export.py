"""`bitfit export`: make a base."""

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
    offline: Annotated[bool, typer.Option("--offline", help="Use folders and the local cache only.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Export a pretrained encoder as a base, and verify it."""
    if (model is None) == (onnx is None):
        raise typer.BadParameter("give either --model or --onnx", param_hint="--model / --onnx")
    from bitfit_exporters import ExportOptions, export, export_onnx

    options = ExportOptions(precision, pooling, max_length, revision, offline, name)
    with steps(quiet or json) as progress:
        if onnx is None:
            report = export(str(model), output, options, progress)
        else:
            report = export_onnx(onnx, output, options, progress)
    if json:
        print_json(report.as_dict())
    else:
        print_pairs(report.rows())
