"""Vision-language models in this process, by transformers; the class is in `model`."""
