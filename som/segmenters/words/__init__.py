"""Regions by words: what a phrase describes, found by open-vocabulary models."""
