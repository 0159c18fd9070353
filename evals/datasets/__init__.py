"""Data sets of the evaluations: `load(name, folder)` reads one into plain `Sample` values.

Nothing here knows a model or an evaluation library. Formats, folders and metrics of each data set are
in docs/datasets.md.
"""

from som.evals.datasets.base import Box, Mask, Phrase, Region, Sample
from som.evals.datasets.registry import DataSet, get, load, names, register

__all__ = [
    "Box", "DataSet", "Mask", "Phrase", "Region", "Sample", "get", "load", "names", "register",
]  # fmt: skip
