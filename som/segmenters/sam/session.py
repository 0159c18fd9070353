"""Prompts about one image, answered by a model that has encoded it once."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.devices import in_batches
from som.masks import box_of, dense, pack
from som.regions import Crop, make_regions
from som.segmenters.prompt import Prompt, innermost
from som.segmenters.sam.frame import Upsampler
from som.segmenters.sam.model import Encoded, PromptModel, Prompts

# A mask prompt is logits as the decoder writes them: this sure inside and outside.
SURE = 8.0


class SamSession:
    """A `Session` of a promptable model."""

    def __init__(
        self,
        model: PromptModel,
        image: NDArray[np.uint8],
        *,
        granularity: float = 0.5,
        source: str = "drawn",
    ) -> None:
        """Encode an image.

        Args:
            model: that answers.
            image: RGB uint8 (H, W, 3).
            granularity: a single point may mean a thing or a part of it: below 1/3 the largest of what
                the model offers is taken, above 2/3 the smallest, else what it is surest of.
            source: what the regions' column says.
        """
        self._model = model
        self._encoded: Encoded = model.encode(image)
        self._upsampler = Upsampler(self._encoded.frame)
        self._granularity = granularity
        self._source = source

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the image in pixels."""
        height, width = self._encoded.frame.image_hw
        return width, height

    def regions(self, prompts: Sequence[Prompt]) -> sv.Detections:
        """One region for each prompt, in their order.

        A prompt that the model answers with an empty mask gives itself as a region, confidence 0.

        Raises:
            SegmenterError: a prompt does not lie on the image, or asks for nothing.
        """
        for prompt in prompts:
            prompt.check(self.size_wh)
        answers: dict[int, tuple[Crop, float]] = {}
        # Prompts of one kind go together; points are never filled up, which would change answers.
        order = sorted(range(len(prompts)), key=lambda i: _kind(prompts[i]))
        for _, alike in groupby(order, key=lambda i: _kind(prompts[i])):
            rows = list(alike)
            found = self._answer([prompts[i] for i in rows])
            answers.update(zip(rows, found, strict=True))
        return self._regions([answers[i] for i in range(len(prompts))])

    def refine(self, regions: sv.Detections, row: int, prompt: Prompt) -> sv.Detections:
        """One region again, with more points that belong to it or do not.

        Args:
            regions: of this image; those without masks count as their boxes.
            row: which of them.
            prompt: the new points; those outside alone will do, the region gives one inside.

        Returns:
            The changed region, one row.
        """
        prompt.check(self.size_wh, alone=False)
        mask = dense(regions, row, self._encoded.frame.image_hw)
        left_out = mask.copy()
        for x, y in prompt.outside:
            reach = max(3, round(np.sqrt(np.count_nonzero(mask)) / 4))
            left_out[
                max(0, int(y) - reach) : int(y) + reach, max(0, int(x) - reach) : int(x) + reach
            ] = False
        anchor = innermost(left_out if left_out.any() else mask)
        asked = Prompt((*prompt.inside, anchor), prompt.outside, mask=mask)
        return self._regions(self._answer([asked]))

    def _answer(self, prompts: list[Prompt]) -> list[tuple[Crop, float]]:
        asked = self._asked(prompts)
        one_point = asked.masks is None and asked.boxes_xyxy is None and asked.labels is not None
        many = one_point and len(prompts[0].inside) == 1 and not prompts[0].outside

        def answer(rows: slice) -> list[tuple[Crop, float]]:
            masks = self._model.decode(self._encoded, asked[rows], multimask=many)
            width = masks.scores.shape[1]
            logits = masks.logits(np.arange(masks.scores.size))
            logits = logits.reshape(-1, width, *logits.shape[1:])
            return [
                self._best(prompt, *each)
                for prompt, *each in zip(prompts[rows], logits, masks.scores, strict=True)
            ]

        batches = in_batches(answer, len(prompts), self._model.points_per_batch)
        return [one for batch in batches for one in batch]

    def _best(
        self, prompt: Prompt, logits: NDArray[np.float32], scores: NDArray[np.float32]
    ) -> tuple[Crop, float]:
        areas = np.count_nonzero(logits[:, *self._encoded.frame.seen] > 0, axis=(1, 2))
        offered = np.flatnonzero(areas > 0)
        if len(offered):
            by = scores
            if self._granularity < 1 / 3:
                by = areas.astype(np.float32)
            elif self._granularity > 2 / 3:
                by = -areas.astype(np.float32)
            best = offered[int(by[offered].argmax())]
            mask, _ = self._upsampler.mask(logits[best])
            if mask is not None:
                return mask, float(np.clip(scores[best], 0, 1))
        return prompt.literal(self.size_wh), 0.0

    def _asked(self, prompts: list[Prompt]) -> Prompts:
        """Prompts of one kind as arrays."""
        points, labels, boxes, masks = [], [], [], []
        for prompt in prompts:
            inside = prompt.inside
            if prompt.mask is not None:
                masks.append((2 * self._encoded.frame.to_low(prompt.mask) - 1) * SURE)
                # A painted area says where; one point in its middle says what.
                inside = inside or (innermost(prompt.mask),)
            points.append([*inside, *prompt.outside])
            labels.append([1] * len(inside) + [0] * len(prompt.outside))
            if prompt.box_xyxy is not None:
                boxes.append(prompt.box_xyxy)
        return Prompts(
            np.array(points, np.float32) if points[0] else None,
            np.array(labels, np.int64) if points[0] else None,
            np.array(boxes, np.float32) if boxes else None,
            np.stack(masks).astype(np.float32) if masks else None,
        )

    def _regions(self, answers: list[tuple[Crop, float]]) -> sv.Detections:
        if not answers:
            return make_regions(np.zeros((0, 4)), source=self._source)
        size_hw = self._encoded.frame.image_hw
        masks = [pack(crop, size_hw) for crop, _ in answers]
        return make_regions(
            np.array([box_of(crop) for crop, _ in answers]),
            mask=sv.CompactMask.merge(masks),
            confidence=[score for _, score in answers],
            source=self._source,
        )


def _kind(prompt: Prompt) -> tuple[int, int, bool, bool]:
    """Prompts that can be answered together have the same."""
    inside = len(prompt.inside) or int(prompt.mask is not None)
    return inside, len(prompt.outside), prompt.box_xyxy is not None, prompt.mask is not None
