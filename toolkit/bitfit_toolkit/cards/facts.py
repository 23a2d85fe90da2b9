"""What a pack's card says of the training: kept with the pack, so that a push can write the card anew."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bitfit_runtime.files import destination, read_file, write_output
from bitfit_runtime.formats import file_digest
from bitfit_runtime.formats.json_fields import Fields, load_json
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.reports.review import Confused

if TYPE_CHECKING:  # it needs torch
    from bitfit_toolkit.training.options import TrainOptions
    from bitfit_toolkit.training.train import TrainReport

LARGEST: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """Options that were not the default's, steps, and what came of the evaluation rows.

    `sha256` is that of the pack, by which facts of another one are told. Errors of calibration and coverage are None
    where they were not measured.
    """

    sha256: str
    options: Mapping[str, str]
    steps: int
    rows: int
    wrong: int | None
    confusion: tuple[Confused, ...]
    calibration_error: float | None
    coverage: float | None
    accepted_error: float | None

    @classmethod
    def of(cls, report: "TrainReport", options: "TrainOptions") -> "TrainingFacts":
        """Return the facts of a run whose pack was written."""
        default, decided = type(options)(), report.decisions
        private = ("report", "tensorboard", "checkpoints", "start_from", "card")
        changed = {
            name: str(value)
            for name, value in asdict(options).items()
            if name not in private and value != getattr(default, name)
        }
        return cls(
            sha256=file_digest(Path(report.pack)),
            options=changed,
            steps=report.steps,
            rows=report.review.rows,
            wrong=report.review.wrong,
            confusion=report.review.confusion,
            calibration_error=None if decided is None else decided.calibration_error,
            coverage=None if decided is None else decided.coverage,
            accepted_error=None if decided is None else decided.accepted_error,
        )


def facts_name(pack: str) -> str:
    """Return the name of the file with the facts of a pack of that file name."""
    return f"{Path(pack).stem}.card.json"


def facts_file(pack: Path) -> Path:
    """Return where the facts of a pack lie: beside it."""
    return pack.with_name(facts_name(pack.name))


def write_facts(facts: TrainingFacts, pack: Path) -> None:
    """Write the facts beside the pack. Raises TrainingError."""
    try:
        path = facts_file(destination(pack))
        write_output(path, (json.dumps(asdict(facts), ensure_ascii=False, indent=1) + "\n").encode())
    except OSError as error:
        raise TrainingError(f"the card's facts cannot be written beside {pack} ({error.strerror})") from None


def read_facts(pack: Path) -> TrainingFacts | None:
    """Return the facts beside a pack, None where there are none. Raises TrainingError where they are another pack's."""
    path = facts_file(pack)
    remedy = "train it with --card again, or delete that file"
    try:
        data = read_file(path, LARGEST)
    except OSError as error:
        raise TrainingError(f"cannot read {path} ({error.strerror or error}); {remedy}") from None
    if data is None:
        return None
    try:
        document = load_json(data)
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{path} is not JSON ({error}); {remedy}") from None
    fields = Fields(document, str(path), lambda message: TrainingError(f"{message}; {remedy}"))
    if fields.get("sha256", str) != file_digest(pack):
        raise TrainingError(f"{path} tells of another pack than {pack}; {remedy}")
    confusion = (
        Confused(one.get("expected", str), one.get("found", str), one.get("count", int))
        for one in fields.objects("confusion")
    )
    return TrainingFacts(
        sha256=fields.get("sha256", str),
        options=fields.mapping("options", str),
        steps=fields.get("steps", int),
        rows=fields.get("rows", int),
        wrong=None if document.get("wrong") is None else fields.get("wrong", int),
        confusion=tuple(confusion),
        calibration_error=_number(document, fields, "calibration_error"),
        coverage=_number(document, fields, "coverage"),
        accepted_error=_number(document, fields, "accepted_error"),
    )


def _number(document: Mapping[str, object], fields: Fields, name: str) -> float | None:
    return None if document.get(name) is None else fields.get(name, float)
