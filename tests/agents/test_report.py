from som.agents import actions as do
from som.agents.envs.base import Observation, Outcome
from som.agents.report import end_line, run_json, step_line
from som.agents.steps import End, Step
from som.agents.vlm.base import NONE, Choice, Reply
from som.marks import MarkedImage


def test_a_step_is_one_line(marked: MarkedImage) -> None:
    seen = Observation(marked, states={1: "focused"})
    reply = Reply("", "m", tokens_in=1200, tokens_out=30, cost_usd=0.0021)
    step = Step(
        number=3,
        observation=seen,
        reply=reply,
        thought="It is\nasked for. \x1b[2J",
        action=do.Click(mark=1),
        outcome=Outcome(True, "clicked [1]", True),
        seconds={"observe": 0.2, "model": 1.0, "act": 0.1},
    )
    assert step_line(step) == (
        '  3  It is asked for.  [2J → click(1) button "Delete" (focused) → clicked [1]  '
        "(1.3 s, 1,200+30 tokens, $0.0021)"
    )
    choice = Choice({"1": 0.93, NONE: 0.07}, "decisions", tokens_in=900, seconds=0.1)
    chosen = Step(4, seen, choice=choice, action=do.Click(mark=1))
    assert "(chosen, 0.93)" in step_line(chosen)
    person = Step(5, seen, action=do.GoBack(), by="person")
    assert "go_back() (by a person)" in step_line(person)
    failed = Step(6, seen, end=End("failed", "the server\nis gone"))
    assert step_line(failed) == "  6  failed  (0.0 s)"
    steps = [step, chosen, person, failed]
    assert end_line(steps) == "failed: the server is gone\n(4 steps, 1.3 s, 2,100+30 tokens, $0.0021)"
    assert end_line([]) == "stopped\n(0 steps, 0.0 s)"
    run = run_json("x", "m", steps)
    assert (run["status"], run["tokens_in"], run["cost_usd"]) == ("failed", 2100, 0.0021)
    assert [one["chosen"] for one in run["steps"]] == [None, 0.93, None, None]
