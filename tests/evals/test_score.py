"""`som eval score`: published logs, scored from point and box alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from som.cli import main
from som.errors import DataError
from som.evals import score as module
from som.evals.metrics.clicks import Click
from som.evals.score import LogFormat, compare_logs, get_format, register_format
from som.evals.score import score as score_clicks


def row(number: int, pred: Any, kind: str = "text", group: str = "Dev", **more: Any) -> dict[str, Any]:
    return {
        "img_path": f"/data/images/vscode_mac/{number}.png",
        "group": group,
        "platform": "macos",
        "application": f"{group}-app",
        "lang": "en",
        "instruction_style": "instruction",
        "prompt_to_evaluate": f"press {number}",
        "gt_type": "positive",
        "ui_type": kind,
        "task_filename": "vscode_macos",
        "pred": pred,
        "raw_response": {"Analysis": "...", "Click BBox ID": 3},
        "bbox": [10, 10, 20, 20],
        "correctness": "correct",
        "idx": number,
        **more,
    }


# Right, on the edge, wrong though the log says correct, right though it says wrong, without a point.
ROWS = [
    row(0, [15, 15]),
    row(1, [20.0, 10.0], "icon"),
    row(2, [21, 15]),
    row(3, [12, 12], group="CAD", correctness="wrong"),
    row(4, None, "icon", group="CAD", correctness="correct"),
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
    return path


def som(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["eval", "score", *map(str, arguments)])


def test_the_logs_own_verdict_is_never_looked_at(tmp_path: Path) -> None:
    done = som(write(tmp_path / "log.jsonl", ROWS), "--json")
    assert done.exit_code == 0, done.output
    lines = json.loads(done.stdout)["scores"]
    assert [(line["by"], line["value"]) for line in lines] == [
        ("overall", ""),
        ("group", "CAD"),
        ("group", "Dev"),
        ("application", "CAD-app"),
        ("application", "Dev-app"),
    ]
    overall, cad, dev = lines[:3]
    assert overall["num_total"] == 5
    assert overall["num_correct_action"] == 3
    assert overall["wrong_format_num"] == 1
    assert overall["action_acc"] == 0.6
    assert overall["text_acc"] == pytest.approx(2 / 3)
    assert overall["icon_acc"] == 0.5
    low, high = overall["action_acc_ci"]
    assert 0 <= low < 0.6 < high <= 1
    assert (cad["wrong_format_num"], cad["action_acc"]) == (1, 0.5)
    assert (dev["text_acc"], dev["icon_acc"]) == (0.5, 1.0)
    verdicts = [{**one, "correctness": "nonsense"} for one in ROWS]
    again = som(write(tmp_path / "log.jsonl", verdicts), "--json")
    assert again.stdout == done.stdout


def test_the_table_reads_in_percent(tmp_path: Path) -> None:
    done = som(write(tmp_path / "log.jsonl", ROWS))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["n", "action", "text", "icon", "wrong", "format"]
    assert lines[1].startswith("overall")
    assert "60.0 [" in lines[1]
    assert lines[2].startswith("group CAD")
    assert len({len(line) for line in lines}) == 1


def test_two_logs_are_paired_by_sample_wherever_their_images_lie(tmp_path: Path) -> None:
    other = [
        {**one, "pred": [0, 0], "img_path": one["img_path"].replace("/data", "C:\\x")} for one in ROWS
    ]
    other = [*reversed(other), row(9, [15, 15])]
    a, b = write(tmp_path / "a.jsonl", [*ROWS, row(7, None)]), write(tmp_path / "b.jsonl", other)
    done = som(a, "--compare", b)
    assert done.exit_code == 0, done.output
    assert "5 samples, 1 without a partner" in done.stdout
    assert "+60.0 points" in done.stdout
    assert "only this one right 3, only the other 0, p = 0.25 (McNemar, exact)" in done.stdout
    data = json.loads(som(a, "--compare", b, "--json").stdout)["compare"]
    assert (data["samples"], data["a_only"], data["b_only"]) == (5, 3, 0)
    assert data["low"] > 0
    nothing = som(a, "--compare", write(tmp_path / "c.jsonl", [row(9, None)]))
    assert nothing.exit_code == 1
    assert "share no sample" in nothing.output


def test_a_sample_that_comes_twice_is_two_samples(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [row(0, [15, 15]), row(0, None)])
    clicks = get_format("screenspot-pro").read(path)
    assert len({click.id for click in clicks}) == 2
    assert {click.cluster for click in clicks} == {"vscode_mac/0.png"}
    found = compare_logs(clicks, clicks)
    assert (found.samples, found.p_mcnemar) == (2, 1)


def test_the_report_of_the_official_script_reads_too(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"metrics": {"overall": {}}, "details": ROWS}, indent=4))
    assert len(get_format("screenspot-pro").read(path)) == 5


def test_seeclicks_own_log(tmp_path: Path) -> None:
    rows = [
        {"img_path": f"imgs/{i}.png", "text": "go", "bbox": [0.1, 0.1, 0.2, 0.2], "pred": pred}
        | {"type": kind, "source": source}
        for i, (pred, kind, source) in enumerate(
            [
                ([0.15, 0.2], "text", "ios"),
                ("wrong format", "icon", "shop"),
                ([0.3, 0.1], "icon", "iOS"),
            ]
        )
    ]
    path = tmp_path / "seeclick.json"
    path.write_text(json.dumps(rows))
    done = som(path, "--format", "screenspot", "--json")
    assert done.exit_code == 0, done.output
    overall, mobile, web = json.loads(done.stdout)["scores"]
    assert (overall["num_correct_action"], overall["wrong_format_num"]) == (1, 1)
    assert (mobile["value"], mobile["text_acc"], mobile["icon_acc"]) == ("mobile", 1.0, 0.0)
    assert (web["value"], web["text_acc"]) == ("web", None)


def test_our_own_logs_read_as_others_do(screens: Path, tmp_path: Path) -> None:
    run = ["eval", "screenspot", "--data", str(screens), "--segmenter", "buttons"]
    for by in ("offline", "random"):
        out = ["--model", by, "--log-dir", str(tmp_path / by)]
        assert CliRunner().invoke(main, [*run, *out]).exit_code == 0
    offline, random = (next((tmp_path / by).rglob("*.eval")) for by in ("offline", "random"))
    done = som(offline, "--format", "som", "--compare", random, "--json")
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    overall, desktop = data["scores"]
    # Two of three buttons of an image are marked; the third is the icon.
    assert (overall["num_total"], overall["num_correct_action"], overall["icon_acc"]) == (6, 4, 0)
    assert (desktop["by"], desktop["value"], desktop["text_acc"]) == ("group", "desktop", 1)
    assert data["compare"]["samples"] == 6
    other = som(write(tmp_path / "log.jsonl", ROWS), "--format", "som")
    assert other.exit_code == 1
    assert "cannot read the log" in other.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pred": [1, 2, 3]}, "line 2: field 'pred' must be 2 numbers [x, y], or null"),
        ({"pred": {"x": 1}}, "line 2: field 'pred' must be"),
        ({"pred": [float("inf"), 2]}, "line 2: field 'pred' must be"),
        ({"bbox": None}, "line 2: field 'bbox' must be 4 numbers [x1, y1, x2, y2], got null"),
        ({"bbox": [20, 10, 10, 20]}, "x1 <= x2"),
        ({"ui_type": "image"}, "line 2: field 'ui_type' must be one of text, icon"),
        ({"gt_type": "negative"}, "only those have a box to score"),
        ({"group": 3}, "line 2: field 'group' must be a text, got 3"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    done = som(write(tmp_path / "log.jsonl", [ROWS[0], {**ROWS[1], **change}]))
    assert done.exit_code == 1
    assert message in done.output
    assert "log.jsonl" in done.output
    assert done.output.strip().count("\n") == 0


def test_lines_that_are_no_rows(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for text, message in [
        ('{"a": 1}\n', "line 1: no field 'img_path'"),
        ("[1]\n", "line 1: expected an object, got [1]"),
        (json.dumps(ROWS[0]) + "\n\n{oops\n", "line 3: no JSON"),
        ("\n\n", "holds no predictions"),
    ]:
        log.write_text(text)
        done = som(log)
        assert done.exit_code == 1
        assert message in done.output
    missing = {key: value for key, value in ROWS[0].items() if key != "pred"}
    assert "no field 'pred'" in som(write(log, [missing])).output
    assert "no such file" in som(tmp_path / "none.jsonl").output
    log.write_bytes(b"\xff\xfe\x00")
    assert "cannot read" in som(log).output
    assert "choose one of: screenspot-pro, screenspot, som" in som(log, "--format", "x").output


def test_a_format_can_be_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FORMATS", dict(module._FORMATS))
    register_format("mine", LogFormat(lambda path: [Click("1", "correct", "text")], ()))
    assert json.loads(som(tmp_path, "--format", "mine", "--json").stdout)["scores"][0]["num_total"] == 1
    with pytest.raises(DataError, match="no log format 'other'"):
        get_format("other")
    assert len(score_clicks([Click("1", "wrong")])) == 1
