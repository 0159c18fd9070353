"""Regions of a screenshot without a download: text by OCR, controls and icons by classical vision."""

from som.segmenters.screen.segmenter import ScreenSegmenter

__all__ = ["ScreenSegmenter"]
