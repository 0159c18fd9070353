"""Real web UIs with the truth from their DOM: rendering them, and scoring segmenters on them."""
