from __future__ import annotations

from tests.readme.page import Block, Step, steps, unseen

PRINTED = "fraud: apply, epoch 12\n\n┃ output ┃ values ┃\n│ score  │ 1.7    │\n1 passed in 0.31s\n"


def test_volatile_numbers_frames_and_left_out_lines_do_not_matter() -> None:
    assert unseen(["fraud: apply, epoch 2", "…", "│ score │ 1.7 │", "1 passed in 9.99s"], PRINTED) == []


def test_another_answer_is_noticed() -> None:
    assert unseen(["│ score │ 1.8 │"], PRINTED) == ["score 1.8"]


def test_lines_in_another_order_are_noticed() -> None:
    assert unseen(["│ score │ 1.7 │", "fraud: apply, epoch 2"], PRINTED) == ["fraud: apply, epoch #"]


def test_a_block_with_prompts_has_commands_and_output() -> None:
    block = Block("console", "$ one \\\n  more\nshown\n$ two\n", False)
    assert steps(block) == [Step("one   more", ["shown"]), Step("two", [])]


def test_a_block_without_prompts_has_a_command_per_line() -> None:
    assert steps(Block("console", "# first\none\n\ntwo\n", False)) == [Step("one", []), Step("two", [])]
