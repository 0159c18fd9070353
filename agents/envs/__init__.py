"""Environments: what an agent looks at and acts on."""
