"""What all tests share."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_marks_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Regions found in tests are kept beside the tests' files, not among the user's."""
    before = os.environ.get("SOM_MARKS_CACHE")
    os.environ["SOM_MARKS_CACHE"] = str(tmp_path_factory.mktemp("marks") / "cache")
    yield
    os.environ.pop("SOM_MARKS_CACHE")
    if before is not None:
        os.environ["SOM_MARKS_CACHE"] = before
