"""Regions of screenshots without a model to download: OCR fused with visual shapes."""

from som.segmenters.screen.segmenter import Look, ScreenSegmenter

__all__ = ["Look", "ScreenSegmenter"]
