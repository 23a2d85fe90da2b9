"""Answers to millions of rows: parts of input become parts of output, each written whole or not at all.

`plan.py` says what is answered, `sources.py` and `reading.py` stream rows, `shelf.py` holds packs within memory,
`scoring.py` answers, `writing.py` writes, `work.py` does one part. `run.py` goes through the parts on this machine,
`on_ray.py` hands them to a cluster.
"""

from bitfit_toolkit.bulk.plan import BulkOptions, BulkPlan, Part, plan_bulk
from bitfit_toolkit.bulk.run import answer_here, begin
from bitfit_toolkit.bulk.work import PartReport, Summary

__all__ = ["BulkOptions", "BulkPlan", "Part", "PartReport", "Summary", "answer_here", "begin", "plan_bulk"]
