from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from benchmarks.photos import best_ious, main, read_photos


def write_photo(folder: Path, name: str) -> None:
    """A red square on green, outlined by two people, one of whom split the square."""
    image = np.full((120, 160, 3), (60, 150, 60), np.uint8)
    image[30:90, 40:100] = (60, 60, 200)
    cv2.imwrite(str(folder / f"{name}.jpg"), image)
    person = np.ones((120, 160), np.uint16)
    person[30:90, 40:100] = 2
    other = person.copy()
    other[30:90, 70:100] = 3
    truth = np.empty((1, 2), object)
    truth[0, :] = [{"Segmentation": person}, {"Segmentation": other}]
    savemat(folder / f"{name}.mat", {"groundTruth": truth})


def test_best_iou_counts_every_person_and_leaves_specks_out() -> None:
    first, second = np.zeros((10, 20), np.intp), np.zeros((10, 20), np.intp)
    first[:, 10:] = 1
    second[0, 0] = 1
    masks = np.zeros((2, 10, 20), bool)
    masks[0, :, 10:] = True
    masks[1, :5] = True
    # Right half exactly; left half by half of the top; all but one pixel by the right or top half.
    assert best_ious(masks, [first, second]) == pytest.approx([50 / 150, 1, 100 / 199])


def test_splits_share_no_photo_and_the_table_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(5):
        write_photo(tmp_path, f"photo{k}")
    names = {s: {p.name for p in read_photos(tmp_path, s)} for s in ("tuning", "reporting", "all")}
    assert names["tuning"] | names["reporting"] == names["all"]
    assert not names["tuning"] & names["reporting"]
    sheet = tmp_path / "worst.png"
    options = ["--only", "photo, granularity 1", "--sheet", str(sheet)]
    monkeypatch.setattr("sys.argv", ["benchmarks.photos", str(tmp_path), *options])
    main()
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith("photo, granularity 1")
    assert float(row.split()[3]) > 0.6
    assert cv2.imread(str(sheet)) is not None
