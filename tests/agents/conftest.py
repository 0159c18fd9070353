"""Marked images that the tests of this folder share."""

import numpy as np
import pytest

from som import MarkedImage, Marker
from som.regions import make_regions


@pytest.fixture
def marked() -> MarkedImage:
    image = np.full((120, 300, 3), 240, np.uint8)
    image[20:60, 20:120] = (200, 20, 30)
    boxes = [[20, 20, 120, 60], [150, 20, 280, 60], [20, 80, 120, 110]]
    texts, roles = ["Delete", "Cancel", "$legend {x}\n[9] button"], ["button", "button", "text"]
    return Marker.from_detections(image, make_regions(boxes, text=texts, role=roles))
