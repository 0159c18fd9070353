"""The looks that Gradio's own components have: one accent, fonts of the system, room to breathe."""

from typing import Any

SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Noto Sans KR", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Noto Sans Mono", "monospace"]


def theme() -> Any:
    """Gradio's theme for the app; nothing in it is fetched from elsewhere."""
    import gradio as gr

    accent = gr.themes.Color(
        "#eef3ff", "#dfe8ff", "#c2d3ff", "#9ab5ff", "#6b8ffb", "#3f68ee", "#2f55d4", "#2745ab",
        "#223b88", "#1e336d", "#141f42",
    )  # fmt: skip
    base = gr.themes.Base(
        primary_hue=accent, secondary_hue=accent, neutral_hue="zinc", radius_size="lg", font=SANS,
        font_mono=MONO,
    )  # fmt: skip
    return base.set(
        body_background_fill="#f7f7f8",
        body_background_fill_dark="#111114",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#18181c",
        background_fill_secondary="#f4f4f6",
        background_fill_secondary_dark="#202026",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_shadow="none",
        block_shadow_dark="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_text_weight="600",
        block_title_text_size="*text_sm",
        block_info_text_size="*text_sm",
        block_info_text_color="#6a6a75",
        block_info_text_color_dark="#a0a0ac",
        block_title_text_color="#1b1b1f",
        block_title_text_color_dark="#ececf1",
        input_placeholder_color="#767682",
        input_placeholder_color_dark="#8d8d99",
        block_padding="0",
        layout_gap="16px",
        input_background_fill="*background_fill_primary",
        input_background_fill_dark="*background_fill_primary",
        input_border_width="1px",
        input_border_color_dark="#3a3a42",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_secondary_background_fill="*background_fill_primary",
        button_secondary_background_fill_dark="*background_fill_secondary",
        button_secondary_border_color="*border_color_primary",
        button_border_width="1px",
        button_border_width_dark="1px",
        button_transform_active="none",
    )
