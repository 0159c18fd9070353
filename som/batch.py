"""Which files a `som mark` run reads and writes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from som.errors import ImageError, SomError
from som.image import SUFFIXES
from som.marks import MarkedImage

# What this program writes itself, so that a second run over a folder does not mark marked images.
_OURS = (".marked", ".answer")


@dataclass(frozen=True)
class Job:
    """One image to mark and where the results go."""

    image: Path
    drawn: Path
    mark_file: Path | None

    def done(self) -> bool:
        """Whether an earlier run wrote everything."""
        return self.drawn.exists() and (self.mark_file is None or self.mark_file.exists())

    def write(self, marked: MarkedImage) -> None:
        """Write the results.

        The image goes last and by renaming: a run that is killed leaves no half-written file that
        would count as done.

        Raises:
            MarkError: a file cannot be written.
        """
        for path in (self.drawn, self.mark_file):
            if path is not None:
                make_folder(path.parent)
        if self.mark_file is not None:
            marked.save_json(self.mark_file)
        part = self.drawn.with_name(f".part-{self.drawn.name}")
        try:
            marked.save(part).replace(self.drawn)
        finally:
            part.unlink(missing_ok=True)


def plan(images: Sequence[Path], out: Path | None, json_out: Path | None) -> list[Job]:
    """List the jobs of a run.

    Args:
        images: files and folders; a folder stands for the images in it (not in its subfolders).
        out: a file for one image, a folder for several, or None.
        json_out: likewise for mark files; None writes none.

    Raises:
        ImageError: a folder without images.
        SomError: one output file for several images.
    """
    files: list[Path] = []
    for path in images:
        files += _images_in(path) if path.is_dir() else [path]
    many = len(files) > 1 or any(path.is_dir() for path in images)
    if many:
        for option, target in (("--out", out), ("--json", json_out)):
            if target is not None and target.suffix and not target.is_dir():
                raise SomError(f"{option} {target} is one file for {len(files)} images; name a folder")
    stems = Counter(path.stem for path in files)
    jobs = []
    for path in files:
        name = path.stem if stems[path.stem] == 1 else path.name
        jobs.append(
            Job(
                path,
                _target(out, many, f"{name}.marked.png"),
                _mark_file(json_out, many, f"{name}.json"),
            )
        )
    return jobs


def _target(out: Path | None, many: bool, name: str) -> Path:
    if out is None:
        return Path("marked" if many else "") / name
    return out / name if many or out.is_dir() else out


def _mark_file(json_out: Path | None, many: bool, name: str) -> Path | None:
    return None if json_out is None else _target(json_out, many, name)


def _images_in(folder: Path) -> list[Path]:
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")
        and not path.stem.endswith(_OURS)
    ]
    if not found:
        raise ImageError(f"no images in {folder} ({', '.join(SUFFIXES)})")
    return found


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        SomError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SomError(f"cannot make folder {folder}: {error.strerror}") from error
