"""Grounding evaluations."""
