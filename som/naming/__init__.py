"""Names for regions: zero-shot, from a vocabulary, with a confidence."""

from som.naming.namer import Name, Namer, with_names
from som.naming.vocabulary import read_vocabulary

__all__ = ["Name", "Namer", "read_vocabulary", "with_names"]
