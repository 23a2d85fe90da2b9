"""Training options on the command line, derived from the fields of TrainOptions."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Annotated, Any, Final

import typer

from bitfit_toolkit.cli.failures import with_flags
from bitfit_toolkit.training.option_spec import OptionSpec, option_specs
from bitfit_toolkit.training.options import TrainOptions

FLAGS: Final = {"evaluation": "--eval"} | {spec.name: spec.flag for spec in option_specs(TrainOptions).values()}


def at_command_line(note: str) -> str:
    """Return a note of a training run with flags in place of the parameters that it names."""
    return with_flags(note, FLAGS)


def with_options(
    options: type[TrainOptions] = TrainOptions, chosen: Callable[[OptionSpec], bool] = lambda spec: True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command, whose parameters are all keywords, the chosen training options in place of its `options`.

    It is called with them as one object, `options`. An option that the command declares itself is the command's own.
    The default of its `options`, where it has one, gives the defaults.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        parameter = signature.parameters["options"]
        defaults = options() if parameter.default is parameter.empty else parameter.default
        specs = [spec for name, spec in option_specs(options).items() if name not in signature.parameters]
        specs = [spec for spec in specs if chosen(spec) and not spec.hidden]

        @wraps(command)
        def called(**given: Any) -> None:
            values = {field.name: getattr(defaults, field.name) for field in fields(options)}
            values |= {spec.name: given.pop(spec.name) for spec in specs}
            command(**given, options=options(**values))

        parameters: list[inspect.Parameter] = []
        for own in signature.parameters.values():
            parameters += [own] if own.name != "options" else [_parameter(spec, defaults) for spec in specs]
        called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return called

    return decorate


def _parameter(spec: OptionSpec, defaults: TrainOptions) -> inspect.Parameter:
    """Return an option as a parameter that typer understands."""
    hint: Any = spec.type | None if spec.optional else spec.type
    rules: dict[str, Any] = {}
    if spec.words:
        rules = {
            "parser": _number_or_word(spec.type),
            "metavar": "|".join((spec.type.__name__.upper(), *spec.words)),
        }
    return inspect.Parameter(
        spec.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=getattr(defaults, spec.name),
        annotation=Annotated[hint, typer.Option(spec.flag, help=spec.help, **rules)],
    )


def _number_or_word(number: type[int] | type[float]) -> Callable[[str], int | float | str]:
    """Return a parser of a number as such; the options themselves know which words are meant."""

    def parse(value: str) -> int | float | str:
        try:
            return number(value)
        except ValueError:
            return value

    return parse
