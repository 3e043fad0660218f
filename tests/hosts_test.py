"""Processes that are to train one run."""

import jax
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.training import hosts


def test_processes_that_do_not_find_each_other_are_told(monkeypatch):
  def fail(*_):
    raise ValueError("coordinator_address should be defined.")

  monkeypatch.setattr(jax.distributed, "initialize", fail)
  with pytest.raises(errors.UserError, match="`coordinator`=HOST:PORT"):
    hosts.join()
