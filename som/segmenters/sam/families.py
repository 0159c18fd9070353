"""The families of promptable models: what they are called, which checkpoint is taken, how they rate.

Sizes and licences are those of the checkpoints' own pages; docs/segmenters.md lists more of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """One family.

    Attributes:
        name: what users write after ``--segmenter``.
        default: the checkpoint that is taken when none is named.
        model_types: what `config.json` says of its checkpoints in transformers' format.
        model_class: transformers' class for them.
        score: predicted IoU, and
        stability: stability score that a mask needs at granularity 0.5. Families rate their own masks
            differently; these are the thresholds of their authors' mask generators.
    """

    name: str
    default: str
    model_types: tuple[str, ...]
    model_class: str
    score: float = 0.88
    stability: float = 0.95


FAMILIES = {
    family.name: family
    for family in (
        Family("sam", "vit_b", ("sam",), "SamModel"),
        Family("slimsam", "nielsr/slimsam-77-uniform", ("sam",), "SamModel"),
        Family("sam-hq", "syscv-community/sam-hq-vit-base", ("sam_hq",), "SamHQModel"),
        Family("sam2", "facebook/sam2.1-hiera-tiny", ("sam2", "sam2_video"), "Sam2Model", 0.8, 0.92),
        Family(
            "sam3",
            "facebook/sam3",
            ("sam3_tracker", "sam3_video", "sam3_tracker_video", "sam3"),
            "Sam3TrackerModel",
            0.8,
            0.92,
        ),
        Family(
            "edgetam", "yonigozlan/EdgeTAM-hf", ("edgetam", "edgetam_video"), "EdgeTamModel", 0.8, 0.9
        ),
    )
}


def family_of(model_type: str) -> str | None:
    """The family whose checkpoints call themselves `model_type`, None when there is none."""
    return next((name for name, family in FAMILIES.items() if model_type in family.model_types), None)
