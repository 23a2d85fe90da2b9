"""Lines of a training report, for people: what a run came to, what its pack decides, how rates were chosen."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from bitfit_runtime.formats.pack_decisions import decisions_document
from bitfit_toolkit.reports.decision_lines import decision_lines

if TYPE_CHECKING:  # it needs torch
    from bitfit_toolkit.training.pack_encoding import Trial
    from bitfit_toolkit.training.start_trials import StartTrial
    from bitfit_toolkit.training.train import TrainReport

MORE: Final = "allow more (--max-error), or give more rows to measure on"


def report_lines(report: "TrainReport") -> list[tuple[str, str]]:
    """Return what a run came to as pairs of what and how much."""
    tried = ", ".join(f"{name} {_tried(trial)}" for name, trial in report.encodings_tried.items())
    trained = f"{report.trained_parameters:,} bias and {report.head_parameters:,} head parameters"
    labels = f", {report.label_count} labels" if report.label_count > 1 else ""
    size = f"{report.pack_bytes / 1000:.1f} kB in {report.encoding}{labels}"
    return [
        ("pack", f"{report.pack}, {size}"),
        ("encodings tried", tried),
        ("trained", f"{trained}, {report.steps:,} steps, {report.seconds:.0f} s"),
        *_rate_lines(report),
        *_start(report),
        ("in the engine", _as_line(report.engine)),
        ("in torch", f"{_as_line(report.torch)} (engine − torch: {report.difference:+.4f} {report.metric})"),
        ("on training rows", f"{report.learned:.4f} {report.metric}"),
        ("same answer in both", "not counted" if report.agreement is None else f"{report.agreement:.2%}"),
        *_decisions(report),
        *((f"cut, {which}", cut.line.rstrip(",")) for which, cut in report.cut.items() if cut.cut or cut.lost),
    ]


def _tried(trial: "Trial") -> str:
    """Return what an encoding came to, and how many answers stayed as in float32."""
    stayed = "" if trial.agreement is None else f" ({trial.agreement:.1%} stay)"
    return f"{trial.value:.4f} in {trial.bytes / 1000:.1f} kB{stayed}"


def _decisions(report: "TrainReport") -> list[tuple[str, str]]:
    """Return what the pack decides, and what that comes to on rows that it was not fitted on."""
    found = report.decisions
    if found is None:
        return []
    lines = [*decision_lines(decisions_document(found.decisions))]
    if found.calibration_error is not None:
        calibration = f"{found.calibration_error:.3f}, without temperature {found.uncalibrated_error:.3f}"
        lines.append(("calibration error", f"{calibration}, by chance {found.chance_error:.3f} (crossed)"))
    if found.coverage is not None:
        error = "none" if found.accepted_error is None else f"{found.accepted_error:.1%}"
        lines.append(("accepted, crossed", f"{found.coverage:.1%} of the rows, wrong of these: {error}"))
    if found.max_error is not None and found.decisions.acceptance is None:
        why = f"{found.rows:,} rows show no threshold that keeps errors at {found.max_error:.1%}"
        lines.append(("accepts", f"nothing: {why}; {MORE}"))
    return lines


def _start(report: "TrainReport") -> list[tuple[str, str]]:
    """Return the first layer that learned, where it is not 0 or was chosen, and what each start gave."""
    if not report.from_layer and report.start is None:
        return []
    lines = [("from layer", f"{report.from_layer} of {report.layers}")]
    if report.start is not None and report.start.trials:
        tried = "; ".join(_as_text(trial) for trial in report.start.trials)
        lines.append((f"{report.metric} on held-out training rows, {report.start.runs} runs", tried))
    return lines


def _as_text(trial: "StartTrial") -> str:
    """Return what a first layer gave beside training every layer."""
    behind = f"{trial.behind:+.4f} ± {trial.standard_error:.4f}"
    return f"from {trial.from_layer}: {trial.value:.4f}, behind every layer by {behind}"


def rate_of(report: "TrainReport") -> str:
    """Return the learning rate, which may be a multiple of measured ones."""
    if report.rate is None:
        return str(report.learning_rate) if isinstance(report.learning_rate, str) else f"{report.learning_rate:g}"
    return f"auto × {report.rate.multiple:.3g}"


def _rate_lines(report: "TrainReport") -> list[tuple[str, str]]:
    """Return the learning rate, and what each multiple gave where there was a race."""
    lines = [("learning rate", rate_of(report))]
    if report.rate is not None and report.rate.trials:
        trials = (
            f"× {trial.multiple:.3g}: {'diverged' if trial.value is None else f'{trial.value:.4f}'}"
            + (f" ({trial.behind:.4f} ± {trial.standard_error:.4f} behind)" if trial.behind else "")
            for trial in report.rate.trials
        )
        lines.append((f"{report.metric} of short runs on {report.rate.held_out:,} training rows", "; ".join(trials)))
    return lines


def _as_line(metrics: Mapping[str, float]) -> str:
    """Return metrics as one line, for people."""
    return ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in metrics.items())
