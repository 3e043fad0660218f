import json

import pytest

from configs import places2
from gatedinpaint_jax import errors
from gatedinpaint_jax.training import config_drift
from tests import tiny_run


def check(change, *, before=None, without=(), allow_change=False):
  """Checks a change of {key: value}.

  The checkpoint has places2 with {key: value} of `before`, and lacks the keys
  or sections of `without`.
  """
  config = places2.get_config()
  config.update_from_flattened_dict(before or {})
  saved = json.loads(json.dumps(config.to_dict()))
  for key in without:
    section, _, name = key.partition(".")
    del (saved[section] if name else saved)[name or section]
  config.update_from_flattened_dict(change)
  config_drift.check(
    saved, config.to_dict(), folder="RUN/4", allow_change=allow_change
  )


# Pictures for validation.
OF_THEIR_OWN = {"data.source": "folder", "data.validation_path": "other"}


@pytest.mark.parametrize(
  "change",
  [
    {},
    {"schedule.steps": 9},
    {"schedule.keep_checkpoints": 1},
    {"model.initializer": "released"},
    {"evaluation.pictures": 0},
    {"data.tfds_dir": "elsewhere"},
    {"data.shown_channels": (2, 1, 0)},
  ],
)
def test_harmless_change_passes_with_a_line(change):
  with tiny_run.captured_log() as lines:
    check(change)
  assert len(lines) == len(change)
  for key, value in change.items():
    shown = list(value) if isinstance(value, tuple) else value
    assert f"config.{key}: {shown}, was" in lines[0]


@pytest.mark.parametrize(
  ("change", "before"),
  [
    ({"data.batch_size": 8}, {}),
    ({"data.image_size": (64, 64)}, {}),
    ({"data.value_range": (0.0, 1.0)}, {}),
    ({"data.value_range": ()}, {"data.value_range": (0.0, 1.0)}),
    ({"data.no_data": -9999.0}, {}),
    ({"optimizer.b1": 0.9}, {}),
    ({"model.dtype": "bfloat16"}, {}),
    ({"schedule.steps": 9}, {"optimizer.decay": "cosine"}),
    # Pictures for validation are held out of those to train on.
    ({"evaluation.pictures": 8}, {"data.source": "folder"}),
    ({"data.validation_path": "other"}, {"data.source": "arrays"}),
    ({"data.validation_path": None}, OF_THEIR_OWN),
  ],
)
def test_change_of_what_is_computed_needs_to_be_allowed(change, before):
  (key,) = change
  with pytest.raises(errors.UserError, match="`allow_config_change`") as caught:
    check(change, before=before)
  assert f"RUN/4 has another config: config.{key}: " in str(caught.value)
  with tiny_run.captured_log() as lines:
    check(change, before=before, allow_change=True)
  assert len(lines) == 1 and key in lines[0]


@pytest.mark.parametrize(
  "change",
  [
    {"model.width": 24},
    {"model.channels": 1},
    {"model.guided": True},
    {"model.bound": "clip"},
    {"model.discriminator": "none"},
    {"model.discriminator_width": 32},
    {"optimizer.kind": "adadelta"},
    {"optimizer.average_decay": 0.9},
    {"optimizer.decay": "cosine"},
  ],
)
def test_change_of_the_arrays_cannot_be_allowed(change):
  with pytest.raises(errors.UserError, match="does not fit this config"):
    check(change, allow_change=True)


def test_pictures_for_validation_of_their_own_may_change():
  check({"evaluation.pictures": 8}, before=OF_THEIR_OWN)
  check({"data.validation_path": "third"}, before=OF_THEIR_OWN)


def test_imported_weights_go_with_any_optimizer():
  everything_else = set(places2.get_config()) - {"model"}
  change = {"optimizer.decay": "cosine", "model.dtype": "bfloat16"}
  check(change, without=everything_else)
  with pytest.raises(errors.UserError, match=r"model\.guided: True, was False"):
    check({"model.guided": True}, without=everything_else)


@pytest.mark.parametrize(
  ("key", "value"),
  [
    ("loss.hole", 6.0),
    ("loss.gan", "non_saturating"),
    ("model.bound", "clip"),
    ("model.channels", 4),
    ("data.no_data", 0.0),
  ],
)
def test_key_that_a_checkpoint_lacks_has_its_default(key, value):
  check({}, without=[key])
  with pytest.raises(errors.UserError, match=f"config.{key}: {value}, was"):
    check({key: value}, without=[key])


@pytest.mark.parametrize(
  ("key", "value"),
  [
    ("loss.hole", 6.0),
    ("loss.window", 4.0),
    ("loss.separate_means", True),
    ("loss.gan", "non_saturating"),
    ("schedule.generator_every_steps", 5),
    ("model.bound", "clip"),
  ],
)
def test_key_that_an_older_checkpoint_lacks_has_its_old_value(key, value):
  check({}, without=[key])
  with pytest.raises(errors.UserError, match=f"config.{key}: {value}, was"):
    check({key: value}, without=[key])


def test_checkpoint_without_channels_and_range_is_of_photographs():
  keys = ("value_range", "range_quantiles", "no_data", "shown_channels")
  check({}, without=["model.channels", *(f"data.{key}" for key in keys)])
  with pytest.raises(errors.UserError, match=r"model\.channels: 1, was 3"):
    check({"model.channels": 1}, without=["model.channels"], allow_change=True)


def test_older_checkpoint_goes_on_under_the_new_draw():
  with tiny_run.captured_log() as lines:
    check({}, without=["model.initializer"])
  (line,) = lines
  assert "initializer: variance_preserving, was released" in line


def test_width_of_the_discriminator_may_be_said_or_left_to_the_other():
  check({"model.discriminator_width": 64})
  with pytest.raises(errors.UserError, match="does not fit"):
    check({"model.discriminator_width": 63})


def test_critics_fit_one_size_of_pictures():
  change = {"data.image_size": (64, 64)}
  check(change, allow_change=True)
  with pytest.raises(errors.UserError, match="does not fit"):
    check(
      change, before={"model.discriminator": "global_local"}, allow_change=True
    )


def test_advice_names_no_flag_where_there_is_none():
  with pytest.raises(errors.UserError) as error:
    check({"loss.adversarial": 0.5}, allow_change=None)
  assert "allow_config_change" not in str(error.value)


@pytest.mark.parametrize(
  "saved",
  [{"model": {}}, {"model": {"width": [4]}}, {"optimizer": "adam", "data": 3}],
)
def test_config_of_a_stranger_is_one_line(saved):
  config = json.loads(json.dumps(places2.get_config().to_dict()))
  with pytest.raises(errors.UserError, match="RUN/4 "):
    config_drift.check(
      config | saved, config, folder="RUN/4", allow_change=True
    )


def test_imported_weights_keep_the_range_that_they_know():
  now = places2.get_config().to_dict()
  saved = {"model": dict(now["model"]), "imported_from": "a file"}
  check = lambda data: config_drift.check(
    saved | ({} if data is None else {"data": data}),
    now,
    folder="F",
    allow_change=False,
  )
  now["data"]["value_range"] = (0.0, 4095.0)
  check(None)
  check({"value_range": [0.0, 4095.0], "no_data": None})
  with pytest.raises(errors.UserError, match=r"data\.value_range"):
    check({"value_range": [0.0, 1.0], "no_data": None})
  with pytest.raises(errors.UserError, match=r"data\.no_data"):
    check({"value_range": [0.0, 4095.0], "no_data": -1.0})
