"""Which biases to train, in the paper's names (Ben Zaken et al., 2021)."""

from bitfit_runtime.formats.manifest import Manifest
from bitfit_toolkit.errors import TrainingError


def resolve_terms(terms: str, manifest: Manifest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the terms and the names of their biases for `all`, `none` or a list such as `q,m2`.

    `all` leaves out the terms that cannot change an answer (`redundant_terms`). Raises TrainingError on a term that the
    base does not have, and on an inert one.
    """
    known = tuple(dict.fromkeys(spec.term for spec in manifest.biases))
    if terms == "all":
        chosen = tuple(term for term in known if term not in manifest.redundant_terms)
    elif terms == "none":
        chosen = ()
    else:
        by_lower = {term.lower(): term for term in known}
        asked = [term.strip() for term in terms.split(",") if term.strip()]
        unknown = [term for term in asked if term.lower() not in by_lower]
        if unknown or not asked:
            found = ", ".join(unknown) or "nothing"
            raise TrainingError(f"unknown bias term {found}; this base has {', '.join(known)} (or: all, none)")
        chosen = tuple(dict.fromkeys(by_lower[term.lower()] for term in asked))
        inert = [term for term in chosen if term in manifest.redundant_terms]
        if inert:
            raise TrainingError(
                f"bias term {inert[0]} cannot change an answer of {manifest.name}: softmax forgives it; leave it out"
            )
    return chosen, tuple(spec.name for spec in manifest.biases if spec.term in chosen)
