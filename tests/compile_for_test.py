"""Programs compiled for accelerators that are not here."""

import json
import os
import pathlib

import pytest

from benchmarks import compiled_program
from tests import processes

# A folder with libtpu, jax-cuda12-plugin and jax-cuda12-pjrt: see the script.
COMPILERS = os.environ.get("COMPILERS", "")
PROGRAM = """\
HloModule jit_train_step

%body.1 (p.1: f32[8]) -> f32[8] {
  %p.1 = f32[8]{0} parameter(0)
  ROOT %f.1 = f32[8]{0} fusion(%p.1), kind=kLoop, calls=%fused.1, \
metadata={op_name="jit(train_step)/shard_map/jvp(Network)/coarse/conv1/add"}, \
backend_config={"estimated_cycles":"1000000"}
}

%branch.1 (p.2: f32[8]) -> f32[8] {
  ROOT %f.2 = f32[8]{0} fusion(%p.2), kind=kLoop, calls=%fused.1, \
backend_config={"estimated_cycles":"500000"}
}

%less.1 (p.3: f32[8]) -> pred[] {
  %n.1 = s32[]{:T(128)} constant(5), metadata={}
  ROOT %l.1 = pred[] compare(%p.3, %n.1), direction=LT
}

%other.1 (p.4: f32[8]) -> pred[] {
  ROOT %l.2 = pred[] compare(%p.4, %p.4), direction=LT
}

ENTRY %main.1 (x.1: f32[8]) -> f32[8] {
  %x.1 = f32[8]{0} parameter(0)
  %w.1 = f32[8]{0} while(%x.1), condition=%cond.1, body=%body.1, \
backend_config={"known_trip_count":{"n":"3"}}
  %v.1 = f32[8]{0} while(%w.1), condition=%less.1, body=%body.1
  %u.1 = f32[8]{0} while(%v.1), condition=%other.1, body=%body.1
  %c.1 = f32[8]{0} conditional(%x.1, %w.1), \
branch_computations={%branch.1, %branch.1}
  %s.1 = (bf16[8]{0}, bf16[8]{0}) all-reduce-start(%w.1), to_apply=%add.1
  %d.1 = bf16[8]{0} all-reduce-done(%s.1)
  %r.1 = f32[8]{0} all-reduce(%w.1), to_apply=%add.1
  %k.1 = f32[8]{0} custom-call(%w.1), custom_call_target="kernel"
  %a.1 = f32[8]{0} custom-call(), custom_call_target="AllocateBuffer"
  %o.1 = f32[8]{0} copy(%w.1), \
backend_config={"estimated_cycles":"9223372036854775807"}
  ROOT %y.1 = f32[8]{0} add(%w.1, %r.1)
}
"""


def test_instructions_count_as_often_as_they_run():
  counts = compiled_program.summarize(PROGRAM)
  assert counts["estimated_million_cycles"] == 3 + 5 + 1 + 2 * 0.5
  layers = counts["million_cycles_of_layers"]
  assert layers == {"Network/coarse/conv1": 9.0, "unnamed": 1.0}
  assert counts["collectives"] == {"all-reduce": 2}
  assert counts["bfloat16_all_reduces"] == 1
  assert counts["unestimated_calls"] == 1  # the kernel
  assert (counts["loops"], counts["loops_of_unknown_length"]) == (3, 1)
  assert (counts["fusions"], counts["copies"]) == (11, 1)


def compile_for(target, *flags, compilers=COMPILERS):
  return processes.run(
    "benchmarks/compile_for.py",
    f"--target={target}",
    f"--compilers={compilers}",
    "--config=configs/places2.py",
    "--config.data.image_size=(64, 64)",
    "--config.data.batch_size=8",
    "--config.model.width=8",
    "--config.model.dtype=bfloat16",
    *flags,
    JAX_DISABLE_MOST_OPTIMIZATIONS="0",
  )


@pytest.mark.parametrize(
  ("target", "told"),
  [
    ("v9:2x2", ["--target='v9'", "v5e, v5p, v6e, h100"]),
    ("v5e:2x2", ["--compilers", "libtpu/libtpu.so", "pip install"]),
    ("h100", ["--compilers", "jax_plugins/xla_cuda12", "pip install"]),
  ],
)
def test_mistake_ends_with_one_line(target, told, tmp_path):
  done = compile_for(target, compilers=tmp_path)
  assert done.returncode == 2
  (line,) = done.stderr.splitlines()
  for part in told:
    assert part in line


@pytest.mark.slow
@pytest.mark.parametrize(
  ("target", "compiler"),
  [("v5e:2x2", "libtpu"), ("h100:4", "jax_plugins/xla_cuda12")],
)
def test_devices_exchange_gradients_and_metrics_alone(target, compiler):
  if not COMPILERS or not (pathlib.Path(COMPILERS) / compiler).exists():
    pytest.skip(f"COMPILERS names no folder with {compiler}")
  done = compile_for(target)
  assert done.returncode == 0, done.stderr
  counts = json.loads(done.stdout)
  assert counts["devices"] == 4
  assert counts["collectives"].keys() == {"all-reduce"}
  assert counts["bfloat16_all_reduces"] == 0
  # Parameters and optimizer states, 4 MB, are donated, the batch is not: 32 KB.
  assert counts["arguments_gib"] - counts["donated_gib"] < 2e-4
  assert counts["temporary_gib"] < 0.1
  # The devices do not divide this batch.
  refused = compile_for(target, "--config.data.batch_size=6")
  assert refused.returncode == 2
  assert "config.data.batch_size=6" in refused.stderr.splitlines()[-1]
