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


def test_centre_is_cropped_where_crops_are_not_random():
  framing = recipe.Framing(size=(4, 4), random_crop=False)
  corner = framing.draw_corner(np.random.default_rng(0), np.array([5, 2]))
  assert corner.tolist() == [2, 1]


def test_processes_have_their_rows_of_each_batch():
  rows = recipe.Rows(
    batch_size=6, first_example=100, process_index=1, process_count=3
  )
  examples = [rows.example(i) for i in range(4)]
  assert examples == [102, 103, 108, 109]
