import pytest

from gatedinpaint_jax.baselines import phases

C, D, B = phases.Turn.GENERATOR, phases.Turn.DISCRIMINATOR, phases.Turn.BOTH


@pytest.mark.parametrize(
  ("kwargs", "turns"),
  [
    ({}, [B] * 6),
    ({"completion_steps": None}, [C] * 6),
    ({"completion_steps": 2, "discriminator_steps": 1}, [C, C, D, B, B, B]),
    ({"generator_every_steps": 3}, [D, D, B, D, D, B]),
    ({"completion_steps": 1, "generator_every_steps": 2}, [C, D, B, D, B, D]),
  ],
)
def test_turns(kwargs, turns):
  run = phases.Phases(**kwargs)
  assert [run.at(step) for step in range(1, 7)] == turns
  for steps in range(7):
    done = turns[:steps]
    assert run.generator_updates(steps) == len(done) - done.count(D)
    assert run.discriminator_updates(steps) == len(done) - done.count(C)
