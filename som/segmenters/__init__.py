"""Sources of regions, one file each; `som.segmenters.base` has the protocol and the registry."""

from som.segmenters.base import Segmenter, get, names, register, shipped

__all__ = ["Segmenter", "get", "names", "register", "shipped"]
