import numpy as np

from gatedinpaint_jax.data import recipe


def test_line_is_strictly_above_the_threshold():
  strength = np.array([152, 153, 154]) / 255
  for strengths in (strength, strength.astype(np.float32)):
    sketching = recipe.Sketching(kind="files", threshold=0.6)
    lines = sketching.draw_lines(np.random.default_rng(0), strengths)
    assert lines.tolist() == [False, False, True]


def test_all_lines_are_dropped_as_often_as_asked():
  sketching = recipe.Sketching(kind="edges", drop_probability=0.25)
  generator = np.random.default_rng(0)
  sums = [sketching.draw_lines(generator, np.ones(4)).sum() for _ in range(400)]
  assert set(sums) == {0, 4}
  assert 70 < sums.count(0) < 130
