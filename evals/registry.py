"""Everything that `inspect_ai` finds by name: tasks, solvers, the scorer and the provider.

The package's entry point; importing it registers them.
"""

from som.evals.davis import davis
from som.evals.flickr30k import flickr30k
from som.evals.open_vocabulary import open_vocabulary
from som.evals.provider import som
from som.evals.refcoco import refcoco
from som.evals.scorers import grounding
from som.evals.screenspot import screenspot
from som.evals.screenspot_pro import screenspot_pro
from som.evals.screenspot_v2 import screenspot_v2
from som.evals.solvers import ask_model, oracle, random_mark
from som.evals.som_bench import som_bench

__all__ = [
    "ask_model",
    "davis",
    "flickr30k",
    "grounding",
    "open_vocabulary",
    "oracle",
    "random_mark",
    "refcoco",
    "screenspot",
    "screenspot_pro",
    "screenspot_v2",
    "som",
    "som_bench",
]
