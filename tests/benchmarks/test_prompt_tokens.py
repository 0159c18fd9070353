"""The compact legend is cheaper in both languages, by every tokenizer there is."""

from benchmarks.prompt_tokens import SCREEN, measure, screen, table


def test_the_compact_legend_is_cheaper_by_every_tokenizer() -> None:
    rows = {(row.part, row.lang): row.counts for row in measure()}
    for lang in SCREEN:
        full, compact = rows["legend of 28 marks", lang], rows["the same, compact", lang]
        assert len(full) >= 2
        for name in full:
            assert compact[name] < 0.7 * full[name], (lang, name)


def test_both_screens_hold_the_same_marks() -> None:
    marks = [[(mark.label, mark.role) for mark in screen(lang)] for lang in SCREEN]
    assert marks[0] == marks[1]
    assert len(marks[0]) == 28


def test_the_table_names_languages_and_tokenizers() -> None:
    lines = table(measure()).splitlines()
    assert "UTF-8 bytes" in lines[0]
    assert len(lines) == 2 + 5 * len(SCREEN)
