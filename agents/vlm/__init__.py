"""Vision-language models, one file for each kind; `som.agents.vlm.base` has the protocol."""
