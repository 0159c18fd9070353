"""Fetching the segment-anything package's checkpoints: once, resumed when cut off, and checked."""

import hashlib
import os
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

from som.errors import SegmenterError

CHUNK = 1 << 20
TIMEOUT_S = 30


@dataclass(frozen=True)
class Download:
    """A file to fetch.

    Attributes:
        url: where it is.
        sha256: what it must be.
    """

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """Its file name."""
        return self.url.rpartition("/")[2]


_ORIGIN = "https://dl.fbaipublicfiles.com/segment_anything"
# Apache-2.0; github.com/facebookresearch/segment-anything#model-checkpoints
CHECKPOINTS = {
    "vit_b": Download(
        f"{_ORIGIN}/sam_vit_b_01ec64.pth",
        "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
    ),
    "vit_l": Download(
        f"{_ORIGIN}/sam_vit_l_0b3195.pth",
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
    ),
    "vit_h": Download(
        f"{_ORIGIN}/sam_vit_h_4b8939.pth",
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
    ),
}


def cache_folder() -> Path:
    """Where torch keeps checkpoints: ``$TORCH_HOME/hub/checkpoints``, by default in ``~/.cache``."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    home = Path(os.environ.get("TORCH_HOME", cache / "torch"))
    return home.expanduser() / "hub" / "checkpoints"


def fetch(download: Download, folder: Path | None = None) -> Path:
    """The file's path in the cache, fetched first where it is not there yet.

    A fetch that was cut off leaves ``NAME.part``, and the next one goes on from there.

    Args:
        download: what to fetch.
        folder: where to keep it; `cache_folder()` by default.

    Raises:
        SegmenterError: no network, no such file, no room, or not the bytes that were expected.
    """
    folder = folder or cache_folder()
    path = folder / download.name
    if path.exists():
        return path
    part = path.with_name(path.name + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _receive(download, part)
    except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise SegmenterError(
            f"cannot fetch {download.url} ({reason}); run again to go on, or give --weights PATH"
        ) from error
    except OSError as error:
        raise SegmenterError(f"cannot write {part}: {error.strerror}") from error
    if _sha256(part) != download.sha256:
        part.unlink()
        raise SegmenterError(
            f"{download.url} gave other bytes than expected and was thrown away; try again"
        )
    part.replace(path)
    return path


def _receive(download: Download, part: Path) -> None:
    there = part.stat().st_size if part.exists() else 0
    # The address is one of the table above.
    request = Request(download.url, headers={"Range": f"bytes={there}-"} if there else {})  # noqa: S310
    try:
        response = urlopen(request, timeout=TIMEOUT_S)  # noqa: S310
    except HTTPError as error:
        if error.code != 416:  # nothing after what is there: the hash will tell whether it is right
            raise
        return
    with response:
        resumed = response.status == 206
        start = there if resumed else 0
        total = start + int(response.headers.get("Content-Length", 0))
        with (
            part.open("ab" if resumed else "wb") as out,
            tqdm(
                desc=f"fetching {download.name}",
                total=total,
                initial=start,
                unit="B",
                unit_scale=True,
                disable=None,
            ) as bar,
        ):
            while chunk := response.read(CHUNK):
                out.write(chunk)
                bar.update(len(chunk))
    if part.stat().st_size < total:
        raise ConnectionError("the connection was cut")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
