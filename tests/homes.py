"""A user without a home, as containers have."""

import pwd


def leave_none(monkeypatch):
  """Takes away `HOME`, the user's entry in passwd and the folder of caches."""

  def find_nobody(_):
    raise KeyError("uid not found")

  monkeypatch.delenv("HOME", raising=False)
  monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
  monkeypatch.setattr(pwd, "getpwuid", find_nobody)
