"""A mask decoder that needs no training, for measuring what comes after one.

With random weights every point gives the same mask, and duplicates are all that is left to sort out.
This one gives local masks of three sizes, as a trained decoder does: places count as alike when their
position and their image features are. It takes the place of `segment_anything`'s decoder in the model
that both sides of a comparison share.
"""

from typing import Any

import torch

# The larger the level that the likeness must exceed, the smaller the mask; how steep its edge is.
LEVELS, STEEPNESS = (0.3, 0.5, 0.7), 90.0
FEATURE_SHARE = 0.25


class LocalDecoder(torch.nn.Module):  # type: ignore[misc]
    """Stands in for `segment_anything.modeling.MaskDecoder`.

    Args:
        sam: the `Sam` that it becomes part of.
        timed: the decoder whose cost it adds to its own by running it; its answer is not used.
    """

    def __init__(self, sam: Any, timed: Any = None) -> None:
        super().__init__()
        self.inside = sam.prompt_encoder.point_embeddings[1]
        self.timed = timed

    def forward(
        self,
        image_embeddings: Any,
        image_pe: Any,
        sparse_prompt_embeddings: Any,
        dense_prompt_embeddings: Any,
        multimask_output: bool,
    ) -> tuple[Any, Any]:
        """Logits (n, 3, 4h, 4w) and scores (n, 3) for one point each."""
        if self.timed is not None:
            self.timed(
                image_embeddings=image_embeddings,
                image_pe=image_pe,
                sparse_prompt_embeddings=sparse_prompt_embeddings,
                dense_prompt_embeddings=dense_prompt_embeddings,
                multimask_output=multimask_output,
            )
        channels = image_pe.shape[1]
        where = sparse_prompt_embeddings[:, 0] - self.inside.weight
        # Random Fourier features: their product falls off with distance like a Gaussian.
        near = torch.einsum("nc,chw->nhw", where, image_pe[0]) * (2 / channels)
        features = torch.nn.functional.normalize(image_embeddings[0].flatten(1), dim=0)
        at = near.flatten(1).argmax(dim=1)
        alike = (features[:, at].T @ features).view_as(near)
        likeness = (1 - FEATURE_SHARE) * near + FEATURE_SHARE * alike
        height, width = near.shape[1:]
        large = torch.nn.functional.interpolate(
            likeness[:, None], (4 * height, 4 * width), mode="bilinear", align_corners=False
        )
        logits = (large - torch.tensor(LEVELS).view(1, -1, 1, 1)) * STEEPNESS
        sure = logits.abs().tanh().mean(dim=(2, 3))
        return logits, sure
