"""What all tests share."""

import os
from collections.abc import Iterator

import pytest

# Processes of tests share the cores: networks that take all of them would wait for each other.
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if WORKERS > 1:
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // WORKERS)))


@pytest.fixture(autouse=True, scope="session")
def _own_marks_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Regions found in tests are kept beside the tests' files, not among the user's."""
    before = os.environ.get("SOM_MARKS_CACHE")
    os.environ["SOM_MARKS_CACHE"] = str(tmp_path_factory.mktemp("marks") / "cache")
    yield
    os.environ.pop("SOM_MARKS_CACHE")
    if before is not None:
        os.environ["SOM_MARKS_CACHE"] = before
