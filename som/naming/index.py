"""Words as vectors: computed once, kept on disk, searched by faiss."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from som.errors import MissingDependencyError

# So many words are encoded between two steps of the progress bar.
STEP = 512
TEMPLATE = "a photo of a {}"


def cache_folder() -> Path:
    """Where vectors are kept: ``$XDG_CACHE_HOME/som/names``, by default in ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "som" / "names"


class WordIndex:
    """A vocabulary that can be searched by vector.

    Attributes:
        words: in the order of the vectors.
    """

    def __init__(self, words: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Take words and their unit vectors (n, d).

        Raises:
            MissingDependencyError: faiss is not installed.
        """
        try:
            import faiss
        except ImportError as error:
            raise MissingDependencyError('names need faiss: pip install "som-agent[sam]"') from error
        self.words = list(words)
        # Exact: 100,000 words are searched for 100 regions in a fraction of a second.
        self._index: Any = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors, np.float32))

    def nearest(
        self, vectors: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """The k words nearest to each vector: cosines (n, k) and their numbers (n, k), best first."""
        cosines, numbers = self._index.search(
            np.ascontiguousarray(vectors, np.float32), min(k, len(self.words))
        )
        return cosines, numbers.astype(np.intp)


def build_index(words: Sequence[str], encoder: Any, folder: Path | None = None) -> WordIndex:
    """The index of a vocabulary, from the cache where these words were encoded by this model before.

    Args:
        words: the vocabulary.
        encoder: a `som.naming.encoders.Encoder`.
        folder: of the cache; `cache_folder()` when not given.
    """
    path = (folder or cache_folder()) / f"{_key(words, encoder)}.npy"
    try:
        vectors = np.load(path, allow_pickle=False)
        if len(vectors) == len(words):
            return WordIndex(words, vectors)
    except (OSError, ValueError):
        pass  # not there yet, or cut off while it was written
    texts = [_as_caption(word) for word in words]
    parts = []
    with tqdm(total=len(texts), unit="word", desc="reading words", leave=False, disable=None) as bar:
        for start in range(0, len(texts), STEP):
            parts.append(encoder.texts(texts[start : start + STEP]))
            bar.update(len(parts[-1]))
    vectors = np.concatenate(parts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.save(file, vectors)
        part.replace(path)
    except OSError:
        pass  # a cache that cannot be written only costs time
    return WordIndex(words, vectors)


def _as_caption(word: str) -> str:
    """Models know captions better than words; captions of other languages are their own."""
    return TEMPLATE.format(word) if word.isascii() else word


def _key(words: Sequence[str], encoder: Any) -> str:
    digest = hashlib.sha256("\n".join([encoder.name, encoder.fingerprint, TEMPLATE, *words]).encode())
    return digest.hexdigest()[:32]
