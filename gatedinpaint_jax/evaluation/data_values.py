"""What a report says of data that is not photographs."""

from collections.abc import Mapping, Sequence
from typing import Any

from gatedinpaint_jax import values as values_lib


def describe(
  values: values_lib.Values, types: Sequence[str]
) -> dict[str, dict[str, Any]]:
  """Returns an entry for the JSON of a report; none for photographs."""
  if values == values_lib.PHOTOGRAPHS:
    return {}
  return {
    "values": {
      "channels": values.channels,
      "types": list(types),
      "value_range": [list(pair) for pair in values.ranges],
      "no_data": values.no_data,
    }
  }


def sentences(report: Mapping[str, Any]) -> list[str]:
  """Returns sentences on the data of a report, none for photographs."""
  if "values" not in report:
    return []
  found = report["values"]
  count, types = found["channels"], " and ".join(found["types"])
  ranges = [f"{low:g} to {high:g}" for low, high in found["value_range"]]
  if len({*ranges}) == 1:
    ranges = ranges[:1]
  missing = ["NaN"] * ("float32" in found["types"])
  if found["no_data"] is not None:
    missing.append(f"{found['no_data']:g}")
  return [
    f"{count} channel{'s' * (count > 1)} of {types}, range"
    f" {', '.join(ranges) or 'of the type'}, no-data value"
    f" {' or '.join(missing) or 'none'}.",
    "Percents are of the range; MAE and RMSE are in the units of the data.",
  ]
