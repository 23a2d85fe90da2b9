"""One target under atheris (extra `fuzz`): `run.py` starts `python -m security.fuzz.guided TARGET RUNS FOLDER`."""

import resource
import sys
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["bitfit_runtime", "tuf", "securesystemslib"]):
    from security.fuzz.targets import TARGETS

LONGEST_INPUT = 1 << 16
SECONDS_PER_INPUT = 10
# An allocation of gigabytes that an input merely claims fails the run.
ADDRESS_SPACE = 2 << 30
RESIDENT_MB = 512
# Shares of inputs: what was kept because it reached new code loses its structure in time, seeds do not.
FROM_SEEDS, STRUCTURED = 0.4, 0.8


def main(name: str, runs: str, folder: str) -> None:
    """Write the seeds into the target's corpus and hand over to libFuzzer, which ends the process."""
    target, corpus, findings = TARGETS[name], Path(folder, "corpus", name), Path(folder, "findings")
    for place in (corpus, findings):
        place.mkdir(parents=True, exist_ok=True)
    seeds = target.seeds()
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))

    def mutate(data: bytes, longest: int, chance: int) -> bytes:
        random = Random(chance)
        kind = random.random()
        if kind > STRUCTURED:
            return bytes(atheris.Mutate(data, longest))
        data = random.choice(seeds) if kind < FROM_SEEDS else data
        for _ in range(random.randint(1, 3)):
            data = target.mutate(data, random)
        return data[:longest]

    def fuzz_one(data: bytes) -> None:
        target.fuzz_one(data)

    options = [
        *(f"-runs={runs}", f"-max_len={LONGEST_INPUT}", f"-timeout={SECONDS_PER_INPUT}"),
        *(f"-rss_limit_mb={RESIDENT_MB}", "-print_final_stats=1", f"-artifact_prefix={findings}/{name}-"),
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], fuzz_one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
