"""What is told of pictures whose values a model is not made for."""

import numpy as np
import pytest

from gatedinpaint_jax import check_data, errors
from gatedinpaint_jax.data import survey
from gatedinpaint_jax.training import train
from tests import pictures


def look(folder, arrays, **change):
  folder.mkdir()
  for i, array in enumerate(arrays):
    np.save(folder / f"{i}.npy", array)
  config = pictures.config(folder)
  config.update_from_flattened_dict(change)
  return survey.look(config)


def filled(shape, dtype, value=1, count=4):
  return [np.full(shape, value, dtype)] * count


@pytest.mark.parametrize(
  ("shape", "dtype", "change", "problem"),
  [
    ((16, 24, 5), np.uint8, {}, "has 5 channels of data; the model has 3"),
    ((16, 24, 2), np.uint8, {}, "has 2 channels of data; the model has 3"),
    (
      *((16, 24, 3), np.uint8, {"model.channels": 13}),
      "has 3 channels; the model has 13",
    ),
    ((16, 24, 3), np.int16, {}, "has int16 values, not .*config.data.value_ra"),
    (
      (16, 24),
      np.float32,
      {},
      "has float32 values, not .*config.data.value_ra",
    ),
    (
      *((16, 24, 1), np.float32, {"model.channels": 1, "data.no_data": -1.0}),
      "float32, whose range must be stated .config.data.value_range",
    ),
    ((16, 24, 3), np.float64, {}, "is float64 .*; save it as uint8, uint16, i"),
  ],
)
def test_reason_why_nothing_can_be_trained_on(
  tmp_path, shape, dtype, change, problem
):
  found = look(tmp_path / "a", filled(shape, dtype), **change)
  (line,) = found.problems
  assert line.startswith("training: ") and " and 1 more" in line
  with pytest.raises(errors.UserError, match=problem):
    raise errors.UserError(line)


def test_few_others_are_a_note(tmp_path):
  arrays = [*filled((16, 24, 3), np.uint8), np.ones((16, 24, 4), np.uint8)]
  found = look(tmp_path / "a", arrays)
  (note,) = found.notes
  assert "4.npy: has 4 channels of data" in note
  assert found.facts["training"]["unreadable"] == 1 and not found.problems


def test_sixteen_bits_are_not_lost_silently(tmp_path):
  arrays = filled((16, 24, 3), np.uint16)
  (note,) = look(tmp_path / "a", arrays).notes
  assert "3.npy" not in note and "0.npy" in note and "and 1 more" in note
  assert "16 bits, of which 8 are read unless config.data.value_range" in note
  ranged = look(tmp_path / "b", arrays, **{"data.value_range": (0, 4095)})
  assert ranged.notes == ranged.problems == []


def test_missing_values_are_counted(tmp_path):
  given = np.ones((16, 24, 2), np.float32)
  given[:4, :, 0] = np.nan
  change = {"model.channels": 2, "data.value_range": (0, 2)}
  found = look(tmp_path / "a", [given, given[::-1]], **change)
  assert found.facts["training"]["missing values"] == "25.0%"
  assert found.notes == []
  found = look(tmp_path / "b", [given, np.nan * given], **change)
  (note,) = found.notes
  assert note.endswith("1.npy: all values are missing")


def test_range_of_other_data_is_noted(tmp_path):
  change = {"model.channels": 1, "data.value_range": (0, 1)}
  arrays = [np.full((16, 24), v, np.int16) for v in (0, 1, 2)]
  (note,) = look(tmp_path / "a", arrays, **change).notes
  assert note.endswith("2.npy: most values are beyond config.data.value_range")


def test_programs_end_with_the_reason(tmp_path, capsys):
  look(tmp_path / "a", filled((16, 24, 5), np.uint8))
  reason = "0.npy: has 5 channels of data; the model has 3 (config.model.chann"
  arguments = ["--config=configs/folder.py", f"--config.data.path={tmp_path}/a"]
  assert check_data.main(["check_data", *arguments]) == 2
  assert reason in capsys.readouterr().out
  config = pictures.config(tmp_path / "a")
  config.data.batch_size = 8
  with pytest.raises(errors.UserError) as caught:
    train.train_and_evaluate(config, tmp_path / "run")
  assert reason in str(caught.value) and "\n" not in str(caught.value)
