"""Components whose words follow the visitor's language: first the browser's, then the one chosen."""

from typing import Any

from som.ui.words import LANGUAGES, word, words


class Texts:
    """Remembers which words stand where, to exchange them all at once."""

    def __init__(self) -> None:
        """Start with no components."""
        import gradio as gr

        self.i18n = gr.I18n(**{lang: words(lang) for lang in LANGUAGES})
        self._known: list[tuple[Any, dict[str, str], dict[str, str]]] = []

    def __call__(self, key: str) -> Any:
        """The words of a key as Gradio shows them at first: in the browser's language."""
        return self.i18n(key)

    @staticmethod
    def choices(keys: dict[str, str], lang: str = "en") -> list[tuple[str, str]]:
        """Choices with their words, from value -> key; Gradio's own translation leaves these out."""
        return [(word(key, lang), value) for value, key in keys.items()]

    def add(self, component: Any, *, choices: dict[str, str] | None = None, **keys: str) -> Any:
        """Take in a component.

        Args:
            component: built with what `__call__` gives.
            choices: key of the words for each of its choices, where it has some.
            **keys: attribute -> key: ``label="ask.label"``.
        """
        self._known.append((component, keys, choices or {}))
        return component

    @property
    def components(self) -> list[Any]:
        """All that were taken in, in order."""
        return [component for component, _, _ in self._known]

    def updates(self, lang: str) -> list[Any]:
        """An update for each of `components`."""
        import gradio as gr

        found = []
        for _, keys, choices in self._known:
            values: dict[str, Any] = {name: word(key, lang) for name, key in keys.items()}
            if choices:
                values["choices"] = self.choices(choices, lang)
            found.append(gr.update(**values))
        return found
