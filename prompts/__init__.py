"""Prompt templates as text files, one folder a language."""
